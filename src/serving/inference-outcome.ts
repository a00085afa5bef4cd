import { PerennialError } from '../contracts/failures.js';
import type { MirroredOutput, Observation } from '../observations/segment-format.js';
import { GUARD, type GuardedOutputs } from './guard-rails.js';
import { type Answer, answerJson } from './infer-answer.js';
import type { ReadRows } from './infer-request.js';
import type { AnswerPlan, JudgedOutput } from './inference-plan.js';
import type { PreparedRequest } from './inference-request.js';
import type { OutputTensor } from './scoring-session.js';

/** What a version gave for a request: rows of a run's outputs. */
export interface Scored {
  readonly request: PreparedRequest;
  readonly by: AnswerPlan;
  /** As this version takes them. */
  readonly rows: ReadRows;
  readonly outputs: readonly OutputTensor[];
  /** First row of the request in the outputs. */
  readonly from: number;
}

/** An answer that is ready to be logged and then sent. */
export interface Outcome {
  readonly scored: Scored;
  readonly observation: Observation;
  readonly guarded: GuardedOutputs | null;
}

/** @param nowMs of the clock that never jumps */
export function outcomeOf(scored: Scored, nowMs: number): Outcome {
  const { request, by, rows } = scored;
  const { arrived, envelope, plan } = request;
  const raw = judgedValues(scored);
  const guarded = plan.guards?.apply(raw) ?? null;
  const changed = guarded !== null && guarded.used > 0;
  return {
    scored,
    guarded,
    observation: {
      context: by.context,
      sequence: request.sequence,
      predictionId: request.predictionId,
      entityKey: envelope.identity.entityKey,
      eventTimeMs: envelope.identity.eventTimeMs ?? arrived.receivedAtMs,
      perRow: request.perRow,
      receivedAtMs: arrived.receivedAtMs,
      latencyMs: nowMs - arrived.startedMs,
      stale: request.stale,
      rows: rows.rows,
      features: by.context.observeInputs ? rows.features : null,
      unknown: by.context.observeInputs ? rows.unknown : [],
      outputs: guarded ? guarded.outputs : raw,
      rawOutputs: changed ? raw : null,
      guards: changed ? guarded.guards : null,
    },
  };
}

/** The answer's JSON. */
export function answerOf({ scored, guarded }: Outcome): string {
  const { request, by, outputs, from } = scored;
  const changed = guarded !== null && guarded.used > 0;
  const answer: Answer = {
    id: request.envelope.id, predictionId: request.predictionId, stale: request.stale, wanted: request.envelope.outputs, rows: request.rows.rows,
    guards: guarded?.guards ?? null, outputs: changed ? guardedTensors(scored, guarded) : outputs, from: changed ? 0 : from,
  };
  return answerJson(by.template, answer);
}

/** What a version that did not answer gave for the request. */
export function mirroredOutput({ request, by, ...scored }: Scored, latencyMs: number): MirroredOutput {
  return { ...mirroredFacts(request, by), outcome: 'executed', reason: null, latencyMs, outputs: judgedValues({ request, by, ...scored }) };
}

export const mirroredFailure = (request: PreparedRequest, by: AnswerPlan, reason: string): MirroredOutput =>
  ({ ...mirroredFacts(request, by), outcome: 'failed', reason, latencyMs: null, outputs: null });

const mirroredFacts = ({ sequence, rows: { rows } }: PreparedRequest, { context: { model, deployment, revision, version } }: AnswerPlan) =>
  ({ sequence, model, deployment, revision, version, rows });

/** @returns [rows] the probability of the positive class, or the prediction */
function judgedValues({ request, by: { judged }, outputs, from }: Scored): Float32Array {
  const { data } = outputs[judged.index]!;
  const { rows } = request.rows;
  const values = new Float32Array(rows);
  for (let row = 0; row < rows; row++) values[row] = data[(from + row + 1) * judged.columns - 1] as number;
  return values;
}

/** The outputs of the request's rows alone, each as its guard rails leave it. */
function guardedTensors({ request, by: { judged }, outputs, from }: Scored, { outputs: values, guards }: GuardedOutputs): OutputTensor[] {
  const { rows } = request.rows;
  return outputs.map(({ name, shape, data }, index) => {
    const width = data.length / shape[0]!;
    const kept = Array.from({ length: rows * width }, (_, at) => data[from * width + at]);
    guards.forEach((code, row) => {
      if (code !== GUARD.none) replaceRow(kept, index, row, values[row]!, judged);
    });
    return { name, shape: [rows, ...shape.slice(1)], data: kept };
  });
}

/** The judged value of a row, and what follows from it; NaN and null are both null in the answer. */
function replaceRow(kept: unknown[], index: number, row: number, value: number, judged: JudgedOutput): void {
  if (index === judged.index) {
    kept[(row + 1) * judged.columns - 1] = value;
    if (judged.columns === 2) kept[row * 2] = Math.fround(1 - value);
  } else if (index === judged.label) kept[row] = Number.isNaN(value) ? null : Number(value >= 0.5);
}

/** @throws PerennialError `InferenceFailed` for outputs that do not have one row for each that was asked */
export function checkedOutputs(outputs: readonly OutputTensor[], rows: number, { judged, facts }: AnswerPlan): readonly OutputTensor[] {
  const fits = outputs.length === facts.signature.outputs.length && outputs.every(({ shape, data }) => shape[0] === rows && data.length % rows === 0)
    && outputs[judged.index]?.data.length === rows * judged.columns;
  if (fits) return outputs;
  const shapes = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
  throw new PerennialError('InferenceFailed', `Version ${facts.version} answered ${rows} rows with ${shapes}`);
}
