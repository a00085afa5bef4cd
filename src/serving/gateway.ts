import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { CallerIdentification } from '../access/caller-identification.js';
import { TokenVerifier } from '../access/token-verifier.js';
import { PerennialError } from '../contracts/failures.js';
import type { TokenIssuer } from '../contracts/token-issuer.js';
import type { MirroredOutput } from '../observations/segment-format.js';
import { CallerGate } from './caller-gate.js';
import { causeOf, type GatewayLog, gatewayLog, type LogLevel } from './gateway-log.js';
import { GatewaySampler } from './gateway-sampler.js';
import type { FailureListeners } from './http-failures.js';
import { httpServer, listen } from './http-server.js';
import { inferenceRoutes } from './inference.routes.js';
import { inferencePlans } from './inference-plan.js';
import type { ArrivedRequest } from './inference-request.js';
import { InferenceTurn } from './inference-turn.js';
import { metadataRoutes } from './metadata.routes.js';
import { metricsRoute } from './metrics.routes.js';
import { plainInference } from './plain-inference.js';
import { type ObservationLog, type ObservationLogSettings, openObservationLog } from './observation-log.js';
import { RecordLink } from './record-link.js';
import { RoutingTable } from './routing-table.js';
import { ServingCounters } from './serving-counters.js';
import { servingMetrics } from './serving-metrics.js';
import { ServingTallies } from './serving-tallies.js';

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
  /** The log of answered predictions. */
  readonly observations: Omit<ObservationLogSettings, 'gateway' | 'boot'>;
  /** Bytes of a request's body. Default 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Rows of a request. A run holds up every other request, so the bound is in milliseconds of the model. Default 8192. */
  readonly maxRows?: number | undefined;
  /** Silence of the record after which answers say that their routing may be outdated, in milliseconds. Default 10,000. */
  readonly staleAfterMs?: number | undefined;
  /** Who may ask models has to be known and permitted; null: whoever reaches the gateway may. `issuer` null: API keys alone. Default null. */
  readonly authentication?: { readonly issuer: TokenIssuer | null } | null | undefined;
  /** Of a sample of what the gateway does and uses, in milliseconds. Default a minute. */
  readonly sampleMs?: number | undefined;
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
  const [tallies, counters] = [new ServingTallies(), new ServingCounters()];
  const running: Running = { accepting: true, observations: undefined, turn: undefined, identification: undefined };
  const add = (request: ArrivedRequest): void => {
    if (running.turn) running.turn.add(request);
    else request.reply.refuse(new PerennialError('ModelNotReady', 'The gateway has only just started; try again in a moment'));
  };
  const failures: FailureListeners = { log, count: (error, type) => counters.answered(error, type) };
  const gate = settings.authentication ? new CallerGate({ identify: async (shown) => identificationOf(running).identify(shown) }) : undefined;
  const app = httpServer(limits, failures, plainInference({ maxBodyBytes: limits.maxBodyBytes, closing: () => !running.accepting, failures, passes: (headers, model) => !gate || gate.passes(headers, model), add }));
  if (gate) guardModels(app, gate);
  metadataRoutes(app, table, { name: 'perennial', version: productVersion(), accepting: () => running.accepting });
  inferenceRoutes(app, add);
  metricsRoute(app, () => running.observations && servingMetrics({ table, tallies, counters, log: running.observations, waiting: () => running.turn?.waiting ?? 0 }));
  const { url, advertised, name } = await listenAs(app, settings, log);
  const boot = randomUUID();
  const mirrored = (outputs: readonly MirroredOutput[]): void => {
    tallies.mirrored(outputs);
    running.observations?.appendMirrored(outputs);
  };
  const samples = new GatewaySampler({ table, tallies, counters }, { lengthMs: settings.sampleMs });
  const kept = { log: () => running.observations?.figures() ?? null, oldestInFlightMs: () => running.turn?.oldestReceivedMs ?? Infinity };
  const link = new RecordLink(settings, { name, url: advertised }, table, log, { boot, tallies, samples, mirrored, kept });
  const observations = await openObservationLog({ ...settings.observations, gateway: name, boot }, log, link.segments);
  running.observations = observations;
  running.identification = new CallerIdentification(link.callers, settings.authentication?.issuer ? new TokenVerifier(settings.authentication.issuer) : null);
  running.turn = new InferenceTurn({ table, planOf: inferencePlans(tallies), maxRows: limits.maxRows, idStart: boot.slice(0, 8), log: observations, tallies, counters });
  link.start();
  return {
    url,
    name,
    ready: untilReady(() => table.ready() || !running.accepting),
    close: async () => {
      if (!running.accepting) return;
      running.accepting = false;
      await closeWithin({ app, link, table, observations }, log);
    },
  };
}

interface Running {
  accepting: boolean;
  /** All undefined until the log is open. */
  observations: ObservationLog | undefined;
  turn: InferenceTurn | undefined;
  identification: CallerIdentification | undefined;
}

function identificationOf({ identification }: Running): CallerIdentification {
  if (identification) return identification;
  throw new PerennialError('ModelNotReady', 'The gateway has only just started; try again in a moment');
}

/** Everything of a model asks who calls, before a body is read; health and metrics are no model's. */
function guardModels(app: FastifyInstance, gate: CallerGate): void {
  app.addHook('onRequest', async ({ params, headers }) => {
    const { model } = params as { readonly model?: string };
    if (model !== undefined) await gate.admit(headers, model);
  });
}

async function listenAs(app: FastifyInstance, settings: GatewaySettings, log: GatewayLog): Promise<{ url: string; advertised: string; name: string }> {
  const port = await listen(app, settings.host, settings.port);
  if (settings.port !== 0 && port !== settings.port) log.warn({ port }, `Port ${settings.port} is taken; the gateway listens on ${port}`);
  const url = `http://${urlHost(settings.host)}:${port}`;
  const name = settings.name ?? `${hostname()}:${port}`;
  log.info({ url, name }, `The gateway listens on ${url}`);
  return { url, name, advertised: port === settings.port ? (settings.url ?? url) : url };
}

interface Parts {
  readonly app: FastifyInstance;
  readonly link: RecordLink;
  readonly table: RoutingTable;
  readonly observations: ObservationLog;
}

async function closeWithin({ app, link, table, observations }: Parts, log: GatewayLog): Promise<void> {
  const deadline = sleep(CLOSE_MS, undefined, { ref: false }).then(() => log.warn({}, 'The gateway did not close in time; what is left is cut'));
  const cut = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
  const orderly = async (): Promise<void> => {
    const unfollowed = link.unfollow();
    await app.close();
    await unfollowed;
    // Challengers end first: what they still mirror belongs into the log.
    await table.clear();
    await observations.close();
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
