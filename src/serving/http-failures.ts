import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { FAILURES, type FailureType, PerennialError } from '../contracts/failures.js';
import { causeOf, type GatewayLog } from './gateway-log.js';

interface Refusal {
  readonly status: number;
  readonly type: FailureType;
  readonly message: string;
}

const INTERNAL: Refusal = { status: 500, type: 'Internal', message: 'Something unexpected went wrong; the log of the gateway says what' };

/** Each would come with every request for as long as it lasts; the follower of the routing has told of it once. */
const EXPECTED: ReadonlySet<FailureType> = new Set(['ModelNotReady', 'RoutingStale']);

/** Who hears of every answer that is an error. */
export interface FailureListeners {
  readonly log: GatewayLog;
  readonly count: (error: Error, type: FailureType) => void;
}

/** Answers with the protocol's error object, `{"error"}`, and the failure's type. */
export function sendFailure({ log, count }: FailureListeners, error: FastifyError | PerennialError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = refusalOf(error);
  count(error, refusal.type);
  if (refusal.status >= 500 && !EXPECTED.has(refusal.type)) {
    log.error({ ...causeOf(error), method: request.method, route: request.routeOptions?.url }, 'A request failed');
  }
  if (refusal.status === 503) reply.header('retry-after', '1');
  reply.code(refusal.status).header('content-type', 'application/json; charset=utf-8');
  reply.send(JSON.stringify({ error: refusal.message, type: refusal.type }));
}

export function sendNotFound(listeners: FailureListeners, request: FastifyRequest, reply: FastifyReply): void {
  const place = JSON.stringify(`${request.method} ${request.url}`.slice(0, 200));
  sendFailure(listeners, new PerennialError('NotFound', `There is nothing at ${place}; the gateway answers POST /v2/models/<model>/infer and the other paths of the Open Inference Protocol V2`), request, reply);
}

function refusalOf(error: FastifyError | PerennialError | Error): Refusal {
  if (error instanceof PerennialError) return { status: FAILURES[error.type].status, type: error.type, message: error.message };
  const { code, statusCode = 500 } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return refusal('BodyTooLarge', 'The body is larger than the gateway takes; send fewer rows in a request');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return refusal('UnsupportedMediaType', 'Send the request as application/json');
  if (statusCode >= 400 && statusCode < 500) return { status: statusCode, type: 'InvalidRequest', message: error.message };
  return INTERNAL;
}

const refusal = (type: FailureType, message: string): Refusal => ({ status: FAILURES[type].status, type, message });
