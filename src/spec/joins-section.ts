import { z } from 'zod';
import { column, NAME, positiveDuration, sourceFiles } from './field-types.js';

/** Feature tables whose values are joined to the rows of `data.source`, as they were known at each row's event time. */
export const joinsSection = z
  .array(z.strictObject({
    /** What errors and the snapshot's manifest call it. */
    name: z.string().regex(NAME, 'must be lower-case letters, digits and hyphens, beginning with a letter, 63 at most'),
    source: sourceFiles,
    /** Columns of the same name in `data.source` and in the table. */
    on: z.array(column).min(1).max(16),
    /** The table's column of when a row became known, read as `data.eventTime` is. */
    knownAt: column,
    /** Of rows with the same key and time, the one that is greatest by these columns holds. */
    tieBreaker: z.array(column).max(16).default([]),
    /** Event time: an older value counts as missing. */
    maxAge: positiveDuration.optional(),
    /** The table's columns that are joined: features and slices. */
    columns: z.array(column).min(1).max(2_000),
  }))
  .max(32);

export type JoinSpec = z.output<typeof joinsSection>[number];
