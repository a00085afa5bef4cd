import { z } from 'zod';
import { DEFAULT_DEPLOYMENT, replayWorkflowId } from '../../contracts/motion.js';
import { REPLAY_OUTCOMES, type ReplayPlan, sumRows, trainingOverlap } from '../../contracts/replays.js';
import type { Replay, ReplayEnding, ReplayHistory } from '../../registry/entities/replay.entity.js';
import type { ReplayFigures, StandingReplay } from '../../registry/replays.repository.js';
import { instant, instantOf, itemsOf, path, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { deploymentName, integer, MAX_INTEGER, modelName, numberInUrl, text, time } from '../requests/fields.js';

export const replayPath = z.strictObject({ model: modelName, number: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the replay.' }) });
export type ReplayPath = z.output<typeof replayPath>;

export const replayRequest = z
  .strictObject({
    version: integer(1, MAX_INTEGER).meta({ description: 'Any version of the model, whatever its gate said.' }),
    deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
    from: time.meta({ description: 'Event time at which the period begins; blocks of the comparison are counted from there.' }),
    until: time.meta({ description: 'Event time before which it ends.' }),
    reason: text(2_000).meta({ description: 'Why, for the record.' }),
  })
  .refine(({ from, until }) => Date.parse(from) < Date.parse(until), { path: ['until'], message: 'must lie after `from`' })
  .meta({ id: 'ReplayRequest' });
export type ReplayRequest = z.output<typeof replayRequest>;

const promotes = z.literal(false).meta({ description: 'A replay never promotes: whatever it says, nothing in service changes. `POST /v1/models/{model}/releases` brings a version into service.' });
const seenInTraining = z.strictObject({ start: instant, end: instant }).nullable()
  .meta({ description: 'A warning: the part of the period that the version was trained on, where it looks better than it is; blocks held out of its training (`plan.heldOut`) may lie in it. Null: none of it.' });

export const replayStartedSchema = z
  .strictObject({ model: z.string(), number: z.int(), version: z.int(), promotes, seenInTraining, workflowId, temporalUrl, commandId: z.uuid(), status: path.meta({ description: 'Where to follow it.' }) })
  .meta({ id: 'ReplayStarted' });
export type ReplayStarted = z.output<typeof replayStartedSchema>;

const figures = z.record(z.string(), z.unknown());
const count = z.int();

const rows = z.strictObject({
  observed: count.meta({ description: 'Predictions that were logged, each once.' }),
  pairs: count.meta({ description: 'Scored by the version beside the output of the champion of then.' }),
  withoutInputs: count.meta({ description: 'Their inputs were not kept.' }),
  lackingFeatures: count.meta({ description: 'Logged for a version that did not take all of the features that this one takes.' }),
  ownAnswers: count.meta({ description: 'The version was the champion itself.' }),
  withoutChampion: count.meta({ description: 'Answered by a challenger while the champion gave no output.' }),
  failed: count.meta({ description: 'The version gave no number.' }),
  seenInTraining: count.meta({ description: 'Pairs that lie in the window that the version was trained on, and in no block held out of it.' }),
}).meta({ id: 'ReplayRows' });

export const replaySchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    deployment: z.string(),
    version: z.int(),
    from: instant,
    until: instant,
    outcome: z.enum(REPLAY_OUTCOMES).nullable().meta({ description: 'How the comparison came out, or why there is none; null while it runs.' }),
    reason: z.string().nullable().meta({ description: 'One sentence with the numbers.' }),
    promotes,
    seenInTraining,
    requestedBy: z.string(),
    requestedAt: instant,
    finishedAt: instant.nullable(),
    workflowId,
    links: z.strictObject({ self: path, model: path, version: path, temporal: temporalUrl }),
  })
  .meta({ id: 'Replay' });
export type ReplayAnswer = z.output<typeof replaySchema>;

export const replayListSchema = itemsOf(replaySchema).meta({ id: 'ReplayList' });

const block = z.strictObject({
  number: z.int().meta({ description: 'Its place in the period, from 1; blocks in which nothing was observed are left out.' }),
  from: instant, until: instant, rows, champions: z.record(z.string(), z.int()).meta({ description: 'Pairs by the version that was champion.' }),
  samples: count, missingLabels: count,
  labelled: figures.nullable().meta({ description: 'Where the comparison on labels stood with this block; null where labels may still come.' }),
  unlabelled: figures.meta({ description: 'Agreement and distance of the outputs with this block.' }),
  recordedAt: instant,
});

export const replayDetailSchema = replaySchema
  .extend({
    requestReason: z.string(),
    commandId: z.uuid(),
    specDigest: z.string(),
    plan: figures.meta({ description: 'What was fixed before a row was scored.' }),
    planDigest: z.string(),
    rows: rows.meta({ description: 'Of all blocks together.' }),
    labelled: figures.nullable().meta({ description: 'Where the comparison on labels stands.' }),
    unlabelled: figures.nullable(),
    blocks: z.array(block),
    failure: z.strictObject({ type: z.string(), message: z.string(), details: figures }).nullable(),
    historyDigest: z.string().nullable(),
  })
  .meta({ id: 'ReplayDetail' });
export type ReplayDetail = z.output<typeof replayDetailSchema>;

export const replayLink = (model: string, number: number): string => `/v1/models/${model}/replays/${number}`;

export const planOf = ({ plan }: Replay): ReplayPlan => JSON.parse(plan.toString('utf8')) as ReplayPlan;

export function replayAnswer({ replay, end }: StandingReplay, temporal: TemporalLinks): ReplayAnswer {
  const { model, number, version } = replay;
  const id = replayWorkflowId(model, number);
  return {
    model, number, deployment: replay.deployment, version, from: replay.fromEvent.toISOString(), until: replay.untilEvent.toISOString(),
    outcome: end?.outcome ?? null, reason: end?.reason ?? null, promotes: false, seenInTraining: trainingOverlap(planOf(replay)),
    requestedBy: replay.requestedBy, requestedAt: replay.requestedAt.toISOString(), finishedAt: instantOf(end?.finishedAt ?? null), workflowId: id,
    links: { self: replayLink(model, number), model: `/v1/models/${model}`, version: `/v1/models/${model}/versions/${version}`, temporal: temporal.of(id) },
  };
}

export interface ReplayFacts {
  readonly replay: Replay;
  readonly end: ReplayEnding | null;
  readonly blocks: readonly ReplayFigures[];
  readonly history: ReplayHistory | null;
}

export const replayDetail = ({ replay, end, blocks, history }: ReplayFacts, temporal: TemporalLinks): ReplayDetail => ({
  ...replayAnswer({ replay, end }, temporal),
  requestReason: replay.requestReason, commandId: replay.commandId, specDigest: replay.specDigest,
  plan: { ...planOf(replay) }, planDigest: replay.planDigest, rows: sumRows(blocks.map((one) => one.rows)),
  labelled: blocks.findLast(({ standing }) => standing.labelled !== null)?.standing.labelled ?? null,
  unlabelled: blocks.at(-1)?.standing.unlabelled ?? null,
  blocks: blocks.map(blockAnswer),
  failure: end?.failure ? { ...end.failure, details: { ...end.failure.details } } : null,
  historyDigest: history?.digest ?? null,
});

const blockAnswer = (one: ReplayFigures): z.output<typeof block> => ({
  number: one.number, from: one.fromEvent.toISOString(), until: one.untilEvent.toISOString(), rows: one.rows, champions: { ...one.champions },
  samples: one.samples, missingLabels: one.missingLabels, labelled: one.standing.labelled, unlabelled: one.standing.unlabelled, recordedAt: one.recordedAt.toISOString(),
});
