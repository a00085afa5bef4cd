import { z } from 'zod';
import { MASK, masked, maskedRow, type Sensitivity } from '../../contracts/masking.js';
import { isoTime } from '../../contracts/time.js';
import { instant } from '../documentation/answer-fields.js';
import { modelName, text, time } from '../requests/fields.js';
import { type WhyAnswer, whySchema } from '../why/why.dto.js';
import type { FoundPrediction, Search } from './decision-reader.js';

/** An id of 200 characters, and the row of a batch behind it. */
const MAX_ID = 220;

export const decisionPath = z.strictObject({ id: text(MAX_ID).meta({ description: 'The prediction id, the caller\'s or the gateway\'s; of a row of a batch `<id>/<row>`, with the slash as %2F.', examples: ['0a1b2c3d-17'] }) });

export const decisionQuery = z.strictObject({
  model: modelName.optional().meta({ description: 'Only of this model.' }),
  unmasked: z.enum(['true', 'false']).default('false').meta({ description: 'Whether values of sensitive columns are shown: it takes the permission `sensitive.read` and a reason, and goes on the record.' }),
  reason: text(1_000).optional().meta({ description: 'Why they are read; needed with `unmasked`.' }),
  around: time.optional().meta({ format: 'date-time', description: 'Event time: only files with predictions within a day of it are looked into.' }),
}).refine(({ unmasked, reason }) => unmasked === 'false' || reason !== undefined, { path: ['reason'], message: 'is missing: say why sensitive values are read (unmasked)' });
export type DecisionQuery = z.output<typeof decisionQuery>;

/** The label of a class or a number; masked where the spec says that it is sensitive. */
const labelValue = z.union([z.number(), z.literal(MASK)]).nullable();

const value = z.union([z.number(), z.string(), z.boolean()]).nullable();

const label = z.strictObject({ batch: z.int(), row: z.int(), label: labelValue, outcome: z.number().nullable().meta({ description: 'The business outcome.' }), knownAt: instant });

const decided = z
  .strictObject({
    counts: z.boolean().meta({ description: 'Of several under one id in a deployment, the one that was received first counts in windows and comparisons.' }),
    model: z.string(),
    deployment: z.string(),
    version: z.int(),
    role: z.enum(['champion', 'challenger']).meta({ description: 'A challenger answers the share of a canary.' }),
    epoch: z.int(),
    revision: z.int(),
    eventTime: instant,
    receivedAt: instant,
    entityKey: z.string().nullable(),
    output: z.number().nullable().meta({ description: 'What was answered; null where it was no number.' }),
    rawOutput: z.number().nullable().meta({ description: 'As the model gave it, before guard rails.' }),
    guard: z.string().nullable().meta({ description: '`none`, `clamped`, `abstained` or `fallback`.' }),
    stale: z.boolean().meta({ description: 'The gateway could not confirm its routing.' }),
    latencyMs: z.number().nullable(),
    inputs: z.record(z.string(), value).nullable().meta({ description: 'As the model got them; null where they were not kept (`serving.observe.inputs: false`).' }),
    logged: z.strictObject({ gateway: z.string(), boot: z.string(), segment: z.int(), sequence: z.int(), row: z.int() }),
    mirrored: z.array(z.strictObject({ version: z.int(), outcome: z.string(), reason: z.string().nullable(), output: z.number().nullable(), latencyMs: z.number().nullable() })).readonly()
      .meta({ description: 'What versions made of it that did not answer.' }),
    label: labelValue.meta({ description: 'What came true, as it counts now; null where it is not known.' }),
    outcome: z.number().nullable(),
    labels: z.array(label).readonly().meta({ description: 'Every label that was brought, in the order in which they count: corrections after what they correct.' }),
    lacks: z.array(z.enum(['mirrored', 'labels'])).readonly().meta({ description: 'Of which some files could not be read, so that more may be known than is shown; `searched.unread` names them.' }),
    masked: z.array(z.string()).readonly().meta({ description: 'Columns whose values are shown as •••: those that the spec in force or that of the version classifies as sensitive. Empty where they were asked for with `unmasked`.' }),
    why: z.int().nullable().meta({ description: 'Which of `chains` explains the version; null where the record does not know its epoch.' }),
  })
  .meta({ id: 'Decided' });

export const decisionSchema = z
  .strictObject({
    predictionId: z.string(),
    askedAt: instant,
    decisions: z.array(decided).readonly().meta({ description: 'Every answer that was given under the id, by model and deployment, in the order of receipt.' }),
    chains: z.array(whySchema).readonly().meta({ description: 'Why these versions answered, once for each epoch and version.' }),
    searched: z.strictObject({
      files: z.int().meta({ description: 'Files that may hold the id, and were read.' }),
      unfiltered: z.int().meta({ description: 'Those among them that have no index of ids yet.' }),
      unreadable: z.int().meta({ description: 'Files that could not be read, with those of mirrored outputs and labels.' }),
      unread: z.array(z.strictObject({
        kind: z.enum(['observations', 'mirrored', 'labels']).meta({ description: '`observations`: it may hold further answers; the others: decisions that lack what it holds say so (`lacks`).' }),
        model: z.string(), deployment: z.string(), digest: z.string(),
        because: z.enum(['deleted', 'missing', 'damaged']).meta({ description: '`deleted`: after the retirement of its model, when its time had come.' }),
      })).readonly().meta({ description: 'These files, of models that the caller may read predictions of.' }),
      left: z.int().meta({ description: 'Files that may hold further answers and were not looked into; name `model` or `around`.' }),
    }),
  })
  .meta({ id: 'Decision', description: 'Who decided: the answers under one prediction id, with the versions that gave them and why those were in service.' });
export type DecisionAnswer = z.output<typeof decisionSchema>;

/** What was found, with what of each is masked. */
export interface ClassifiedSearch extends Search {
  readonly found: readonly ClassifiedPrediction[];
  /** How many files could not be read, also of models that the caller may not read predictions of. */
  readonly unreadable: number;
}
export interface ClassifiedPrediction extends FoundPrediction {
  readonly sensitivity: Sensitivity;
}

/** @param chains by the epoch and version of a prediction; their places say which explains it */
export function decisionAnswer(predictionId: string, { found, read, unfiltered, unread, unreadable, left }: ClassifiedSearch, chains: ReadonlyMap<string, WhyAnswer>, now: Date): DecisionAnswer {
  const places = [...chains.keys()];
  const first = new Set<string>();
  return {
    predictionId, askedAt: now.toISOString(),
    decisions: found.map((one) => {
      const place = `${one.model}/${one.deployment}`;
      const counts = !first.has(place);
      first.add(place);
      const why = places.indexOf(chainOf(one));
      return { counts, ...decidedAnswer(one), why: why < 0 ? null : why };
    }),
    chains: [...chains.values()],
    searched: { files: read, unfiltered, unreadable, unread: [...unread], left },
  };
}

/** What names the chain of a prediction: everything that one explanation depends on. */
export const chainOf = ({ model, deployment, logged: { epoch, version } }: FoundPrediction): string => `${model}/${deployment}/${epoch}/${version}`;

function decidedAnswer({ model, deployment, logged, mirrored, labels, lacks, sensitivity }: ClassifiedPrediction): Omit<DecisionAnswer['decisions'][number], 'counts' | 'why'> {
  const labelOf = (label: number | null): number | typeof MASK | null => (sensitivity.label ? masked(label) : label);
  const { version, role, epoch, revision, entityKey, output, rawOutput, guard, stale, latencyMs, inputs, gateway, boot, segment, sequence, row } = logged;
  return {
    model, deployment, version, role, epoch, revision, eventTime: isoTime(logged.eventTimeMs), receivedAt: isoTime(logged.receivedAtMs), entityKey: sensitivity.key ? masked(entityKey) : entityKey, output, rawOutput, guard, stale, latencyMs,
    inputs: inputs && maskedRow(inputs, sensitivity), lacks, masked: [...sensitivity.columns], logged: { gateway, boot, segment, sequence, row }, mirrored: mirrored.map((one) => ({ ...one })),
    label: labelOf(labels.findLast((one) => one.label !== null)?.label ?? null), outcome: labels.findLast((one) => one.outcome !== null)?.outcome ?? null,
    labels: labels.map(({ knownAtMs, label, ...one }) => ({ ...one, label: labelOf(label), knownAt: isoTime(knownAtMs) })),
  };
}
