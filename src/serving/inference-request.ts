import type { RowIdentities } from '../observations/segment-format.js';
import { checkEventTimes, readRowIdentities } from './infer-identity.js';
import { checkOutputs, isEncodedInput, namedDeployment, type ReadRows, readEnvelope, readRows, type RequestEnvelope } from './infer-request.js';
import type { ChallengerPlan, InferencePlan } from './inference-plan.js';
import type { ReadyDeployment, RoutingTable } from './routing-table.js';
import type { Place } from './serving-counters.js';
import { assign } from './traffic-split.js';

/** How a request is answered, once: with the answer's JSON, or with what was wrong. */
export interface InferenceReply {
  answer(json: string): void;
  refuse(error: unknown): void;
}

/** A request as it came, its body parsed. */
export interface ArrivedRequest {
  readonly model: string;
  /** As the path names it; undefined: whichever serves. */
  readonly version: string | undefined;
  readonly body: unknown;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
  /** The same moment on a clock that never jumps. */
  readonly startedMs: number;
  readonly reply: InferenceReply;
}

/** A valid request with its rows as the champion takes them. */
export interface PreparedRequest {
  readonly arrived: ArrivedRequest;
  readonly plan: InferencePlan;
  readonly envelope: RequestEnvelope;
  readonly rows: ReadRows;
  readonly sequence: number;
  readonly predictionId: string;
  readonly perRow: RowIdentities | null;
  readonly stale: boolean;
  /** The challenger whose share of the traffic this is; null: the champion answers. */
  readonly canary: ChallengerPlan | null;
}

/** What reading a request needs of the gateway. */
export interface RequestReading {
  readonly table: Pick<RoutingTable, 'find' | 'knows' | 'stale'>;
  readonly planOf: (served: ReadyDeployment) => InferencePlan;
  readonly maxRows: number;
  /** Begins the prediction ids that are made; unique for each start of the gateway. */
  readonly idStart: string;
}

/**
 * Validates a request and encodes its rows.
 * @throws PerennialError `InferenceInvalid`, `BodyTooLarge`, and what the table's `find` throws
 */
export function prepareRequest(arrived: ArrivedRequest, sequence: number, { table, planOf, maxRows, idStart }: RequestReading): PreparedRequest {
  const envelope = readEnvelope(arrived.body);
  // Taken once: version, epoch and session stay together whatever is swapped meanwhile.
  const plan = planOf(table.find(arrived.model, envelope.deployment, arrived.version));
  checkOutputs(envelope.outputs, plan.outputs);
  const rows = readRows(envelope.inputs, plan.champion.facts.signature, maxRows, plan.others);
  const perRow = readRowIdentities(envelope.rowInputs, rows.rows);
  checkEventTimes(envelope.identity, perRow, arrived.receivedAtMs);
  const predictionId = envelope.identity.predictionId ?? `${idStart}-${sequence}`;
  const request = { arrived, plan, envelope, rows, sequence, predictionId, perRow, stale: table.stale(plan.served), canary: null };
  // Who asks for a version by its number gets that one.
  return arrived.version !== undefined || plan.served.weights.size === 0 ? request : { ...request, canary: canaryOf(request) };
}

/** The deployment that a request asks for, whatever is wrong with the rest of it; null where it is none of the record. */
export function placeOf({ model, body }: ArrivedRequest, table: Pick<RoutingTable, 'knows'>): Place | null {
  const deployment = namedDeployment(body);
  return deployment !== null && table.knows(model, deployment) ? { model, deployment } : null;
}

function canaryOf({ plan: { served, challengers }, perRow, predictionId, envelope }: PreparedRequest): ChallengerPlan | null {
  const versionOf = (key: string | null): number | null => assign(served.salt, key ?? predictionId, served.weights);
  const keys = perRow?.entityKeys ?? [envelope.identity.entityKey];
  const version = versionOf(keys[0]!);
  // One answer is of one version: where the rows' entities belong to several, the champion answers them all.
  if (version === null || keys.some((key) => versionOf(key) !== version)) return null;
  return challengers.find(({ facts }) => facts.version === version) ?? null;
}

/** The request's rows as a challenger takes them; null when it needs features that the request lacks. */
export function rowsFor({ plan, envelope, rows }: PreparedRequest, { sameRows, facts }: ChallengerPlan, maxRows: number): ReadRows | null {
  if (sameRows) return rows;
  if (envelope.inputs.some(isEncodedInput) && !plan.champion.facts.signature.indexOf.has('features')) return null;
  try {
    return readRows(envelope.inputs, facts.signature, maxRows, plan.features);
  } catch {
    return null;
  }
}
