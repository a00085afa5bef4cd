import { z } from 'zod';
import { SINK_NAMES } from '../../contracts/checkpoint-copies.js';
import { DIFFERENCE_KINDS } from '../../contracts/reconciliations.js';
import type { AuditEntry } from '../../registry/entities/audit-entry.entity.js';
import type { AuditText } from '../../registry/entities/audit-tree.entity.js';
import type { SinkStanding } from '../../registry/checkpoint-sinks.repository.js';
import type { ReconciliationStory } from '../../registry/ledger-reconciliations.repository.js';
import type { InclusionProof } from '../../registry/audit-tree.repository.js';
import { instant, instantOf, itemsOf, path, workflowId } from '../documentation/answer-fields.js';
import { limit, numberInUrl, text } from '../requests/fields.js';

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
    texts: z.array(z.strictObject({
      field: z.string().meta({ examples: ['reason'] }), text: z.string().nullable().meta({ description: 'Null once it was erased.' }), erasedAt: instant.nullable(),
    })).meta({ description: 'What people wrote; the details hold salted digests of it.' }),
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

export const auditAnswer = (entry: AuditEntry, texts: readonly AuditText[]): AuditAnswer => ({
  id: entry.id,
  at: entry.at.toISOString(),
  actor: entry.actor,
  action: entry.action,
  subject: entry.subject,
  details: JSON.parse(entry.details.toString('utf8')) as unknown,
  detailsDigest: entry.detailsDigest,
  texts: texts.map(({ field, text, erasedAt }) => ({ field, text, erasedAt: instantOf(erasedAt) })),
  commandId: entry.commandId,
  workflowId: entry.workflowId,
  runId: entry.runId,
});

const treeSize = numberInUrl(1, Number.MAX_SAFE_INTEGER).optional();
export const entryPath = z.strictObject({ id: numberInUrl(1, Number.MAX_SAFE_INTEGER).meta({ description: 'The id of an entry.' }) });
export const proofQuery = z.strictObject({ size: treeSize.meta({ description: 'Of the tree that is proven against; that of the newest checkpoint where it is not given.' }) });
export const exportQuery = z.strictObject({ size: treeSize.meta({ description: 'How many entries; all that are in the tree where it is not given.' }) });

export const eraseRequest = z.strictObject({
  field: text(100).optional().meta({ description: 'One of the texts of the entry; all of them where it is not given.', examples: ['reason'] }),
  reason: text(2_000).meta({ description: 'Why, for the record. It is a text of a person, too.' }),
}).meta({ id: 'EraseTexts' });
export type EraseRequest = z.output<typeof eraseRequest>;

export const erasureSchema = z.strictObject({
  entry: z.int(),
  erased: z.array(z.strictObject({ entry: z.int(), field: z.string() })).readonly().meta({ description: 'Texts that are gone now, also those of the same person about the same model in the same words. Empty where they had been erased before.' }),
  copies: z.int().meta({ description: 'Rows of the record beside the ledger that had the words.' }),
}).meta({ id: 'TextErasure' });
export type ErasureAnswer = z.output<typeof erasureSchema>;

const hash = z.base64().meta({ description: '32 bytes in Base64.' });
const size = z.int().meta({ description: 'How many entries the tree has.' });
const note = z.string().meta({ description: 'The checkpoint as a signed note (c2sp.org/tlog-checkpoint).' });

export const checkpointSchema = z.strictObject({ size, root: hash, at: instant, note }).meta({ id: 'AuditCheckpoint' });
export type CheckpointAnswer = z.output<typeof checkpointSchema>;

export const proofSchema = z
  .strictObject({
    entry: z.int(),
    position: z.int().meta({ description: 'From 0.' }),
    leaf: z.string().meta({ description: 'What the hash of the leaf is taken over, after a byte 0x00.' }),
    leafHash: hash,
    size,
    root: hash,
    path: z.array(hash).meta({ description: 'The siblings from the leaf up (RFC 6962, 2.1.1).' }),
    checkpoint: note.nullable().meta({ description: 'Over that size; null where none was signed over it.' }),
  })
  .meta({ id: 'AuditProof' });
export type ProofAnswer = z.output<typeof proofSchema>;

export const proofAnswer = (proof: InclusionProof): ProofAnswer => ({
  entry: proof.entryId,
  position: proof.position,
  leaf: proof.leaf,
  leafHash: proof.leafHash.toString('base64'),
  size: proof.size,
  root: proof.root.toString('base64'),
  path: proof.path.map((sibling) => sibling.toString('base64')),
  checkpoint: proof.checkpoint,
});

export const sinkListSchema = itemsOf(z.strictObject({
  sink: z.enum(SINK_NAMES),
  size: z.int().meta({ description: 'How many entries the newest checkpoint there stands over; 0 where none is there.' }),
  deliveredAt: instant.nullable(),
  behind: z.int().meta({ description: 'Entries that only a newer checkpoint stands over.' }),
  behindSince: instant.nullable().meta({ description: 'Since when a checkpoint waits.' }),
  failingSince: instant.nullable().meta({ description: 'Null where the last attempt succeeded.' }),
  attempts: z.int().meta({ description: 'That failed since then.' }),
  reason: z.string().nullable().meta({ description: 'Why the last one failed.' }),
})).meta({ id: 'CheckpointSinks' });
export type SinkListAnswer = z.output<typeof sinkListSchema>;

export const sinkListAnswer = (sinks: readonly SinkStanding[]): SinkListAnswer => ({
  items: sinks.map(({ deliveredAt, behindSince, failingSince, ...sink }) => ({ ...sink, deliveredAt: instantOf(deliveredAt), behindSince: instantOf(behindSince), failingSince: instantOf(failingSince) })),
});

export const reconciliationSchema = z
  .strictObject({
    number: z.int(),
    since: instant.meta({ description: 'What is older may be forgotten by Temporal, and is not compared.' }),
    until: instant.meta({ description: 'What is younger may be under way, and is not compared.' }),
    begunAt: instant,
    endedAt: instant,
    entries: z.int().meta({ description: 'Runs that entries name and that were looked for.' }),
    runs: z.int().meta({ description: 'Runs that leave entries and whose entries were looked for.' }),
    commands: z.int().meta({ description: 'Ids of commands that workflows were sent and that were looked up.' }),
    differences: z.int(),
    fresh: z.int().meta({ description: 'Differences that no reconciliation before had found.' }),
    listed: z.array(z.strictObject({
      kind: z.enum(DIFFERENCE_KINDS), workflowId, runId: z.string(), entry: z.int().nullable(), commandId: z.string().nullable().meta({ description: 'As it was sent, which need not be an id.' }),
      says: z.string(), firstSeen: z.int().meta({ description: 'The reconciliation that found it first.' }),
    })).readonly().meta({ description: 'The first thousand of them.' }),
  })
  .meta({ id: 'LedgerReconciliation' });
export type ReconciliationAnswer = z.output<typeof reconciliationSchema>;

export const reconciliationAnswer = ({ since, until, begunAt, endedAt, ...story }: ReconciliationStory): ReconciliationAnswer =>
  ({ ...story, since: since.toISOString(), until: until.toISOString(), begunAt: begunAt.toISOString(), endedAt: endedAt.toISOString() });
