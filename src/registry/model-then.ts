import { type EntityManager, In, LessThanOrEqual } from 'typeorm';
import type { CommandOutcome } from '../contracts/commands.js';
import type { ReleasePlan } from '../contracts/releases.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { AuditEntry } from './entities/audit-entry.entity.js';
import { ModelSpecRecord } from './entities/model.entity.js';
import type { ChampionChange } from './entities/routing.entity.js';

/** What is said of a model as a whole. */
export type ModelFacts = Pick<ModelSpec, 'owner' | 'tier' | 'task' | 'purpose'>;

/** A challenger that answers a share. */
export interface Canary {
  readonly version: number;
  readonly release: number;
  /** Index into the canary steps of the release's plan. */
  readonly step: number;
  /** Of the entities. */
  readonly percent: number;
  /** When the step began. */
  readonly since: Date;
}

/**
 * What was in force of a model at a moment: its spec as commands had applied it until then, and the owner also where somebody had taken a leaver's place since.
 * @param otherwise digest of the spec that counts where no entry tells of one
 */
export async function factsThen(manager: EntityManager, model: string, at: Date, otherwise: string): Promise<ModelFacts> {
  const where = { model, subject: `model/${model}`, action: In(['spec.applied', 'model.ownerReplaced']), at: LessThanOrEqual(at) };
  let [digest, heir]: [string, string | null] = [otherwise, null];
  for (const { action, details } of await manager.find(AuditEntry, { where, order: { id: 'ASC' } })) {
    const told = JSON.parse(details.toString('utf8')) as { readonly outcome: CommandOutcome; readonly to: string };
    if (action === 'model.ownerReplaced') heir = told.to;
    else if (told.outcome.kind === 'apply' && told.outcome.changed) [digest, heir] = [told.outcome.specDigest, told.outcome.owner?.successor ?? null];
  }
  const { canonical } = await manager.findOneByOrFail(ModelSpecRecord, { model, digest });
  // Not held against the schema of today: years may lie between.
  const { owner, tier, task, purpose } = JSON.parse(canonical.toString('utf8')) as ModelSpec;
  return { owner: heir ?? owner, tier, task, purpose };
}

/** The releases whose canary gave a share of the answers to another version at a moment of an epoch, in their order. */
export async function canariesThen(manager: EntityManager, { model, deployment, epoch }: ChampionChange, at: Date): Promise<Canary[]> {
  const found: (Omit<Canary, 'percent'> & { readonly plan: Buffer })[] = await manager.query(CANARIES, [model, deployment, epoch, at]);
  return found.map(({ plan, ...canary }) => ({ ...canary, percent: (JSON.parse(plan.toString('utf8')) as ReleasePlan).canary.steps[canary.step] as number }));
}

// A pause leaves the share as it is, so that it is a row of the same step.
const CANARIES = `
SELECT r.version, r.number AS release, stood.step, r.plan,
  (SELECT min(s.taken_at) FROM release_step s WHERE s.model = r.model AND s.release = r.number AND s.stage = 'canary' AND s.step = stood.step) AS since
FROM release r
CROSS JOIN LATERAL (SELECT s.stage, s.step FROM release_step s WHERE s.model = r.model AND s.release = r.number AND s.taken_at <= $4 ORDER BY s.number DESC LIMIT 1) stood
WHERE r.model = $1 AND r.deployment = $2 AND r.epoch = $3 AND stood.stage = 'canary'
ORDER BY r.number`;
