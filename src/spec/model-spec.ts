import { z } from 'zod';
import { AUTOMATIC_TRIGGERS } from '../contracts/retraining-decisions.js';
import { CLASSIFICATION_METRICS, REGRESSION_METRICS } from '../contracts/verdict.js';
import { fairnessSection } from './fairness-section.js';
import { faultsBetweenFields } from './faults-between-fields.js';
import { column, duration, NAME, positiveDuration, share, sourceFiles } from './field-types.js';
import { joinsSection } from './joins-section.js';
import { TIERS } from './risk-tier.js';
import { rolloutSection } from './rollout-section.js';
import { servingSection } from './serving-section.js';
import { retentionSection, retirementSection } from './retirement-section.js';
import { useCaseSection } from './use-case-section.js';

const numberFeature = z.strictObject({
  name: column,
  type: z.literal('number'),
  min: z.number().optional(),
  max: z.number().optional(),
  maxMissing: share.default(0),
});
const categoryFeature = z.strictObject({
  name: column,
  type: z.literal('category'),
  /** The codes 0, 1, 2 … of the model's input, in this order. */
  categories: z.array(z.string().min(1).max(200)).min(1).max(10_000),
  /** The share of rows that may hold another value; those enter the model as missing. */
  maxUnknown: share.default(0),
  maxMissing: share.default(0),
});

const data = z.strictObject({
  source: sourceFiles,
  /** Event time: when a prediction is asked for. */
  eventTime: column,
  /** The columns that together name a row; no two rows may share them. */
  key: z.array(column).min(1).max(16),
  label: column,
  /** Event time: how long after its prediction a label is complete. */
  labelHorizon: duration,
  /** The share of rows in a complete window that may lack a label. */
  maxUnlabelled: share.default(0.1),
  /** Event time: how far the newest row may lie before the end of the window. */
  maxStaleness: positiveDuration.default('P2D'),
  joins: joinsSection.optional(),
  /** Columns whose values nobody is shown without asking for them (docs/PRIVACY.md). */
  sensitive: z.array(column).min(1).max(2_000).optional(),
  features: z.array(z.discriminatedUnion('type', [numberFeature, categoryFeature])).min(1).max(2_000),
});

const parameter = z.union([z.number(), z.string().max(1_000), z.boolean()]);

const training = z.strictObject({
  /** A folder of `trainers/`, by name. */
  trainer: z.string().regex(NAME, 'must name a folder of trainers/'),
  parameters: z.record(z.string().max(100), parameter).default({}),
  seed: z.number().int().min(0).max(2 ** 31 - 1).default(0),
  /** Event time: `all` trains on everything before the evaluation window, a duration on that much. */
  window: z.union([z.literal('all'), positiveDuration]).default('all'),
  minimumRows: z.number().int().min(1).default(1_000),
  /** Wall time: the longest that one attempt may take, and the longest silence of a trainer. */
  timeout: positiveDuration.default('PT4H'),
  silence: positiveDuration.default('PT5M'),
  threads: z.number().int().min(1).max(256).default(2),
});

const evaluation = z.strictObject({
  /** Event time right before the retrain, of which neither candidate nor champion has seen the rows that judge. */
  window: positiveDuration.default('P4W'),
  /** Of the window's blocks (`rollout.comparison.block`, counted from 1970) one in so many judges, and the others train; with 1 all of them judge. */
  holdOutEvery: z.number().int().min(1).max(20).default(1),
  minimumRows: z.number().int().min(1).default(500),
  slices: z.array(column).max(32).default([]),
  /** Probability from which a row counts as positive (F1). */
  threshold: share.default(0.5),
  /** Intervals and comparisons are made at confidence 1 − alpha. */
  alpha: z.number().gt(0).lt(0.5).default(0.05),
});

const gates = z.strictObject({
  /** Thresholds that the candidate must meet on its own. */
  absolute: z
    .array(
      z.strictObject({
        metric: z.enum([...CLASSIFICATION_METRICS, ...REGRESSION_METRICS]),
        min: z.number().optional(),
        max: z.number().optional(),
      }).refine((gate) => gate.min !== undefined || gate.max !== undefined, { message: 'needs min or max' }),
    )
    .default([]),
  /** The paired comparison with the champion on the same rows. */
  comparison: z.strictObject({
    metric: z.enum([...CLASSIFICATION_METRICS, ...REGRESSION_METRICS]),
    /** The smallest gain that is worth a promotion; 0 asks for any real gain. */
    minimumGain: z.number().min(0).default(0),
    /** What decides: the gain in the metric over all rows, or that in the loss of a row (`rollout.comparison.metric`) over the newest of them. */
    by: z.enum(['metric', 'recentLoss']).default('metric'),
  }),
});

const retraining = z.strictObject({
  /** What a request does that comes while a retrain runs: be answered with that one, or be refused. */
  whileActive: z.enum(['join', 'refuse']).default('join'),
  /** What may start a retrain by itself. Decisions are recorded whatever is listed. */
  triggers: z.array(z.enum(AUTOMATIC_TRIGGERS)).max(AUTOMATIC_TRIGGERS.length).default([]),
  /** Event time after the last retrain at which `schedule` asks for one. */
  every: positiveDuration.default('P13W'),
  /** Labelled rows since the last retrain at which `newLabelledRows` asks for one. */
  newLabelledRows: z.number().int().min(1).default(10_000),
  /** So many standard errors above the baseline's must the mean loss of the newest windows lie where `trial` asks for a retrain. */
  hint: z.number().min(0).max(10).default(1),
  /** Event time after a retrain in which no other is started by itself. */
  cooldown: duration.default('P7D'),
  /** Labelled rows that the training window must hold since harm began. */
  minimumSinceChange: z.number().int().min(0).default(1_000),
  /** In one currency; without them a retrain is not weighed against its price. */
  costs: z.strictObject({
    /** Of a loss of 1 in one row (`rollout.comparison.metric`). */
    perLossUnit: z.number().min(0),
    training: z.number().min(0),
    release: z.number().min(0),
    /** Event time over which a retrain is to pay. */
    horizon: positiveDuration.default('P28D'),
  }).optional(),
  /** Of a calendar month of event time. */
  budget: z.strictObject({
    retrains: z.number().int().min(0).default(4),
    trainingHours: z.number().gt(0).optional(),
  }).prefault({}),
});

/** Predictions that no gateway answers, as files. */
const observedSource = z.strictObject({
  /** A path or glob below the data folder, as that of `data.source`. */
  path: z.string().min(1).max(1_000),
  format: z.enum(['parquet', 'csv']).default('parquet'),
  deployment: z.string().regex(NAME, 'must name a deployment').default('default'),
  /** How long after its event time a row may come. */
  delay: duration.default('P1D'),
  /** What was answered; left out, the champion is asked. */
  output: column.optional(),
  /** The version that answered. */
  version: column.optional(),
});

const monitoring = z.strictObject({
  source: observedSource.optional(),
  /** Event time that is looked at as one. */
  window: positiveDuration.default('P1D'),
  /** The largest mean loss of a window (`rollout.comparison.metric`) that raises no alarm. */
  maximumLoss: z.number().gt(0).optional(),
  /** Wall time between two looks for windows whose time has come. */
  checkEvery: positiveDuration.default('PT15M'),
  /** Wall time after a window's end for which gateways are waited for that may hold observations of it. */
  grace: positiveDuration.default('PT15M'),
  /** False alarms of harm that the model may have in a year of event time, in expectation, over all its deployments. */
  falseAlarms: z.number().gt(0).max(1).default(0.1),
  /** The rise of the mean loss over the baseline's that is no harm, as a share of the baseline's. */
  tolerance: z.number().min(0).max(10).default(0.1),
  /** Whether harm that estimated errors show before labels is left out, observed, or told of too. */
  estimatedHarm: z.enum(['off', 'observe', 'alarm']).default('observe'),
  /** Of the features that are found to drift in a deployment in a year of event time, the share that may be found by chance. */
  falseDiscoveries: z.number().gt(0).max(0.5).default(0.05),
  /** The number that comes with labels as `outcome`: what a prediction came to for the business. */
  outcome: z.strictObject({
    name: z.string().min(1).max(100),
    unit: z.string().min(1).max(40).optional(),
    /** The least rank correlation of output and outcome; the spec names no threshold without it. */
    minimumCorrelation: z.number().gt(-1).lt(1).optional(),
  }).optional(),
});

export const modelSpecSchema = z
  .strictObject({
    apiVersion: z.literal('perennial/v1'),
    model: z.string().regex(NAME, 'must be lower-case letters, digits and hyphens, beginning with a letter, 63 at most'),
    purpose: z.string().min(10, 'must say in a sentence what the model is for').max(2_000),
    owner: z.string().min(1).max(200),
    tier: z.enum(TIERS),
    task: z.enum(['binary-classification', 'regression']),
    data,
    training,
    evaluation: evaluation.default(() => evaluation.parse({})),
    gates,
    retraining: retraining.default(() => retraining.parse({})),
    serving: servingSection.prefault({}),
    rollout: rolloutSection.prefault({}),
    monitoring: monitoring.prefault({}),
    fairness: fairnessSection.optional(),
    useCase: useCaseSection.optional(),
    // Left out, the defaults hold: a spec's digest is not to change by a section that it does not have.
    retirement: retirementSection.optional(),
    retention: retentionSection.optional(),
  })
  // It runs beside other faults too, so that all of them are told at once.
  .superRefine((spec, context) => {
    for (const { path, message } of faultsBetweenFields(spec)) context.addIssue({ code: 'custom', path, message });
  }, { when: () => true });

/** The model's file with every default written out. */
export type ModelSpec = z.output<typeof modelSpecSchema>;
export type FeatureSpec = ModelSpec['data']['features'][number];
