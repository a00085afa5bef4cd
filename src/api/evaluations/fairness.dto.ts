import { z } from 'zod';

const count = z.number().min(0);
const bound = z.number().nullable();
const estimate = z.strictObject({ value: z.number(), low: bound, high: bound });

const group = z.strictObject({
  group: z.array(z.string()).readonly(), rows: count, labelledRows: count, tooSmall: z.boolean().meta({ description: 'Compared with no other group.' }),
  selectionRate: estimate.nullable(), adverseActionRate: estimate.nullable(), truePositiveRate: estimate.nullable(), falsePositiveRate: estimate.nullable(), accuracy: estimate.nullable(),
});
const disparity = z.strictObject({
  value: z.number(), low: z.number(), high: z.number(), rate: z.string(), highest: z.array(z.string()).readonly(), lowest: z.array(z.string()).readonly(), pairs: count,
});
const grouping = z.strictObject({
  columns: z.array(z.string()).readonly(), rows: count, unknownRows: count, groups: z.array(group).readonly(), disparities: z.record(z.string(), disparity.nullable()), undefinedBecause: z.record(z.string(), z.string()),
});

/** How decisions and their errors differ between protected groups, of a window or of the rows that judged a candidate. */
export const fairnessFigures = z.strictObject({
  groupings: z.array(grouping).readonly().meta({ description: 'One a protected column, then one a crossing.' }),
  checks: z.array(z.strictObject({ name: z.string(), verdict: z.enum(['pass', 'fail', 'inconclusive', 'error']), explanation: z.string() })).readonly()
    .meta({ description: 'Disparities against the limits of the spec.' }),
});
