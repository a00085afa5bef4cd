import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { answerFailure, type FailureListeners, JSON_TYPE } from './http-failures.js';
import type { ArrivedRequest, InferenceReply } from './inference-request.js';
import { parseJsonBody } from './json-body.js';

export interface PlainInference {
  readonly maxBodyBytes: number;
  /** Whether connections are to end with their next answer. */
  readonly closing: () => boolean;
  readonly failures: FailureListeners;
  /** Whether the caller may ask the model, as far as that is known without asking anybody. */
  readonly passes: (headers: IncomingHttpHeaders, model: string) => boolean;
  readonly add: (request: ArrivedRequest) => void;
}

/** @returns whether the request will be answered */
export type RequestTaker = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Names that need no decoding, and no query behind them. */
const PATH = /^\/v2\/models\/([\w.-]+)(?:\/versions\/([\w.-]+))?\/infer$/;
/** Each asks for something out of the ordinary. */
const SPECIAL_HEADERS = ['content-encoding', 'expect', 'inference-header-content-length', 'transfer-encoding'] as const;

/**
 * Takes ordinary inference requests as Node's HTTP server brings them: what a framework adds to a request costs as much as
 * a row's model. Every other request is left to the framework, which names what is wrong with it.
 */
export function plainInference(settings: PlainInference): RequestTaker {
  return (request, response) => {
    const path = request.method === 'POST' ? PATH.exec(request.url ?? '') : null;
    if (!path || !isPlain(request, settings.maxBodyBytes) || !settings.passes(request.headers, path[1]!)) return false;
    read(request, (body) => addTo(settings, path, body, new PlainReply(request, response, settings)));
    return true;
  };
}

function isPlain({ headers }: IncomingMessage, maxBodyBytes: number): boolean {
  // Node has made sure that it is a number, and that so many bytes come.
  const length = Number(headers['content-length'] ?? 0);
  if (headers['content-type'] !== 'application/json' || length === 0 || length > maxBodyBytes) return false;
  for (const name of SPECIAL_HEADERS) if (headers[name] !== undefined) return false;
  return true;
}

/** @param then is not called when the connection breaks before the body is whole */
function read(request: IncomingMessage, then: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => then(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
}

function addTo({ add }: PlainInference, [, model, version]: RegExpExecArray, body: Buffer, reply: PlainReply): void {
  const startedMs = performance.now();
  try {
    add({ model: model!, version, body: parseJsonBody(body), startedMs, receivedAtMs: Date.now(), reply });
  } catch (error) {
    reply.refuse(error);
  }
}

class PlainReply implements InferenceReply {
  constructor(private readonly request: IncomingMessage, private readonly response: ServerResponse, private readonly settings: PlainInference) {}

  answer(json: string): void {
    this.send(200, { 'content-type': JSON_TYPE }, json);
  }

  refuse(error: unknown): void {
    if (this.response.headersSent) return;
    const { method, url } = this.request;
    const { status, headers, json } = answerFailure(this.settings.failures, error instanceof Error ? error : new Error(String(error)), { method, route: url });
    this.send(status, headers, json);
  }

  private send(status: number, headers: Readonly<Record<string, string>>, json: string): void {
    if (this.settings.closing()) this.response.setHeader('connection', 'close');
    this.response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(json) });
    this.response.end(json);
  }
}
