import fastify from 'fastify';

/** The floor: a Fastify server that gives back what it gets. Prints its port. */
const app = fastify({ bodyLimit: 16 * 1024 * 1024 });
app.post('/v2/models/bench/infer', (request, reply) => {
  reply.send(request.body);
});
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(JSON.stringify({ port: (app.server.address() as { port: number }).port }));
