import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { PerennialError } from '../contracts/failures.js';

/** Metrics in Prometheus' format. @param open makes the registry, once; undefined while the gateway starts */
export function metricsRoute(app: FastifyInstance, open: () => Registry | undefined): void {
  let registry: Registry | undefined;
  app.get('/metrics', async (_request, reply) => {
    registry ??= open();
    if (!registry) throw new PerennialError('ModelNotReady', 'The gateway has only just started; try again in a moment');
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });
}
