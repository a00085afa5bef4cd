import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { causeOf, type GatewayLog, gatewayLog, type LogLevel } from './gateway-log.js';
import { httpServer, listen } from './http-server.js';
import { inferenceRoutes } from './inference.routes.js';
import { metadataRoutes } from './metadata.routes.js';
import { RecordLink } from './record-link.js';
import { RoutingTable } from './routing-table.js';

export interface GatewaySettings {
  readonly databaseUrl: string;
  readonly databasePool: number;
  /** Folder of the artifact store. */
  readonly artifactUrl: string;
  readonly host: string;
  /** 0 takes a free one; one that is taken is replaced by the next free one. */
  readonly port: number;
  /** Name in leases, unique among gateways. Default: host name and port. */
  readonly name?: string | undefined;
  /** Where callers reach it. Default, and where another port had to be taken: the address that it listens on. */
  readonly url?: string | undefined;
  readonly logLevel: LogLevel;
  /** Bytes of a request's body. Default 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Rows of a request. A run holds up every other request, so the bound is in milliseconds of the model. Default 8192. */
  readonly maxRows?: number | undefined;
  /** Silence of the record after which answers say that their routing may be outdated, in milliseconds. Default 10,000. */
  readonly staleAfterMs?: number | undefined;
}

export interface Gateway {
  /** The address that it listens on. */
  readonly url: string;
  readonly name: string;
  /** Resolves when the routing was read and every champion is loaded; it answers 503 until then. Also resolves on close. */
  readonly ready: Promise<void>;
  /** Finishes the requests in flight, gives up the lease, and closes every connection, within 5 seconds. */
  close(): Promise<void>;
}

const DEFAULTS = { maxBodyBytes: 16 * 1024 * 1024, maxRows: 8_192, staleAfterMs: 10_000 };
const CLOSE_MS = 5_000;
const DRAIN_MS = 3_500;
const READY_CHECK_MS = 20;

/**
 * Starts the gateway: champions of every deployment behind the Open Inference Protocol V2. It listens at once and is
 * ready later; PostgreSQL may be away, at the start and at any time.
 * @throws PerennialError `ConfigurationInvalid`, `DependencyUnavailable` when it cannot listen
 */
export async function startGateway(settings: GatewaySettings): Promise<Gateway> {
  const limits = { maxBodyBytes: settings.maxBodyBytes ?? DEFAULTS.maxBodyBytes, maxRows: settings.maxRows ?? DEFAULTS.maxRows };
  const table = new RoutingTable(settings.staleAfterMs ?? DEFAULTS.staleAfterMs);
  const log = gatewayLog(settings.logLevel);
  const app = httpServer(limits, log);
  let accepting = true;
  metadataRoutes(app, table, { name: 'perennial', version: productVersion(), accepting: () => accepting });
  inferenceRoutes(app, table, limits.maxRows);
  const port = await listen(app, settings.host, settings.port);
  if (settings.port !== 0 && port !== settings.port) log.warn({ port }, `Port ${settings.port} is taken; the gateway listens on ${port}`);
  const url = `http://${urlHost(settings.host)}:${port}`;
  const name = settings.name ?? `${hostname()}:${port}`;
  const advertised = port === settings.port ? (settings.url ?? url) : url;
  log.info({ url, name }, `The gateway listens on ${url}`);
  const link = new RecordLink(settings, { name, url: advertised }, table, log);
  link.start();
  return {
    url,
    name,
    ready: untilReady(() => table.ready() || !accepting),
    close: async () => {
      if (!accepting) return;
      accepting = false;
      await closeWithin(app, link, table, log);
    },
  };
}

async function closeWithin(app: FastifyInstance, link: RecordLink, table: RoutingTable, log: GatewayLog): Promise<void> {
  const deadline = sleep(CLOSE_MS, undefined, { ref: false }).then(() => log.warn({}, 'The gateway did not close in time; what is left is cut'));
  const cut = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
  const orderly = async (): Promise<void> => {
    const unfollowed = link.unfollow();
    await app.close();
    await unfollowed;
    table.clear();
    // Only now does nobody answer from the old routing any more.
    await link.close();
  };
  await Promise.race([orderly().catch((error: unknown) => log.error(causeOf(error), 'The gateway did not close cleanly')), deadline]);
  clearTimeout(cut);
}

async function untilReady(done: () => boolean): Promise<void> {
  while (!done()) await sleep(READY_CHECK_MS);
}

const urlHost = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
};

/** The version of the package that this file belongs to, from source or from its build. */
function productVersion(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}
