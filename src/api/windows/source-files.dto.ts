import { z } from 'zod';
import type { SourceFile } from '../../registry/entities/source-file.entity.js';
import { instant, itemsOf } from '../documentation/answer-fields.js';
import { digest } from '../requests/fields.js';

const count = z.int().min(0);

export const sourceFileSchema = z
  .strictObject({
    deployment: z.string(),
    file: z.string().meta({ description: 'Below the data folder.' }),
    digest: digest.meta({ description: 'Of all its bytes, as they were when it was read.' }),
    bytes: count,
    rows: count.meta({ description: 'Rows that were new; 0 for a file of the same bytes as one before.' }),
    labelled: count.meta({ description: 'Its rows with a label.' }),
    readAt: instant,
  })
  .meta({ id: 'SourceFile' });
export type SourceFileAnswer = z.output<typeof sourceFileSchema>;
export const sourceFileListSchema = itemsOf(sourceFileSchema).meta({ id: 'SourceFileList' });

export const sourceFileAnswer = ({ deployment, name, digest: content, bytes, rows, labelled, readAt }: SourceFile): SourceFileAnswer =>
  ({ deployment, file: name, digest: content, bytes, rows, labelled, readAt: readAt.toISOString() });
