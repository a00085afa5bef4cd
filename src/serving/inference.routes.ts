import type { FastifyInstance } from 'fastify';
import { inferAnswer } from './infer-answer.js';
import { checkOutputs, readEnvelope, readRows } from './infer-request.js';
import type { RoutingTable } from './routing-table.js';

interface InferRoute {
  readonly Params: { readonly model: string; readonly version?: string };
  readonly Body: unknown;
}

/** Inference of the Open Inference Protocol V2 over REST. */
export function inferenceRoutes(app: FastifyInstance, table: RoutingTable, maxRows: number): void {
  const infer = async ({ model, version }: InferRoute['Params'], body: unknown): Promise<string> => {
    const envelope = readEnvelope(body);
    // Taken once: version, epoch and session stay together whatever is swapped meanwhile.
    const served = table.find(model, envelope.deployment, version);
    const { signature } = served.champion;
    checkOutputs(envelope.outputs, signature);
    const rows = readRows(envelope.inputs, signature, maxRows);
    const outputs = await served.champion.score(rows);
    return inferAnswer(envelope, served, outputs, table.age().stale);
  };
  for (const path of ['/v2/models/:model/infer', '/v2/models/:model/versions/:version/infer']) {
    app.post<InferRoute>(path, async (request, reply) => {
      const answer = await infer(request.params, request.body);
      return reply.header('content-type', 'application/json; charset=utf-8').send(answer);
    });
  }
}
