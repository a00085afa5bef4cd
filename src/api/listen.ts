import type { FastifyInstance } from 'fastify';
import { Logger } from '@nestjs/common';
import { PerennialError } from '../contracts/failures.js';

const NEXT_PORTS = 200;

/**
 * Listens on the port or the next one that is free; 0 takes any.
 * @returns the URL under which callers on this machine reach it.
 * @throws PerennialError `DependencyUnavailable` when no port is free, `ConfigurationInvalid` when the address is not ours.
 */
export async function listenOnFreePort(server: FastifyInstance, host: string, preferred: number): Promise<string> {
  for (let port = preferred; port <= Math.min(preferred + NEXT_PORTS, 65_535); port += 1) {
    if (!(await tryToListen(server, host, port))) continue;
    const bound = server.server.address() as { port: number };
    if (preferred !== 0 && bound.port !== preferred) new Logger('Api').warn(`Port ${preferred} is taken; the API listens on ${bound.port}`);
    return urlOf(host, bound.port);
  }
  throw new PerennialError('DependencyUnavailable', `No port is free on ${host} from ${preferred} on; end a program that listens there`, { preferred });
}

async function tryToListen(server: FastifyInstance, host: string, port: number): Promise<boolean> {
  try {
    await server.listen({ host, port });
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EADDRINUSE') return false;
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EACCES') {
      throw new PerennialError('ConfigurationInvalid', `The API cannot listen on ${host}:${port} (${code}); correct API_HOST or API_PORT`, { settings: ['API_HOST', 'API_PORT'] });
    }
    throw error;
  }
}

function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
