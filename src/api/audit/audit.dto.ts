import { z } from 'zod';
import type { AuditEntry } from '../../registry/entities/audit-entry.entity.js';
import { instant, path } from '../documentation/answer-fields.js';
import { limit, numberInUrl } from '../requests/fields.js';

export const auditQuery = z.strictObject({
  after: numberInUrl(0, Number.MAX_SAFE_INTEGER).default(0).meta({ description: 'Only entries after this id.' }),
  limit,
});
export type AuditQuery = z.output<typeof auditQuery>;

export const auditEntrySchema = z
  .strictObject({
    id: z.int(),
    at: instant,
    actor: z.string(),
    action: z.string().meta({ description: 'A noun and what was done to it.', examples: ['champion.changed'] }),
    subject: z.string().meta({ examples: ['version/7'] }),
    details: z.unknown().meta({ description: 'What explains it, by its action.' }),
    detailsDigest: z.string().meta({ description: 'Of the bytes of the details as they are kept.' }),
    commandId: z.uuid().nullable(),
    workflowId: z.string().nullable(),
    runId: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' });
export type AuditAnswer = z.output<typeof auditEntrySchema>;

export const auditListSchema = z
  .strictObject({ items: z.array(auditEntrySchema), next: path.nullable().meta({ description: 'Where it goes on; null at the end.' }) })
  .meta({ id: 'AuditList' });
export type AuditListAnswer = z.output<typeof auditListSchema>;

export const auditAnswer = (entry: AuditEntry): AuditAnswer => ({
  id: entry.id,
  at: entry.at.toISOString(),
  actor: entry.actor,
  action: entry.action,
  subject: entry.subject,
  details: JSON.parse(entry.details.toString('utf8')) as unknown,
  detailsDigest: entry.detailsDigest,
  commandId: entry.commandId,
  workflowId: entry.workflowId,
  runId: entry.runId,
});
