import type { FastifyInstance } from 'fastify';
import type { ApiMetrics } from './api-metrics.js';

/**
 * `GET /metrics`, open like `/healthz`: it holds counts, and no name of a model, caller or address. It is for scrapers, so it
 * is no part of the documented API.
 */
export function serveMetrics(server: FastifyInstance, metrics: ApiMetrics): void {
  server.addHook('onResponse', async (request, reply) => {
    metrics.observe(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime);
  });
  server.get('/metrics', async (_request, reply) => {
    void reply.header('content-type', metrics.contentType).header('cache-control', 'no-store');
    return metrics.scrape(new Date());
  });
}
