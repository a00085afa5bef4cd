import type { EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import { RETIREMENT_CALLED_OFF } from '../contracts/retirements.js';
import type { StageHold } from '../contracts/stage-terms.js';
import { RetirementStep } from './entities/retirement.entity.js';

// A retirement that was called off has no say any more.
const IN_FORCE = `
SELECT number, EXISTS (SELECT FROM retirement_step step WHERE step.model = retirement.model AND step.number = retirement.number AND step.step = 'stopped') AS stopped
FROM retirement WHERE model = $1
  AND NOT EXISTS (SELECT FROM retirement_step step WHERE step.model = retirement.model AND step.number = retirement.number AND step.step IN ('rejected', 'expired', 'withdrawn'))`;

/** The retirement of a model that is under way or done; undefined where it has none, or it was called off. */
export async function retirementInForce(manager: EntityManager, model: string): Promise<{ readonly number: number; readonly stopped: boolean } | undefined> {
  const rows: { number: number; stopped: boolean }[] = await manager.query(IN_FORCE, [model]);
  return rows[0];
}

/** That a retirement has stopped the model: gateways answer 410 since. */
export interface StoppedService {
  /** The retirement's number. */
  readonly number: number;
  readonly at: Date;
}

/** Null while the model answers. */
export async function stoppedServiceOf(manager: EntityManager, model: string): Promise<StoppedService | null> {
  return manager.findOne(RetirementStep, { select: { number: true, at: true }, where: { model, step: 'stopped' }, order: { at: 'ASC' } });
}

const HOLDS = `
SELECT number, requested_by AS "by", requested_at AS since,
  (SELECT min(step.at) FROM retirement_step step WHERE step.model = retirement.model AND step.number = retirement.number AND step.step = ANY ($2)) AS until
FROM retirement WHERE model = $1 ORDER BY number`;

/** When retirements kept the versions of a model from being validated: from when they were asked for until they were called off. */
export async function retirementHolds(manager: EntityManager, model: string): Promise<StageHold[]> {
  const rows: { number: number; by: string; since: Date; until: Date | null }[] = await manager.query(HOLDS, [model, [...RETIREMENT_CALLED_OFF]]);
  return rows.map(({ number, by, since, until }) => ({ pause: { by, sinceMs: since.getTime(), reason: `Retirement ${number} was asked for.`, retirement: number }, untilMs: until && until.getTime() }));
}

/** Why nothing new may begin for the model; undefined where it may. */
export async function retiringText(manager: EntityManager, model: string): Promise<string | undefined> {
  const found = await retirementInForce(manager, model);
  if (!found) return undefined;
  return found.stopped
    ? `${model} was retired (retirement ${found.number}) and begins nothing any more; register what is to come under another name`
    : `${model} is being retired (retirement ${found.number}): nothing new begins. \`perennial retirement show ${model}\` shows where that stands; until its approval the owner can withdraw it`;
}

/** @throws PerennialError `ModelRetiring` */
export async function requireNotRetiring(manager: EntityManager, model: string): Promise<void> {
  const text = await retiringText(manager, model);
  if (text !== undefined) throw new PerennialError('ModelRetiring', text, { model });
}
