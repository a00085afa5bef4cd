import { z } from 'zod';
import { EXPERIMENT_SOURCES, type ExperimentFacts } from '../../contracts/experiments.js';
import type { Experiment } from '../../registry/entities/experiment.entity.js';
import type { ListedExperiment } from '../../registry/experiments.repository.js';
import { instant, instantOf, itemsOf, path } from '../documentation/answer-fields.js';
import { digest, limit, MAX_INTEGER, modelName, numberInUrl, text, time } from '../requests/fields.js';

const [MOST_VALUES, MOST_ARTIFACTS] = [200, 50];

const fieldName = z.string().regex(/^[A-Za-z0-9][\w./: -]{0,249}$/, 'must begin with a letter or digit and hold nothing but letters, digits, spaces and _ . / : -, 250 at most');
const namedBy = <T extends z.ZodType>(value: T, most: number) =>
  z.record(fieldName, value).refine((all) => Object.keys(all).length <= most, { message: `must have at most ${most} names` });

const version = text(300);

export const experimentRequest = z
  .strictObject({
    name: text(200),
    parameters: namedBy(z.union([z.number(), z.boolean(), text(1_000)], { error: 'must be a number, true or false, or text' }), MOST_VALUES),
    dataVersion: version.meta({ description: "A snapshot's digest, or whatever names the data where it was made." }),
    codeVersion: version.meta({ description: 'A commit, or a digest over the source files.' }),
    metrics: namedBy(z.number({ error: 'must be a finite number' }), MOST_VALUES).refine((all) => Object.keys(all).length > 0, { message: 'must have at least one metric' }),
    artifacts: namedBy(digest, MOST_ARTIFACTS).optional().meta({ description: 'Digests of files that came of it, by name.' }),
    notes: text(4_000).optional(),
    startedAt: time.optional(),
    finishedAt: time.optional(),
  })
  .refine(({ startedAt, finishedAt }) => startedAt === undefined || finishedAt === undefined || startedAt <= finishedAt, { path: ['finishedAt'], message: 'lies before startedAt' })
  .meta({ id: 'LogExperiment' });
export type ExperimentRequest = z.output<typeof experimentRequest>;

export const experimentPath = z.strictObject({ model: modelName, number: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the logged experiment.' }) });
export type ExperimentPath = z.output<typeof experimentPath>;

export const experimentsQuery = z.strictObject({
  limit,
  source: z.enum(EXPERIMENT_SOURCES).optional().meta({ description: 'Retrains of ours alone, or those that were logged from outside.' }),
  by: text(200).optional().meta({ description: 'Only those of this person or service.' }),
  dataVersion: version.optional(),
  codeVersion: version.optional(),
  sort: fieldName.optional().meta({ description: 'A metric to order by; those without it come last. Without it: newest first.', examples: ['auc'] }),
  order: z.enum(['asc', 'desc']).default('desc'),
});
export type ExperimentsQuery = z.output<typeof experimentsQuery>;

export const experimentSchema = z
  .strictObject({
    model: z.string(),
    source: z.enum(EXPERIMENT_SOURCES).meta({ description: '`retrain`: a training of ours, read from its own record.' }),
    number: z.int().meta({ description: 'Of the source.' }),
    name: z.string(),
    parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
    dataVersion: z.string(),
    codeVersion: z.string(),
    metrics: z.record(z.string(), z.number()),
    artifacts: z.record(z.string(), z.string()),
    notes: z.string().nullable(),
    by: z.string().meta({ description: 'Who logged it, or asked for the retrain.' }),
    at: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
    version: z.int().nullable().meta({ description: 'What came of a retrain; null for experiments from outside.' }),
    verdict: z.enum(['pass', 'fail', 'inconclusive', 'error']).nullable().meta({ description: "Of the retrain's gate." }),
    links: z.strictObject({ self: path }),
  })
  .meta({ id: 'Experiment' });
export type ExperimentAnswer = z.output<typeof experimentSchema>;

export const experimentListSchema = itemsOf(experimentSchema).meta({ id: 'ExperimentList' });

export const factsOf = ({ artifacts = {}, notes, startedAt, finishedAt, ...facts }: ExperimentRequest): ExperimentFacts =>
  ({ ...facts, artifacts, notes: notes ?? null, startedAt: startedAt ?? null, finishedAt: finishedAt ?? null });

export const listedAnswer = (model: string, { at, startedAt, finishedAt, ...one }: ListedExperiment): ExperimentAnswer => ({
  model, ...one, at: at.toISOString(), startedAt: instantOf(startedAt), finishedAt: instantOf(finishedAt),
  links: { self: `/v1/models/${model}/${one.source === 'retrain' ? 'retrains' : 'experiments'}/${one.number}` },
});

export function experimentAnswer({ model, number, name, parameters, dataVersion, codeVersion, metrics, artifacts, notes, loggedBy: by, loggedAt: at, startedAt, finishedAt }: Experiment): ExperimentAnswer {
  return listedAnswer(model, { source: 'outside', number, name, parameters, dataVersion, codeVersion, metrics, artifacts, notes, by, at, startedAt, finishedAt, version: null, verdict: null });
}
