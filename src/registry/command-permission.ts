import type { EntityManager } from 'typeorm';
import type { CommandOutcome } from '../contracts/commands.js';
import { COMMAND_PERMISSIONS, permits, refusalText, rolesWith } from '../contracts/permissions.js';
import { SYSTEM_ACTOR } from './audit-ledger.js';
import { callerNamed } from './callers.repository.js';
import type { Command } from './entities/command.entity.js';

/**
 * Whether a command's actor may still ask for it: roles may have been taken away since it was accepted.
 * What workflows decide by themselves is asked for by {@link SYSTEM_ACTOR}, as whom nobody can be registered.
 * @returns the outcome of the command where it may not take effect.
 */
export async function forbiddenNow(manager: EntityManager, { actor, kind, model }: Command): Promise<CommandOutcome | undefined> {
  if (actor === SYSTEM_ACTOR) return undefined;
  const permission = COMMAND_PERMISSIONS[kind];
  const caller = await callerNamed(manager, actor);
  if (caller?.active && permits(caller, permission, model)) return undefined;
  const message = caller && !caller.active ? `${actor} was deactivated before the command took effect` : refusalText(actor, caller?.kind ?? 'person', permission, model);
  return { kind: 'refused', type: 'Forbidden', message, details: { permission, roles: rolesWith(permission) } };
}
