import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { FAILURES, type FailureType, PerennialError } from '../contracts/failures.js';
import { causeOf, type GatewayLog } from './gateway-log.js';

interface Refusal {
  readonly status: number;
  readonly type: FailureType;
  readonly message: string;
  /** The model to ask instead of one that was retired. */
  readonly replacement?: unknown;
}

const INTERNAL: Refusal = { status: 500, type: 'Internal', message: 'Something unexpected went wrong; the log of the gateway says what' };

/** Each would come with every request for as long as it lasts; the follower of the routing has told of it once. */
const EXPECTED: ReadonlySet<FailureType> = new Set(['ModelNotReady', 'RoutingStale']);

/** Who hears of every answer that is an error. */
export interface FailureListeners {
  readonly log: GatewayLog;
  readonly count: (error: Error, type: FailureType) => void;
}

export const JSON_TYPE = 'application/json; charset=utf-8';

/** What callers are told beside the failure, by status. */
const MORE_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = { 401: { 'www-authenticate': 'Bearer realm="perennial"' }, 503: { 'retry-after': '1' } };

/** An answer that is an error. */
export interface FailureAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The protocol's error object, `{"error"}`, with the failure's type, and of a retired model the `replacement`. */
  readonly json: string;
}

/** Tells those who listen of a failure. @returns how to answer it */
export function answerFailure({ log, count }: FailureListeners, error: FastifyError | PerennialError | Error, request: { readonly method: string | undefined; readonly route: string | undefined }): FailureAnswer {
  const { status, type, message, replacement } = refusalOf(error);
  count(error, type);
  if (status >= 500 && !EXPECTED.has(type)) log.error({ ...causeOf(error), ...request }, 'A request failed');
  return { status, headers: { 'content-type': JSON_TYPE, ...MORE_HEADERS[status] }, json: JSON.stringify({ error: message, type, replacement }) };
}

export function sendFailure(listeners: FailureListeners, error: FastifyError | PerennialError | Error, { method, routeOptions, raw }: FastifyRequest, reply: FastifyReply): void {
  // Fastify would end the connection under a client that still sends, and the answer would be lost with it: it is heard out, within the request's timeout.
  if (!raw.complete) {
    reply.removeHeader('connection');
    raw.resume();
  }
  const { status, headers, json } = answerFailure(listeners, error, { method, route: routeOptions?.url });
  reply.code(status).headers(headers).send(json);
}

export function sendNotFound(listeners: FailureListeners, request: FastifyRequest, reply: FastifyReply): void {
  const place = JSON.stringify(`${request.method} ${request.url}`.slice(0, 200));
  sendFailure(listeners, new PerennialError('NotFound', `There is nothing at ${place}; the gateway answers POST /v2/models/<model>/infer and the other paths of the Open Inference Protocol V2`), request, reply);
}

function refusalOf(error: FastifyError | PerennialError | Error): Refusal {
  if (error instanceof PerennialError) return { status: FAILURES[error.type].status, type: error.type, message: error.message, replacement: error.details['replacement'] };
  const { code, statusCode = 500 } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return refusal('BodyTooLarge', 'The body is larger than the gateway takes; send fewer rows in a request');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return refusal('UnsupportedMediaType', 'Send the request as application/json');
  if (statusCode >= 400 && statusCode < 500) return { status: statusCode, type: 'InvalidRequest', message: error.message };
  return INTERNAL;
}

const refusal = (type: FailureType, message: string): Refusal => ({ status: FAILURES[type].status, type, message });
