#!/usr/bin/env node
import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Environment, readEnvironment } from './config/environment.js';
import { requireServers } from './config/servers.js';
import { PerennialError } from './contracts/failures.js';
import { TASK_QUEUES, type TaskQueue } from './contracts/motion.js';
import { PRINCIPAL_KINDS, rolesNamed } from './contracts/roles.js';
import { tokenIssuer } from './config/token-issuer.js';
import type { GatewaySettings } from './serving/gateway.js';

/** A role runs until it is told to end; a job ends by itself. */
interface Service {
  readonly ended?: Promise<void>;
  close(): Promise<void>;
}

const ROLES: Readonly<Record<string, (environment: Environment, args: readonly string[]) => Promise<Service | void>>> = {
  api: async (environment) => (await import('./api/api.js')).startApi(environment),
  gateway: async (environment) => (await import('./serving/gateway.js')).startGateway(gatewaySettings(environment)),
  worker: async (environment, args) => (await import('./worker/worker.js')).startWorker(environment, queuesOf(args)),
  migrate: async (environment) => {
    const names = await (await import('./registry/migrate.js')).migrate(ownerUrl(environment));
    console.log(names.length > 0 ? `Applied ${names.join(', ')}` : 'The schema is up to date');
  },
  'create-api-key': async (environment, args) => {
    const { values: { kind }, positionals: [actor, ...roles] } = parseArgs({ args: [...args], options: { kind: { type: 'string' } }, allowPositionals: true });
    if (!actor) throw new PerennialError('InvalidRequest', 'Name who will act with the key, and the roles of a new one: create-api-key <actor> [role …] [--kind person|service]');
    const as = PRINCIPAL_KINDS.find((one) => one === kind);
    if (kind !== undefined && !as) throw new PerennialError('InvalidRequest', `There is no kind ${kind}; choose from ${PRINCIPAL_KINDS.join(', ')}`);
    const { makeApiKeys } = await import('./registry/migrate.js');
    console.log((await makeApiKeys(ownerUrl(environment), [{ name: actor, roles: rolesNamed(roles), ...(as && { as }) }]))[0]);
  },
  bundle: async () => (await import('./worker/bundle.js')).writeWorkflowBundle(),
};

const [command = 'help', ...args] = process.argv.slice(2);
const role = ROLES[command];
try {
  const environment = readEnvironment(process.env);
  if (role) await serve(await role(environment, args), environment);
  else process.exit(await (await import('./cli/cli.js')).runCli(process.argv.slice(2), environment, fileURLToPath(import.meta.url)));
} catch (error) {
  console.error(error instanceof PerennialError ? `${error.type}: ${error.message}` : error);
  process.exit(1);
}

async function serve(service: Service | void, { PERENNIAL_PARENT }: Environment): Promise<void> {
  if (!service) return;
  // Who reads the log may end before the role does.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  let closing = false;
  const close = async (code: number): Promise<void> => {
    if (closing) return;
    closing = true;
    await service.close().catch((error: unknown) => console.error(error));
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void close(0));
  // Under `perennial up` a role ends with the process that holds its input open.
  if (PERENNIAL_PARENT === 'watch') (await import('./embedded/parent-watch.js')).watchParent(() => void close(0));
  await service.ended?.then(
    () => close(0),
    (error: unknown) => {
      console.error(error);
      return close(1);
    },
  );
}

function ownerUrl({ DATABASE_OWNER_URL }: Environment): string {
  if (DATABASE_OWNER_URL) return DATABASE_OWNER_URL;
  throw new PerennialError('ConfigurationInvalid', 'DATABASE_OWNER_URL must be set: only the owner of the tables may do this');
}

function gatewaySettings(environment: Environment): GatewaySettings {
  const { DATABASE_URL } = requireServers(environment, ['DATABASE_URL']);
  return {
    databaseUrl: DATABASE_URL, databasePool: environment.DATABASE_POOL, artifactUrl: environment.ARTIFACT_URL,
    host: environment.GATEWAY_HOST, port: environment.GATEWAY_PORT, name: environment.GATEWAY_NAME, url: environment.GATEWAY_URL, logLevel: environment.LOG_LEVEL,
    authentication: environment.GATEWAY_AUTHENTICATION === 'required' ? { issuer: tokenIssuer(environment) } : null,
    maxBodyBytes: environment.GATEWAY_MAX_BODY_BYTES, maxRows: environment.GATEWAY_MAX_ROWS,
    observations: {
      folder: environment.OBSERVATION_DIR, maxBytes: environment.OBSERVATION_MAX_BYTES, sealBytes: environment.OBSERVATION_SEAL_BYTES,
      sealAfterMs: environment.OBSERVATION_SEAL_MS, sync: environment.OBSERVATION_SYNC,
    },
  };
}

/** `--queues lifecycle,data,train`; all of them where nothing is said. */
function queuesOf(args: readonly string[]): TaskQueue[] {
  const named = args[args.indexOf('--queues') + 1];
  const wanted = args.includes('--queues') && named ? named.split(',') : Object.keys(TASK_QUEUES);
  const unknown = wanted.filter((queue) => !Object.hasOwn(TASK_QUEUES, queue));
  if (unknown.length > 0) throw new PerennialError('ConfigurationInvalid', `There is no task queue ${unknown.join(', ')}; choose from ${Object.keys(TASK_QUEUES).join(', ')}`);
  return wanted as TaskQueue[];
}
