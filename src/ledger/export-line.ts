import { z } from 'zod';
import type { LedgerEntry } from './ledger-leaf.js';

/** A text of a person beside an entry; salt and text are null once it was erased. */
export interface ExportedText {
  readonly field: string;
  /** In Base64. */
  readonly salt: string | null;
  readonly text: string | null;
  readonly erasedAt: string | null;
}

/** A line of an export (NDJSON), in the order of the tree. */
export interface ExportLine {
  readonly position: number;
  /** Of the tree, in Base64. */
  readonly leafHash: string;
  readonly entryId: number;
  /** `details`: the bytes that are kept, as text. Null where the tree has a leaf but the entry is gone. */
  readonly entry: (LedgerEntry & { readonly details: string }) | null;
  readonly texts: readonly ExportedText[];
}

export const exportLineSchema = z.strictObject({
  position: z.int().min(0),
  leafHash: z.base64(),
  entryId: z.int(),
  entry: z.strictObject({
    id: z.int(), at: z.string(), actor: z.string(), action: z.string(), model: z.string().nullable(), subject: z.string(), detailsDigest: z.string(),
    commandId: z.string().nullable(), workflowId: z.string().nullable(), runId: z.string().nullable(), details: z.string(),
  }).nullable(),
  texts: z.array(z.strictObject({ field: z.string(), salt: z.base64().nullable(), text: z.string().nullable(), erasedAt: z.string().nullable() })),
});

/** @returns undefined where it is none */
export function parseExportLine(line: string): ExportLine | undefined {
  try {
    return exportLineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
