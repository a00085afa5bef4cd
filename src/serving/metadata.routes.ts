import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PerennialError } from '../contracts/failures.js';
import { DEFAULT_DEPLOYMENT } from '../contracts/motion.js';
import type { ModelSignature } from './model-signature.js';
import type { ReadyDeployment, RoutingTable } from './routing-table.js';

interface ModelRoute {
  readonly Params: { readonly model: string; readonly version?: string };
  readonly Querystring: { readonly deployment?: unknown };
}

export interface ServerFacts {
  readonly name: string;
  readonly version: string;
  /** False while the gateway closes. */
  readonly accepting: () => boolean;
}

/** Health and metadata of the Open Inference Protocol V2, and the probes of every process of ours. */
export function metadataRoutes(app: FastifyInstance, table: RoutingTable, facts: ServerFacts): void {
  const live = () => ({ live: true });
  app.get('/healthz', live);
  app.get('/v2/health/live', live);
  for (const path of ['/readyz', '/v2/health/ready']) {
    app.get(path, async (_request, reply) => {
      const ready = facts.accepting() && table.ready();
      return reply.code(ready ? 200 : 503).send({ ready, waiting: table.waiting(), failures: table.failures(), ...routingAge(table) });
    });
  }
  app.get('/v2', () => ({ name: facts.name, version: facts.version, extensions: [] }));
  for (const base of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    app.get<ModelRoute>(base, (request) => modelMetadata(find(table, request), table));
    app.get<ModelRoute>(`${base}/ready`, (request) => {
      const { model, champion } = find(table, request);
      return { name: model, version: String(champion.version), ready: true };
    });
  }
}

function find(table: RoutingTable, { params, query }: Pick<FastifyRequest<ModelRoute>, 'params' | 'query'>): ReadyDeployment {
  const { deployment = DEFAULT_DEPLOYMENT } = query;
  if (typeof deployment !== 'string') throw new PerennialError('InvalidRequest', 'deployment is given more than once');
  return table.find(params.model, deployment, params.version);
}

/** `inputs` are raw values by feature; whole encoded rows may be sent instead, as `encodedInput` says. */
function modelMetadata({ model, deployment, revision, epoch, champion }: ReadyDeployment, table: RoutingTable): object {
  const { version, signature } = champion;
  return {
    name: model,
    versions: [String(version)],
    platform: 'onnx_onnxv1',
    inputs: signature.features.map(({ name, type }) => ({ name, datatype: type === 'number' ? 'FP64' : 'BYTES', shape: [-1] })),
    outputs: signature.outputs,
    parameters: { version, epoch, deployment, revision, ...routingAge(table), encodedInput: encodedInput(signature) },
  };
}

/** As text, because the protocol's parameters are plain values. */
const encodedInput = ({ features }: ModelSignature): string => `features FP32 [-1,${features.length}]`;

/** How old the routing is that is served; null before it was read. */
function routingAge(table: RoutingTable): { stale: boolean; routingAgeMs: number | null } {
  const { ageMs, stale } = table.age();
  return { stale, routingAgeMs: Number.isFinite(ageMs) ? Math.round(ageMs) : null };
}
