import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { takeLock } from '#embedded/pid-lock.mjs';
import { PerennialError } from '../contracts/failures.js';

const LOOPBACK = '127.0.0.1';
const NEXT_PORTS = 200;

export interface ReservedPort {
  readonly port: number;
  /** To be called once the server listens (or was given up): until then no other instance of ours takes the port. */
  release(): void;
}

/**
 * The preferred port, or the next one on which nobody listens. It is reserved among all instances on this machine, so
 * that two which start at once don't choose the same one and then talk to each other's server.
 */
export async function reservePort(preferred: number): Promise<ReservedPort> {
  for (let port = preferred; port < Math.min(preferred + NEXT_PORTS, 65_536); port += 1) {
    const { release } = takeLock(join(tmpdir(), `perennial-${userInfo().uid}-port-${port}.lock`));
    if (!release) continue;
    if (await isFree(port)) return { port, release };
    release();
  }
  throw new PerennialError('DependencyUnavailable', `No free port was found on ${LOOPBACK} from ${preferred} on; end a program that listens there`, { preferred });
}

/** A port that the system picks, for what nobody has to remember. */
export async function anyFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, LOOPBACK, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Nobody accepts a connection there, and we could listen. (Either alone can be fooled by a listener on all addresses.) */
export async function isFree(port: number): Promise<boolean> {
  return !(await accepts(port)) && (await canListen(port));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port });
    const answer = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false)).setTimeout(500, () => answer(true));
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
