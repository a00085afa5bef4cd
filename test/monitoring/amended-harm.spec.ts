import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DueWindows } from '../../activities/due-windows.js';
import { HarmMemories } from '../../activities/harm-memories.js';
import { LateRows } from '../../activities/late-rows.js';
import { WindowAlarms } from '../../activities/window-alarms.js';
import { WindowClosings } from '../../activities/window-closings.js';
import { harmAlarmKey } from '../../src/alarms/monitoring-alarms.js';
import type { DueAssessment } from '../../src/contracts/window-assessment.js';
import type { WindowAssessmentReport } from '../../src/contracts/window-assessment-report.js';
import { SPEC } from '../../src/data/data-fixture.js';
import { championFigures, type ChampionFigures } from '../../src/drift/champion-figures.js';
import { labelledHarmTerms } from '../../src/drift/harm-budgets.js';
import { followHarm, type HarmMemory } from '../../src/drift/harm-course.js';
import type { MonitoringPlan } from '../../src/drift/monitoring-plan.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { AssessmentsRepository } from '../../src/registry/assessments.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import type { RetrainingDecisionRecord } from '../../src/registry/entities/retraining-decision.entity.js';
import type { WindowAssessment } from '../../src/registry/entities/window-assessment.entity.js';
import { GatewaysRepository } from '../../src/registry/gateways.repository.js';
import { type EventTimeRange, LabelsRepository } from '../../src/registry/labels.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { ObservationsRepository } from '../../src/registry/observations.repository.js';
import { RetrainingDecisionsRepository } from '../../src/registry/retraining-decisions.repository.js';
import { RetrainsRepository } from '../../src/registry/retrains.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import type { ModelSpec } from '../../src/spec/model-spec.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';

const MODEL = SPEC.model;
const DAY = 86_400_000;
const ROWS = 40;
const PLAN: MonitoringPlan = { metric: 'brier', bound: 1, dependence: 'rows', blockMs: DAY, threshold: 0.5 };
const ORIGIN = { workflowId: 'w', runId: 'r' };
const COUNTERFACTUAL = {} as RetrainingDecisionRecord['counterfactual'];

let registry: RegistryServer;
let alarms: AlarmsRepository;
let assessments: AssessmentsRepository;
let labels: LabelsRepository;
let models: ModelsRepository;
let observations: ObservationsRepository;
let decisions: RetrainingDecisionsRepository;
let memories: HarmMemories;
let windowAlarms: WindowAlarms;
let due: DueWindows;
const figures = new Map([1, 2].map((number) => [number, version(number)]));

beforeAll(async () => {
  registry = await startRegistryServer();
  const { dataSource } = registry;
  const audit = new AuditLedger(dataSource);
  [alarms, assessments, labels, models, observations] = [new AlarmsRepository(dataSource, audit), new AssessmentsRepository(dataSource), new LabelsRepository(dataSource, audit), new ModelsRepository(dataSource), new ObservationsRepository(dataSource)];
  decisions = new RetrainingDecisionsRepository(dataSource, new CommandsRepository(dataSource, audit), new RetrainsRepository(dataSource, audit), audit);
  memories = new HarmMemories(assessments, decisions, alarms, new RoutingRepository(dataSource, audit));
  windowAlarms = new WindowAlarms(assessments, alarms);
  due = new DueWindows(assessments, observations, labels, models, new WindowClosings(new GatewaysRepository(dataSource), observations), new LateRows(assessments, observations));
  await apply({});
}, 60_000);
afterAll(() => registry?.stop());

/** Days of rows, labels a day later, and a good deal of false alarms, so that harm is found within days. */
async function apply({ horizon = 'P1D', tolerance = 0.1 }): Promise<void> {
  const yaml = JSON.stringify({ ...SPEC, data: { ...SPEC.data, labelHorizon: horizon }, monitoring: { window: 'P1D', falseAlarms: 0.5, tolerance } });
  await registry.dataSource.transaction((manager) => models.apply(manager, yaml, parseSpec(yaml), 'ann', new Date()));
}

function version(number: number): ChampionFigures {
  const random = seededRandom(number);
  const predictions = Float32Array.from({ length: 30 * ROWS }, random);
  const rows = {
    task: 'binary-classification' as const, predictions, labels: Float64Array.from(predictions, (chance) => (random() < chance ? 1 : 0)),
    eventTimesMs: Float64Array.from(predictions, (_, row) => Math.floor((row * DAY) / ROWS)),
  };
  return { version: number, snapshot: `sha256:${number}`, from: '', until: '', outputsDigest: 'sha256:1', ...championFigures(rows, PLAN, { alpha: 0.05 }) };
}

interface Day {
  readonly version?: number;
  /** The mean loss by the labels that stand in the end. */
  readonly loss: number;
}

/** What is known of a day until its labels come late: another mean loss, or nothing (NaN). */
interface Late {
  readonly day: number;
  readonly until: number;
  /** The day after whose look they come. */
  readonly after: number;
}

/** A deployment whose days are looked at one after the other, as labels and persons have it. */
class Course {
  readonly startMs: number;
  readonly resolved: { readonly key: string; readonly after: number }[] = [];
  readonly dues: DueAssessment[] = [];
  private clock = Date.now() - 10 * DAY;
  private late: Late | null = null;
  /** Of the model's false alarms. */
  share = 1;
  private come = false;

  constructor(readonly deployment: string, private readonly days: readonly Day[], { daysAgo = 60 } = {}) {
    this.startMs = Math.floor(Date.now() / DAY) * DAY - daysAgo * DAY;
  }

  /** @param resolveAfter the days after whose look a person ends the alarms that are open */
  async run(late: Late | null, resolveAfter: readonly number[] = []): Promise<void> {
    this.late = late;
    for (const day of this.days.keys()) {
      await this.look(day);
      if (resolveAfter.includes(day)) await this.resolve(day);
      if (late?.after === day) await this.bringLabels(day);
    }
  }

  async open(): Promise<void> {
    await registry.dataSource.query("INSERT INTO routing (model, deployment, revision, epoch, challengers, weights, salt, paused, changed_at) VALUES ($1, $2, 1, 0, '{}', '{}', 's', false, now()) ON CONFLICT DO NOTHING", [MODEL, this.deployment]);
  }

  async look(day: number): Promise<void> {
    const fromMs = this.startMs + day * DAY;
    if (day === 0) await this.open();
    const segment = { gateway: 'g', boot: this.deployment, segment: day + 1, digest: `sha256:${this.deployment}/${day}`, bytes: 1 };
    await observations.addConverted({ ...segment, observations: ROWS, mirrored: 0, firstEventMs: fromMs, lastEventMs: fromMs + DAY - 1, sealedAt: new Date() }, {
      model: MODEL, deployment: this.deployment, kind: 'observation', digest: segment.digest, bytes: 1, rows: ROWS, firstSequence: 1, lastSequence: ROWS, firstEventMs: fromMs, lastEventMs: fromMs + DAY - 1,
      newestReceivedMs: Date.now(), leadMs: 0, eventHours: null,
    });
    await this.catchUp();
  }

  async catchUp(): Promise<void> {
    for (let next = await due.next(MODEL, this.deployment); next; next = await due.next(MODEL, this.deployment)) await this.assess(next);
  }

  async bringLabels(after: number, day = this.late!.day): Promise<void> {
    this.come = true;
    const fromMs = this.startMs + day * DAY;
    await bring(this.deployment, { amends: { firstMs: fromMs, lastMs: fromMs } });
    await this.catchUp();
    expect(after).toBeGreaterThanOrEqual(day);
  }

  async resolve(after: number): Promise<void> {
    for (const { id, dedupKey } of (await alarms.openOf('harmfulShift')).filter(({ deployment }) => deployment === this.deployment)) {
      await alarms.end(id, 'seen to', new Date(this.clock += 1_000), ORIGIN, 'ann');
      this.resolved.push({ key: dedupKey, after });
    }
  }

  private losses(day: number): Float64Array {
    const random = seededRandom(1_000 + day);
    const mean = this.late?.day === day && !this.come ? this.late.until : this.days[day]!.loss;
    return Float64Array.from({ length: ROWS }, () => mean + 0.1 * (random() - 0.5));
  }

  private followed(day: number, before: HarmMemory | null, resolved: boolean, { monitoring }: ModelSpec): HarmMemory {
    const fromMs = this.startMs + day * DAY;
    const eventTimesMs = Float64Array.from({ length: ROWS }, (_, row) => fromMs + Math.floor((row * DAY) / ROWS));
    return followHarm(before, { fromMs, untilMs: fromMs + DAY, figures: figures.get(this.days[day]!.version ?? 1)!, terms: labelledHarmTerms(monitoring, this.share), losses: this.losses(day), eventTimesMs, resolved })!.memory;
  }

  /** As MonitoringActivities and RetrainingActivities do, of losses that are known. */
  async assess(window: DueAssessment): Promise<void> {
    this.dues.push(window);
    const { model, deployment, fromMs, untilMs, revision, occasion, specDigest } = window;
    const [assessedAt, labelRevision, labelled] = [new Date(this.clock += 1_000), await labels.revision(model, deployment), occasion !== 'closed'];
    const harm = labelled ? await this.harm(window, assessedAt) : null;
    await assessments.add({
      model, deployment, fromEvent: new Date(fromMs), untilEvent: new Date(untilMs), revision, occasion, specDigest, labelRevision, filesDigest: 'sha256:f', rows: ROWS, verdict: 'pass', findings: [], headline: this.headline(harm),
      reportDigest: null, harm, estimatedHarm: null, alarmId: null, workflowId: 'w', assessedAt,
    });
    const decision = { model, deployment, fromEvent: new Date(fromMs), revision, outcome: 'wait', reason: 'noTrigger', trigger: null, because: 'nothing calls for it', counterfactual: COUNTERFACTUAL, decisionDigest: 'sha256:d', decidedAt: assessedAt } as const;
    await decisions.add(decision, null, ORIGIN);
  }

  private headline(harm: WindowAssessment['harm']): WindowAssessment['headline'] {
    const { sequence, state: { alarm } } = (harm?.memory ?? { sequence: { version: 1 }, state: { alarm: null } }) as HarmMemory;
    return { version: sequence.version, harm: harm && { mean: 0, rows: 0, limit: 0, alarm } } as unknown as WindowAssessment['headline'];
  }

  private async harm(window: DueAssessment, cameBy: Date): Promise<WindowAssessment['harm']> {
    const before = await memories.before({ ...window, cameBy });
    const memory = this.followed((window.fromMs - this.startMs) / DAY, before.memory, before.resolved, await models.spec(MODEL, window.specDigest));
    const report = { harm: { standing: { mean: 0, rows: 0, limit: 0, alarm: memory.state.alarm } }, baseline: { metric: 'brier', meanLoss: null } } as unknown as WindowAssessmentReport;
    await windowAlarms.tellHarm(window, { harm: { before, memory }, report }, { at: new Date(this.clock += 1_000), by: ORIGIN });
    return { after: before.after, memory };
  }

  /** The newest of each day. */
  async memories(): Promise<HarmMemory[]> {
    return (await assessments.labelled(MODEL, this.deployment, new Date(0))).map(({ harm }) => harm!.memory as HarmMemory);
  }

  /** What they come to where all labels are there, and a person ends what this course's persons did, if it is to be ended by then. */
  async expected(): Promise<HarmMemory[]> {
    const spec = await models.spec(MODEL, (await models.get(MODEL)).specDigest);
    const found: HarmMemory[] = [];
    for (const day of this.days.keys()) {
      const before = found.at(-1) ?? null;
      const alarmDay = before?.state.alarm ? Math.ceil((before.state.alarm.atMs - this.startMs) / DAY) - 1 : Infinity;
      const resolved = before !== null && this.resolved.some(({ key, after }) => key === harmAlarmKey({ model: MODEL, deployment: this.deployment }, before.sequence.id) && alarmDay <= after && after < day);
      found.push(JSON.parse(JSON.stringify(this.followed(day, before, resolved, spec))));
    }
    return found;
  }

  /** Sequences by the days in which they began. */
  async sequences(): Promise<string[]> {
    return (await this.memories()).map(({ sequence: { id, version: number } }) => `v${number}@${(Date.parse(id.slice(id.indexOf('@') + 1)) - this.startMs) / DAY}`);
  }

  async told(): Promise<{ readonly day: number; readonly by: string | null }[]> {
    const stories = (await alarms.list(1_000, { model: MODEL })).filter(({ alarm }) => alarm.deployment === this.deployment);
    return stories.map(({ alarm, end }) => ({ day: (Date.parse(alarm.subject.slice('window/'.length, 'window/'.length + 24)) - this.startMs) / DAY, by: end?.endedBy ?? null })).sort((one, other) => one.day - other.day);
  }
}

/** A batch of labels that changes figures, ingested. */
async function bring(deployment: string, ranges: { readonly amends?: EventTimeRange; readonly inTime?: EventTimeRange }): Promise<void> {
  const digest = `sha256:${randomUUID()}`;
  const { batch } = await labels.receive({ actor: 'ann', idempotencyKey: digest, model: MODEL, deployment, format: 'csv', artifact: { digest, bytes: 1 } }, new Date());
  const counts = { rows: 1, accepted: 1, repeated: 0, corrected: 0, late: 0, unknown: 0, invalid: 0 };
  const { amends = null, inTime = null } = ranges;
  await labels.settle(MODEL, batch.number, { kind: 'ingested', counts, faults: [] }, { artifact: { digest, bytes: 1 }, rows: 1, unplaced: 0, eventTimes: amends ?? inTime, amends, inTime }, new Date(), ORIGIN);
}

const days = (...losses: number[]): Day[] => losses.map((loss) => ({ loss }));
const [FINE, HARM] = [0.15, 0.6];

describe('labels that come late', () => {
  it('leave an alarm that a person ended where it was: the evidence begins anew where it did, and nothing is told again', async () => {
    const course = new Course('resolved', days(FINE, HARM, HARM, HARM, HARM, FINE, FINE, FINE, FINE));
    await course.run({ day: 1, until: 0.5, after: 7 }, [4]);
    expect(await course.sequences()).toEqual([...Array.from({ length: 5 }, () => 'v1@0'), ...Array.from({ length: 4 }, () => 'v1@5')]);
    expect(await course.memories()).toEqual(await course.expected());
    expect(await course.told()).toEqual([{ day: expect.any(Number) as number, by: 'ann' }]);
  });

  it('ask for no retrain by an alarm that a person has ended, until the evidence that begins anew alarms', async () => {
    const course = new Course('ended', days(FINE, HARM, HARM, HARM, HARM, HARM));
    const alarmed = async (): Promise<boolean> => (await memories.counted(MODEL, 'ended', new Date(0))).at(-1)!.harm!.alarm !== null;
    const seen: boolean[] = [];
    for (const day of [0, 1, 2, 3, 4, 5]) {
      await course.look(day);
      seen.push(await alarmed());
      if (day === 3) await course.resolve(day);
      if (day === 3) seen.push(await alarmed());
    }
    expect(seen).toEqual([false, true, true, true, false, true, true]);
  });

  it('begin no sequence of a version that another one has followed, and leave that one its allowance', async () => {
    const course = new Course('replaced', [...days(FINE, HARM, HARM, HARM, HARM), ...Array.from({ length: 4 }, () => ({ version: 2, loss: FINE }))]);
    await course.run({ day: 2, until: NaN, after: 7 });
    expect(await course.sequences()).toEqual([...Array.from({ length: 5 }, () => 'v1@0'), ...Array.from({ length: 4 }, () => 'v2@5')]);
    expect((await course.memories()).at(-1)!.allowance).toBeCloseTo(0.5 / 6, 12);
    expect(await course.told()).toEqual([{ day: expect.any(Number) as number, by: 'perennial' }]);
  });

  it('are counted by the spec of the figures that they change: an alarm stays open, also where a person looks at the past by another spec', async () => {
    const course = new Course('terms', days(FINE, HARM, HARM, HARM, HARM, HARM));
    await course.run(null);
    const { specDigest } = await models.get(MODEL);
    await apply({ tolerance: 0.2 });
    await course.bringLabels(5, 1);
    expect(course.dues.slice(-5).map(({ occasion, specDigest: by }) => [occasion, by])).toEqual(Array.from({ length: 5 }, () => ['amended', specDigest]));
    expect(new Set(await course.sequences())).toEqual(new Set(['v1@0']));
    expect(await course.told()).toMatchObject([{ by: null }]);
    const window = { ...course.dues.at(-1)!, fromMs: course.startMs + DAY, untilMs: course.startMs + 2 * DAY };
    await course.assess({ ...window, occasion: 'backfilled', revision: await assessments.nextRevision(MODEL, 'terms', new Date(window.fromMs)), specDigest: (await models.get(MODEL)).specDigest });
    expect(await course.told()).toMatchObject([{ by: null }]);
    await apply({});
  });

  it('tell of harm that only they show, also where an alarm that they take back was ended', async () => {
    const course = new Course('moved', days(FINE, FINE, FINE, FINE, FINE, FINE, FINE, HARM, HARM, HARM, HARM));
    await course.run({ day: 1, until: 0.95, after: 6 }, [3]);
    expect(new Set(await course.sequences())).toEqual(new Set(['v1@0']));
    expect(await course.told()).toEqual([{ day: 1, by: 'ann' }, { day: 7, by: null }]);
  });

  it('end the alarm of evidence that they take back, and harm is told of what stands then', async () => {
    const course = new Course('taken-back', days(FINE, FINE, FINE, FINE, HARM, HARM, HARM, HARM, HARM));
    await course.run({ day: 1, until: 0.95, after: 6 }, [3]);
    expect(new Set(await course.sequences())).toEqual(new Set(['v1@0']));
    expect(await course.told()).toEqual([{ day: 1, by: 'ann' }, { day: 4, by: 'perennial' }, { day: 7, by: null }]);
  });

  const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1);
  it.each(SEEDS)('give the same figures as labels in order, alarms ended in between or not (seed %i)', async (seed) => {
    const random = seededRandom(7_000 + seed);
    const upTo = (most: number): number => Math.floor(random() * (most + 1));
    const [from, length, replaced] = [1 + upTo(3), 2 + upTo(4), random() < 0.3 ? 5 + upTo(4) : Infinity];
    const all = Array.from({ length: 11 }, (_, day) => ({ version: day >= replaced ? 2 : 1, loss: day >= from && day < from + length ? HARM : FINE }));
    const day = upTo(6);
    const late = { day, until: [NaN, 0.95, FINE, 0.95][seed % 4]!, after: Math.min(9, day + upTo(5)) };
    const resolveAfter = seed % 3 === 0 ? [] : [seed % 2 === 0 ? from + 1 + upTo(2) : late.day, from + 4 + upTo(2)];
    const [inOrder, outOf] = [new Course(`in-order-${seed}`, all), new Course(`out-of-order-${seed}`, all)];
    await inOrder.run(null, resolveAfter);
    await outOf.run(late, resolveAfter);
    expect(await outOf.memories()).toEqual(await outOf.expected());
    expect(await inOrder.memories()).toEqual(await inOrder.expected());
    const endings = ({ resolved, deployment }: Course): unknown => resolved.map(({ key, after }) => [key.replace(deployment, ''), after]);
    same.push(JSON.stringify(endings(outOf)) === JSON.stringify(endings(inOrder)));
    if (same.at(-1)) expect(await outOf.memories()).toEqual(await inOrder.memories());
    const last = (await outOf.memories()).at(-1)!;
    const after = await memories.before({ model: MODEL, deployment: outOf.deployment, fromMs: outOf.startMs + 11 * DAY, untilMs: outOf.startMs + 12 * DAY, cameBy: new Date() });
    expect(after.told).toBe(last.state.alarm !== null);
  }, 60_000);
  const same: boolean[] = [];

  it('were tried where persons ended the same alarms, and where they did not', () => {
    expect(new Set(same)).toEqual(new Set([true, false]));
  });
});

describe('deployments of one model', () => {
  it('share its false alarms by their place, and one that goes live later takes nothing of what others have', async () => {
    await registry.apiKey('ann');
    const line = new ModelCourse(registry.dataSource, MODEL);
    line.specDigest = (await models.get(MODEL)).specDigest;
    const version = await line.trained('ann', 'the first one');
    const goLive = (deployment: string): Promise<unknown> => line.routing.moveChampion({ model: MODEL, deployment, expectedEpoch: 0, version, reason: 'promotion', actor: 'ann' }, line.next(), ORIGIN);
    const courses = ['shared-z', 'shared-a', 'shared-b'].map((deployment) => new Course(deployment, [...days(FINE, FINE), { version: 2, loss: FINE }]));
    for (const course of courses) {
      await course.open();
      await goLive(course.deployment);
      course.share = await memories.shareOf({ model: MODEL, deployment: course.deployment });
      await course.run(null);
    }
    for (const [place, { deployment }] of courses.entries()) {
      const share = [3 / 4, 1 / 8, 1 / 24][place]!;
      expect(await memories.shareOf({ model: MODEL, deployment })).toBe(share);
      const given = (await courses[place]!.memories()).map(({ allowance }) => allowance);
      expect(given, deployment).toEqual([1 / 2, 1 / 2, 1 / 6].map((part) => expect.closeTo(0.5 * share * part, 12) as number));
    }
  });
});

describe('a window whose labels were counted is counted again', () => {
  it('however many windows ago the horizon of its labels began', async () => {
    await apply({ horizon: 'P120D' });
    const course = new Course('long', days(FINE), { daysAgo: 130 });
    await course.run(null);
    expect(course.dues.map(({ occasion }) => occasion)).toEqual(['matured']);
    await bring(course.deployment, { amends: { firstMs: course.startMs, lastMs: course.startMs } });
    expect(await due.next(MODEL, course.deployment)).toMatchObject({ occasion: 'amended', fromMs: course.startMs });
    await apply({});
  });

  it('where its first labels were in time by a horizon that came later', async () => {
    const course = new Course('raised', days(FINE, FINE, FINE));
    await course.run(null);
    await apply({ horizon: 'P14D' });
    const fromMs = course.startMs + DAY;
    await bring(course.deployment, { inTime: { firstMs: fromMs + DAY / 2, lastMs: fromMs + 40 * DAY } });
    expect(await due.next(MODEL, course.deployment)).toMatchObject({ occasion: 'amended', fromMs });
    const before = course.dues.length;
    await course.catchUp();
    expect(course.dues.slice(before).map(({ fromMs: at, occasion }) => [(at - course.startMs) / DAY, occasion])).toEqual([[1, 'amended'], [2, 'amended']]);
    await apply({});
  });
});
