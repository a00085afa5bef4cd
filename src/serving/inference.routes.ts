import type { FastifyInstance, FastifyReply } from 'fastify';
import { JSON_TYPE } from './http-failures.js';
import type { ArrivedRequest, InferenceReply } from './inference-request.js';

interface InferRoute {
  readonly Params: { readonly model: string; readonly version?: string };
  readonly Body: unknown;
}

/** Inference of the Open Inference Protocol V2 over REST; `add` answers each request later. */
export function inferenceRoutes(app: FastifyInstance, add: (request: ArrivedRequest) => void): void {
  for (const path of ['/v2/models/:model/infer', '/v2/models/:model/versions/:version/infer']) {
    app.post<InferRoute>(path, ({ params: { model, version }, body, startedMs }, reply) => {
      add({ model, version, body, startedMs: startedMs || performance.now(), receivedAtMs: Date.now(), reply: new HttpReply(reply) });
    });
  }
}

class HttpReply implements InferenceReply {
  constructor(private readonly reply: FastifyReply) {}

  answer(json: string): void {
    this.reply.header('content-type', JSON_TYPE).send(json);
  }

  refuse(error: unknown): void {
    if (!this.reply.sent) this.reply.send(error instanceof Error ? error : new Error(String(error)));
  }
}
