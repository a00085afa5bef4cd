import { z } from 'zod';
import { COMMAND_KINDS } from '../../contracts/commands.js';
import type { Command } from '../../registry/entities/command.entity.js';
import { instant, instantOf, path } from '../documentation/answer-fields.js';

export const commandPath = z.strictObject({ id: z.uuid('must be the id of a command') });

export const commandSchema = z
  .strictObject({
    commandId: z.uuid(),
    kind: z.enum(COMMAND_KINDS),
    model: z.string(),
    actor: z.string(),
    idempotencyKey: z.string(),
    state: z.enum(['accepted', 'done', 'refused']).meta({ description: '`accepted` is carried out later; `done` had its effect; `refused` was looked at and turned down.' }),
    outcome: z.record(z.string(), z.unknown()).nullable().meta({ description: 'What it led to, by its kind, or why it was refused.' }),
    acceptedAt: instant,
    settledAt: instant.nullable(),
  })
  .meta({ id: 'Command' });
export type CommandAnswerBody = z.output<typeof commandSchema>;

export const acceptedSchema = z
  .strictObject({
    commandId: z.uuid(),
    state: z.literal('accepted'),
    status: path.meta({ description: 'Where to see what became of it.' }),
  })
  .meta({ id: 'AcceptedCommand', description: 'The command is kept and is carried out later, once.' });
export type AcceptedBody = z.output<typeof acceptedSchema>;

export const commandLink = (id: string): string => `/v1/commands/${id}`;

export const acceptedBody = (command: Command): AcceptedBody => ({ commandId: command.id, state: 'accepted', status: commandLink(command.id) });

export const commandBody = (command: Command): CommandAnswerBody => ({
  commandId: command.id,
  kind: command.kind,
  model: command.model,
  actor: command.actor,
  idempotencyKey: command.idempotencyKey,
  state: command.state,
  outcome: command.outcome && { ...command.outcome },
  acceptedAt: command.acceptedAt.toISOString(),
  settledAt: instantOf(command.settledAt),
});
