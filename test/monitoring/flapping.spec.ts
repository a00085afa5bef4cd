import { afterAll, beforeAll, expect, it } from 'vitest';
import { RetrainingActivities } from '../../activities/retraining.activities.js';
import type { AssessmentHeadline, DueAssessment } from '../../src/contracts/window-assessment.js';
import { SPEC } from '../../src/data/data-fixture.js';
import { AssessmentsRepository } from '../../src/registry/assessments.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { RetrainingDecisionsRepository } from '../../src/registry/retraining-decisions.repository.js';
import { RetrainsRepository } from '../../src/registry/retrains.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { CommandPath } from '../alarms/command-path.js';

const MODEL = 'flapping';
const COOLDOWN_DAYS = 30;
const YAML = JSON.stringify({ ...SPEC, model: MODEL, retraining: { triggers: ['performance'], cooldown: `P${COOLDOWN_DAYS}D`, minimumSinceChange: 100, budget: { retrains: 1_000 } } });
const { digest: specDigest } = parseSpec(YAML);
const PLANTS = Array.from({ length: 10 }, (_, index) => `plant-${index}`);
const [DAY_MS, FIRST_MS] = [86_400_000, Date.UTC(2024, 0, 1)];
const ORIGIN = { workflowId: null, runId: null };

let path: CommandPath;
let retrains: RetrainsRepository;

beforeAll(async () => {
  path = await CommandPath.start();
  const { dataSource } = path.registry;
  await dataSource.transaction((manager) => new ModelsRepository(dataSource).apply(manager, YAML, parseSpec(YAML), 'ann', new Date()));
  await dataSource.query(
    "INSERT INTO routing (model, deployment, revision, epoch, challengers, weights, salt, paused, changed_at) SELECT $1, name, 1, 0, '{}', '{}', 's', false, now() FROM unnest($2::text[]) AS name", [MODEL, PLANTS]);
  retrains = path.rooms.get(RetrainsRepository);
}, 120_000);

afterAll(() => path?.stop(), 60_000);

/** Every other day its losses speak for harm since the first one. */
async function assess(deployment: string, day: number): Promise<DueAssessment> {
  const [fromMs, untilMs] = [FIRST_MS + day * DAY_MS, FIRST_MS + (day + 1) * DAY_MS];
  const alarm = day % 2 === 0 ? { atMs: untilMs, by: 'change' as const, sinceMs: FIRST_MS } : null;
  const headline: AssessmentHeadline = {
    version: 1, metric: null, baseline: null, estimated: null, measured: null, threshold: null, meanLoss: 0.5, labelled: 1_000, drifted: null, complete: true,
    harm: { rows: 1_000, missing: 0, mean: 0.5, lower: 0.4, limit: 0.2, evidence: 50, threshold: 40, alarm },
  };
  const window = { model: MODEL, deployment, fromMs, untilMs, occasion: 'matured' as const, revision: 1, specDigest, tier: 'low', completeness: { complete: true, gateways: 0, behind: [], unconverted: 0 } };
  await path.rooms.get(AssessmentsRepository).add({
    model: MODEL, deployment, fromEvent: new Date(fromMs), untilEvent: new Date(untilMs), revision: 1, occasion: 'matured', specDigest, labelRevision: 0, filesDigest: 'sha256:0', rows: 1_000,
    verdict: alarm ? 'fail' : 'pass', findings: [], headline, reportDigest: null, harm: null, estimatedHarm: null, alarmId: null, workflowId: `monitor/${MODEL}/${deployment}/${day}`, assessedAt: new Date(),
  });
  return window;
}

/** A day of all deployments, decided over at once. @returns retrains that have no outcome after it */
async function flap(day: number): Promise<number[]> {
  const decisions = path.rooms.get(RetrainingActivities);
  await Promise.all(PLANTS.map(async (plant) => decisions.decideRetraining(await assess(plant, day), ORIGIN)));
  return (await retrains.open()).filter(({ model }) => model === MODEL).map(({ number }) => number);
}

it('a thousand alarms that come and go in ten deployments start one retrain at a time, and the next after the cooldown', async () => {
  const running: (readonly number[])[] = [];
  for (let day = 0; day < 100; day++) {
    running.push(await flap(day));
    if (day === 15) await retrains.end({ model: MODEL, number: 1 }, { outcome: 'rejected', reason: 'no better', failure: null, promotedEpoch: null }, new Date(), ORIGIN);
  }
  expect(running.filter((open) => open.length > 1)).toEqual([]);
  const all = (await retrains.list(MODEL, 100)).reverse();
  expect(all.map(({ number, trigger, outcome }) => [number, trigger, outcome])).toEqual([[1, 'performance', 'rejected'], [2, 'performance', null]]);
  const [first, second] = all.map(({ asOf }) => (asOf as Date).getTime());
  expect(second! - first!).toBeGreaterThanOrEqual(COOLDOWN_DAYS * DAY_MS);
  // Nobody asked for a retrain that was refused.
  const commands = await path.registry.dataSource.query("SELECT state, count(*)::int AS count FROM command WHERE model = $1 AND kind = 'retrain' GROUP BY state", [MODEL]);
  expect(commands).toEqual([{ state: 'done', count: 2 }]);
  const decided = await path.rooms.get(RetrainingDecisionsRepository).list(MODEL, 2_000);
  const reasons = new Map<string, number>();
  for (const { outcome, reason } of decided) reasons.set(reason ?? outcome, (reasons.get(reason ?? outcome) ?? 0) + 1);
  expect(decided).toHaveLength(1_000);
  expect([...reasons.keys()].sort()).toEqual(['active', 'cooldown', 'notEnoughData', 'nothing', 'retrain']);
  expect(reasons.get('retrain')).toBe(2);
}, 240_000);
