import { z } from 'zod';
import type { WindowDrift } from '../../registry/entities/window-drift.entity.js';
import { heldOut, instant, itemsOf, path } from '../documentation/answer-fields.js';
import { deploymentName, digest, modelName, time } from '../requests/fields.js';

export const windowDriftPath = z.strictObject({ model: modelName, from: time.meta({ description: 'When the window begins, in event time.' }) });
export type WindowDriftPath = z.output<typeof windowDriftPath>;
export const windowDriftQuery = z.strictObject({ deployment: deploymentName.default('default') });
export type WindowDriftQuery = z.output<typeof windowDriftQuery>;

const count = z.number().min(0);
const share = z.number().min(0).max(1);

const baseline = z.strictObject({ version: z.int(), snapshot: digest, rows: count, from: instant, until: instant, heldOut: heldOut.optional() });

export const windowDriftSchema = z
  .strictObject({
    deployment: z.string(),
    from: instant,
    until: instant,
    championVersion: z.int().meta({ description: 'The champion whose baseline it was held against: the rows on which it was judged before it came into service.' }),
    baselineDigest: digest,
    rows: count.meta({ description: 'Rows whose inputs were kept.' }),
    drifted: z.array(z.string()).readonly().meta({ description: 'Features that are found to drift. That is an observation: a season drifts too and harms nobody.' }),
    reportDigest: digest,
    measuredAt: instant,
    links: z.strictObject({ report: path, page: path }),
  })
  .meta({ id: 'WindowDrift' });
export type WindowDriftAnswer = z.output<typeof windowDriftSchema>;
export const windowDriftListSchema = itemsOf(windowDriftSchema).meta({ id: 'WindowDriftList' });

const column = z.strictObject({ rows: count, missing: count, infinite: count, least: z.number().nullable(), greatest: z.number().nullable(), mean: z.number().nullable(), median: z.number().nullable() });

const threshold = z.strictObject({ limit: z.number(), verdict: z.enum(['pass', 'fail', 'inconclusive']) });
const thresholds = z.strictObject({
  alpha: z.number().meta({ description: 'The chance of each to be passed where nothing has changed.' }),
  psi: threshold.nullable(), jensenShannon: threshold.nullable(), ks: threshold.nullable(), wasserstein: threshold.nullable(),
  missing: threshold.nullable().meta({ description: 'Of the share of rows without a value.' }), newCategories: threshold.nullable().meta({ description: 'Of the share of rows with a category that the baseline has not.' }),
});

const feature = z.strictObject({
  name: z.string(),
  type: z.enum(['number', 'category']),
  baseline: column,
  window: column,
  psi: z.number().nullable().meta({ description: 'Population stability index over the deciles of the baseline, or over categories.' }),
  jensenShannon: share.nullable().meta({ description: 'Jensen–Shannon distance with base 2.' }),
  ks: z.strictObject({ statistic: share, error: z.number(), pValue: share }).nullable().meta({ description: 'Numbers: Kolmogorov–Smirnov.' }),
  wasserstein: z.strictObject({ distance: z.number(), error: z.number() }).nullable().meta({ description: "Numbers: Wasserstein distance in the feature's unit." }),
  chiSquared: z.strictObject({ statistic: z.number(), degreesOfFreedom: z.int(), pValue: share }).nullable().meta({ description: "Categories: Pearson's test of homogeneity." }),
  bins: z.strictObject({ edges: z.array(z.number()).nullable(), categories: z.array(z.string()).nullable(), baseline: z.array(count), window: z.array(count) }),
  newCategories: z.array(z.strictObject({ value: z.string(), rows: count })),
  newCategoryCount: count,
  newCategoryRows: count,
  thresholds: thresholds.optional().meta({ description: 'By figure: what it may come to by chance, were the window drawn as the baseline was. An observation; not in reports of before these were made.' }),
  notTaken: z.strictObject({ rows: count, missing: count }).optional()
    .meta({ description: 'Rows of the window that were answered by versions whose specs do not take the feature, and those of them without a value: they are no fault. Only where all rows together would be one.' }),
});

export const windowDriftReportSchema = z
  .strictObject({
    model: z.string(), deployment: z.string(), from: instant, until: instant, rows: count, baseline,
    parts: z.int().min(1).optional().meta({ description: 'In how many parts the rows were counted, those of `before` included: KS and Wasserstein carry an error then. Absent where they were read in one pass.' }),
    features: z.array(feature), drifted: z.array(z.string()),
    faults: z.array(z.strictObject({ kind: z.enum(['schema', 'missing', 'frozen', 'swapped', 'unitChange']), features: z.array(z.string()), unit: z.string().nullable(), because: z.string() }))
      .meta({ description: 'What looks like an upstream fault rather than a change of the world, beside `before`.' }),
    before: z.strictObject({ from: instant, until: instant }).nullable().meta({ description: 'The last window that is not in quarantine; null: faults are told beside the baseline.' }),
    level: share.nullable().meta({ description: 'What a p-value might be at most to be found in this window; null where nothing could be tested.' }),
  })
  .meta({ id: 'WindowDriftReport' });
export type WindowDriftReportAnswer = z.output<typeof windowDriftReportSchema>;

export function windowDriftAnswer({ model, deployment, fromEvent, untilEvent, championVersion, baselineDigest, rows, drifted, reportDigest, measuredAt }: WindowDrift): WindowDriftAnswer {
  const from = fromEvent.toISOString();
  return {
    deployment, from, until: untilEvent.toISOString(), championVersion, baselineDigest, rows, drifted, reportDigest, measuredAt: measuredAt.toISOString(),
    links: { report: `/v1/models/${model}/windows/${from}/drift?deployment=${deployment}`, page: `/v1/models/${model}/windows/${from}/drift.html?deployment=${deployment}` },
  };
}
