import { type Permission, permits } from '../contracts/permissions.js';
import type { Standing } from '../contracts/roles.js';
import { type StageId, type StagePause, stageText } from '../contracts/stages.js';
import { isoTime } from '../contracts/time.js';
import { whyNotIndependent } from './validation-decision.js';

/** Why a stage cannot be paused or resumed; null where it can. */
export function whyNotPause(action: 'pause' | 'resume', id: StageId, paused: StagePause | null): string | null {
  if (action === 'resume') return paused ? null : `${stageText(id)} is not paused`;
  return paused && `${stageText(id)} is paused already, by ${paused.by} since ${isoTime(paused.sinceMs)}`;
}

/** Who decides over a stage: whoever has the permission, unless barred. */
export interface StageDecider {
  readonly permission: Permission;
  /** Who may not, and what they did: `applied the spec`. */
  readonly barred: Readonly<Record<string, string>>;
  /** Of a version: by whom it is neither owned nor developed. */
  readonly independent?: 'validate' | 'approve';
}

/** Why somebody may not send a stage back; null for those who steer it, and for those who could decide over it. @param standing what they are, and the roles that are in force */
export function whyNotSendBack(actor: string, { model }: Pick<StageId, 'model'>, standing: Standing, { permission, barred, independent }: StageDecider): string | null {
  if (permits(standing, 'stage.steer', model)) return null;
  if (!permits(standing, permission, model)) return `${actor} could not decide over it, which takes the permission ${permission} for ${model}; its owner may send it back too`;
  if (independent) return whyNotIndependent(actor, model, barred, standing.grants, independent);
  return Object.hasOwn(barred, actor) ? `${actor} ${barred[actor]} and could not decide over it; somebody who had no part in it may send it back, or its owner` : null;
}
