import { resolve } from 'node:path';
import { type LogLevel, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { TokenVerifier } from '../access/token-verifier.js';
import type { Environment } from '../config/environment.js';
import { requireServers } from '../config/servers.js';
import { sweepLimits } from '../config/sweep-limits.js';
import { tokenIssuer } from '../config/token-issuer.js';
import { PerennialError } from '../contracts/failures.js';
import { CallersRepository } from '../registry/callers.repository.js';
import { FiguresRepository } from '../registry/figures.repository.js';
import { isDatabaseAway } from '../registry/database-errors.js';
import { ApiModule, type ApiSettings } from './api.module.js';
import { guardRoutes, SIGNED_ROUTE } from './authentication/access.hook.js';
import { readControlMap } from './controls/control-files.js';
import { SendingLoop } from './commands/sending-loop.js';
import { serveDocumentation } from './documentation/openapi.js';
import { ApiMetrics } from './metrics/api-metrics.js';
import { serveMetrics } from './metrics/metrics.route.js';
import { useLabelUploads } from './labels/label-upload.js';
import { listenOnFreePort } from './listen.js';
import { answerParserError, answerRouterError } from './problems/framework-errors.js';
import { ProblemFilter } from './problems/problem.filter.js';
import { MAX_BODY_BYTES, useBodyParsers } from './requests/body-parsers.js';
import { ValidationPipe } from './requests/validation.pipe.js';

const REQUEST_TIMEOUT_MS = 30_000;
const OUTCOME_TIMEOUT_MS = 5_000;
/** Longer than a command waits for its outcome. */
const CLOSE_GRACE_MS = 7_000;
const MAX_PATH_PART = 300;

export interface RunningApi {
  /** Where callers on this machine reach it. */
  readonly url: string;
  /** Stops taking requests, ends what is under way and closes its connections. */
  close(): Promise<void>;
}

/**
 * Starts the API. A port that is taken is replaced by the next free one. Temporal may be away meanwhile: commands are
 * accepted and started later.
 * @throws PerennialError `ConfigurationInvalid` when no registry or Temporal server is named, `DependencyUnavailable`
 *   when PostgreSQL does not answer or no port is free.
 */
export async function startApi(environment: Environment, options: { readonly outcomeTimeoutMs?: number } = {}): Promise<RunningApi> {
  const app = await createApp(settingsOf(environment, options.outcomeTimeoutMs ?? OUTCOME_TIMEOUT_MS), environment);
  const server = app.getHttpAdapter().getInstance();
  try {
    const url = await listenOnFreePort(server, environment.API_HOST, environment.API_PORT);
    app.get(SendingLoop).start();
    new Logger('Api').log(`The API listens on ${url}; its documentation is at ${url}/docs`);
    return { url, close: () => closeWithin(app, server) };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Requests under way are answered; a caller that takes no answer is cut off after a while. */
async function closeWithin(app: NestFastifyApplication, server: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), CLOSE_GRACE_MS);
  await app.close().finally(() => clearTimeout(cut));
}

function settingsOf(environment: Environment, outcomeTimeoutMs: number): ApiSettings {
  const { DATABASE_URL, TEMPORAL_ADDRESS } = requireServers(environment);
  return {
    databaseUrl: DATABASE_URL,
    databasePool: environment.DATABASE_POOL,
    temporalAddress: TEMPORAL_ADDRESS,
    temporalNamespace: environment.TEMPORAL_NAMESPACE,
    temporalUiUrl: environment.TEMPORAL_UI_URL,
    controls: readControlMap(environment.CONTROLS_DIR),
    artifactFolder: resolve(environment.ARTIFACT_URL),
    alarmSecret: environment.ALARM_WEBHOOK_SECRET ?? null,
    sweepLimits: sweepLimits(environment),
    outcomeTimeoutMs,
  };
}

async function createApp(settings: ApiSettings, environment: Environment): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PATH_PART },
    frameworkErrors: answerRouterError,
    clientErrorHandler: answerParserError,
    forceCloseConnections: 'idle',
  });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.of(settings), adapter, {
    abortOnError: false,
    bodyParser: false,
    logger: levelsOf(environment.LOG_LEVEL),
  }).catch((error: unknown) => { throw startFailure(error); });
  const server = app.getHttpAdapter().getInstance();
  useBodyParsers(server, (request) => request.routeOptions.url === '/v1/models', (request) => request.routeOptions.url === SIGNED_ROUTE);
  useLabelUploads(server);
  const issuer = tokenIssuer(environment);
  guardRoutes(server, app.get(CallersRepository), issuer && new TokenVerifier(issuer));
  server.addHook('onSend', async (_request, reply) => { void reply.header('x-content-type-options', 'nosniff'); });
  serveMetrics(server, new ApiMetrics(app.get(FiguresRepository)));
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalPipes(new ValidationPipe());
  serveDocumentation(app);
  await app.init();
  await server.ready();
  return app;
}

const LEVELS = ['error', 'warn', 'log', 'debug'] as const satisfies readonly LogLevel[];

/** Nest's own start-up lines are of no use to an operator below `debug`. */
function levelsOf(least: Environment['LOG_LEVEL']): LogLevel[] {
  return LEVELS.slice(0, LEVELS.indexOf(least === 'info' ? 'log' : least) + 1);
}

function startFailure(error: unknown): unknown {
  return isDatabaseAway(error) ? new PerennialError('DependencyUnavailable', 'PostgreSQL does not answer under DATABASE_URL; start it, or correct the setting', { dependency: 'postgres' }, { cause: error }) : error;
}
