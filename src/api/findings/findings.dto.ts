import { z } from 'zod';
import { FINDING_SEVERITIES, FINDING_SOURCES } from '../../contracts/findings.js';
import type { FindingStory } from '../../registry/findings.repository.js';
import { instant, itemsOf, path } from '../documentation/answer-fields.js';
import { digest, integer, limit, MAX_INTEGER, modelName, numberInUrl, text, time } from '../requests/fields.js';

export const findingPath = z.strictObject({ model: modelName, number: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the finding.' }) });
export type FindingPath = z.output<typeof findingPath>;

export const findingsQuery = z.strictObject({
  limit,
  open: z.literal('true', "must be 'true', or left out").optional().meta({ description: 'Only findings that are not closed.' }),
});
export type FindingsQuery = z.output<typeof findingsQuery>;

export const findingRequest = z
  .strictObject({
    version: integer(1, MAX_INTEGER).nullable().default(null).meta({ description: 'Null: the model, not one version of it.' }),
    severity: z.enum(FINDING_SEVERITIES).meta({ description: 'An overdue one that is `high` or `critical` stops a model whose spec states a use case.' }),
    title: text(500).meta({ description: 'What is wrong, in a sentence.' }),
    evidenceNeeded: text(2_000).meta({ description: 'What must be shown for it to be closed.' }),
    owner: text(200).meta({ description: 'Who has to mend it; may not close it.' }),
    dueAt: time.meta({ description: 'Wall time, to come.' }),
  })
  .meta({ id: 'FindingRequest' });
export type FindingRequestBody = z.output<typeof findingRequest>;

export const closingRequest = z
  .strictObject({
    evidence: text(4_000).meta({ description: 'What shows that it is mended.' }),
    artifactDigest: digest.nullable().default(null).meta({ description: 'Of something in the artifact store that shows it.' }),
  })
  .meta({ id: 'FindingClosing' });
export type ClosingRequest = z.output<typeof closingRequest>;

export const findingSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    version: z.int().nullable().meta({ description: 'Null: of the model, not of one version.' }),
    source: z.enum(FINDING_SOURCES).meta({ description: '`request`: a person opened it.' }),
    severity: z.enum(FINDING_SEVERITIES),
    title: z.string(),
    evidenceNeeded: z.string(),
    owner: z.string(),
    dueAt: instant,
    openedBy: z.string(),
    openedAt: instant,
    escalated: z.strictObject({ times: z.int(), lastAt: instant }).nullable().meta({ description: 'How often people were told that it is overdue; null: never.' }),
    closed: z.strictObject({ by: z.string(), at: instant, evidence: z.string(), artifactDigest: z.string().nullable() }).nullable().meta({ description: 'Null while it is open.' }),
    links: z.strictObject({ self: path }),
  })
  .meta({ id: 'Finding' });
export type FindingAnswer = z.output<typeof findingSchema>;

export const findingListSchema = itemsOf(findingSchema).meta({ id: 'FindingList' });

export const findingChangedSchema = z.strictObject({ model: z.string(), number: z.int(), commandId: z.uuid(), status: path.meta({ description: 'The finding.' }) }).meta({ id: 'FindingChanged' });
export type FindingChanged = z.output<typeof findingChangedSchema>;

export const findingLink = (model: string, number: number): string => `/v1/models/${model}/findings/${number}`;

export function findingAnswer({ finding, end, escalated }: FindingStory): FindingAnswer {
  const { model, number, version, source, severity, title, evidenceNeeded, owner, dueAt, openedBy, openedAt } = finding;
  return {
    model, number, version, source, severity, title, evidenceNeeded, owner, dueAt: dueAt.toISOString(), openedBy, openedAt: openedAt.toISOString(),
    escalated: escalated && { times: escalated.times, lastAt: escalated.lastAt.toISOString() },
    closed: end && { by: end.closedBy, at: end.closedAt.toISOString(), evidence: end.evidence, artifactDigest: end.artifactDigest },
    links: { self: findingLink(model, number) },
  };
}
