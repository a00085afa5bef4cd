import { z } from 'zod';
import { WINDOW_LOOKS } from '../../contracts/window-summary.js';
import type { WindowCheck } from '../../registry/entities/window-check.entity.js';
import { instant, itemsOf } from '../documentation/answer-fields.js';
import { deploymentName, digest, limit } from '../requests/fields.js';

export const windowsQuery = z.strictObject({ limit, deployment: deploymentName.optional().meta({ description: 'Only windows of this deployment.' }) });
export type WindowsQuery = z.output<typeof windowsQuery>;

const count = z.int().min(0);

export const finding = z.strictObject({
  check: z
    .enum(['missing', 'unknown', 'outOfRange', 'loss', 'fairness'])
    .meta({ description: '`fairness`, in assessments: decisions differ more between groups than `fairness.limits` allows.' }),
  feature: z.string().nullable().meta({ description: 'Null for the window as a whole.' }),
  measured: z.number().meta({ description: 'A share of rows, the mean loss, or a disparity between groups.' }),
  low: z.number().meta({ description: 'Its lower confidence bound. The whole interval lies beyond the limit: above it, or below that of a ratio, which is the least.' }),
  limit: z.number(),
  rows: count.meta({ description: 'Rows that it was measured on.' }),
  message: z.string(),
  alarms: z.boolean().optional().meta({ description: "Of fairness: whether the limit is broken at the window's share of a year's error rate too; nobody is told of less, and no version loses its place by it." }),
});

export const windowSchema = z
  .strictObject({
    deployment: z.string(),
    look: z.enum(WINDOW_LOOKS).meta({ description: '`inputs`: when the window closed; `loss`: when the horizon of its labels had passed too; `drift`: its inputs beside the champion\'s baseline, which is no judgement.' }),
    from: instant.meta({ description: 'Event time.' }),
    until: instant.meta({ description: 'Event time; does not belong to it.' }),
    verdict: z.enum(['pass', 'fail', 'inconclusive']).meta({ description: '`inconclusive`: there was nothing to hold it against. `drift` never fails.' }),
    rows: count,
    checks: count.meta({ description: 'How many limits it was held against, or features compared.' }),
    findings: z.array(finding).readonly().meta({ description: 'Limits that it breaks.' }),
    inputRows: count.meta({ description: 'Rows whose inputs were kept and looked at.' }),
    features: z
      .array(z.strictObject({ name: z.string(), missing: count, unknown: count, outOfRange: count }))
      .readonly()
      .meta({ description: 'Rows of each feature that have no value, a text that the spec does not list, or a number beyond its bounds.' }),
    loss: z.strictObject({ rows: count, mean: z.number(), variance: z.number() }).nullable().meta({ description: 'Of the rows whose label was known; null where there was none, or it was not looked at.' }),
    alarm: z.uuid().nullable().meta({ description: 'The alarm that tells of it; null where it did not fail.' }),
    specDigest: digest,
    labelRevision: count.meta({ description: 'The newest batch of labels that counted; 0 before the first.' }),
    checkedAt: instant,
  })
  .meta({ id: 'Window' });
export type WindowAnswer = z.output<typeof windowSchema>;
export const windowListSchema = itemsOf(windowSchema).meta({ id: 'WindowList' });

export function windowAnswer({ deployment, look, fromEvent, untilEvent, verdict, rows, checks, findings, summary, alarmId, specDigest, labelRevision, checkedAt }: WindowCheck): WindowAnswer {
  const { inputRows, features, loss } = summary;
  return {
    deployment, look, from: fromEvent.toISOString(), until: untilEvent.toISOString(), verdict, rows, checks, findings, inputRows, features, loss, alarm: alarmId,
    specDigest, labelRevision, checkedAt: checkedAt.toISOString(),
  };
}
