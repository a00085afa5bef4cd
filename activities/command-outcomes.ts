import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../src/contracts/commands.js';
import type { FailureDetails, FailureType } from '../src/contracts/failures.js';
import { pausedText, type StageId, type StagePause } from '../src/contracts/stages.js';
import { isoTime } from '../src/contracts/time.js';
import { Model } from '../src/registry/entities/model.entity.js';
import { namedNow } from '../src/registry/successors.js';

export type Refused = Extract<CommandOutcome, { kind: 'refused' }>;

/** A command that was looked at and turned down. @param message what is wrong and how to mend it */
export const refused = (type: FailureType, message: string, details: FailureDetails = {}): Refused => ({ kind: 'refused', type, message, details });

/**
 * Of the commands of a model one decides at a time: the row's lock is the queue, until the end of the transaction. Rows that refer to the model, such as alarms,
 * are added meanwhile: no key of it changes. @returns null where there is no such model
 */
export const lockModel = (manager: EntityManager, name: string): Promise<Model | null> => manager.findOne(Model, { where: { name }, lock: { mode: 'for_no_key_update' } });

/** What a refusal says, to be put on record by a step: without what another person wrote (`details.why`). */
export const refusalWithoutWords = ({ message, details: { why } }: Refused): string => (typeof why === 'string' ? message.replaceAll(JSON.stringify(why), '…') : message);

/** Nobody who may not act answers for something new. Who has left stands for their successor. */
export async function deactivatedOwner(manager: EntityManager, owners: readonly string[]): Promise<Refused | undefined> {
  for (const owner of new Set(owners)) {
    if ((await namedNow(manager, owner)).deactivated) return refused('OwnerDeactivated', `${owner} is deactivated, and nobody who acts has taken their place; name another owner, or let them act again with \`perennial people activate ${owner}\``, { owner });
  }
  return undefined;
}

/** Nothing is decided over a stage that is paused, or held because its model retires. */
export const whilePaused = (id: StageId, pause: StagePause): Refused =>
  pause.retirement !== undefined ? refused('ModelRetiring', pausedText(id, pause), { stage: id.stage, retirement: pause.retirement }) : refused('StagePaused', pausedText(id, pause), { stage: id.stage, pausedBy: pause.by, pausedSince: isoTime(pause.sinceMs), why: pause.reason });
