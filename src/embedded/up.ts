import { join } from 'node:path';
import { userInfo } from 'node:os';
import { type Environment, inheritedVariables } from '../config/environment.js';
import { alarmReceiver } from '../config/alarm-receiver.js';
import { PerennialError } from '../contracts/failures.js';
import { GATEWAY_NODE_FLAGS } from '../contracts/gateway-node-flags.js';
import { migrate } from '../registry/migrate.js';
import { type EmbeddedOptions, type EmbeddedServers, startEmbedded } from './embedded.js';
import { type Instance, removeInstance, writeInstance } from './instance-file.js';
import { ensureLocalKeys, type LocalKey } from './local-api-key.js';
import { ensureAuditKey } from './local-audit-key.js';
import { ensureWebhookSecret } from './local-webhook-secret.js';
import { anyFreePort, type ReservedPort, reservePort } from './ports.js';
import { grantAppRole } from './postgres-roles.js';
import { type Role, Supervisor } from './supervisor.js';

/** Where the API takes alarms. */
const RECEIPTS_PATH = '/v1/alarms/receipts';

export interface UpOptions {
  readonly environment: Environment;
  /** The compiled `main.js` that roles are started from. */
  readonly program: string;
  readonly log: (line: string) => void;
  readonly ports?: { readonly postgres?: number; readonly temporal?: number; readonly temporalUi?: number };
}

/** Everything on one machine, running. */
export interface RunningInstance extends Instance {
  readonly temporalUiUrl: string;
  readonly servers: EmbeddedServers;
  /** Shown once: only where it was made by this start. */
  readonly newKeys: readonly LocalKey[];
  readonly roles: Readonly<Record<'api' | 'gateway' | 'worker' | 'trainer', Role>>;
  stop(): Promise<void>;
}

/**
 * PostgreSQL, Temporal, the workers, the API and the gateway on this machine, each a process that ends with this one.
 * @throws PerennialError `ConfigurationInvalid`, `DependencyUnavailable`
 */
export async function up(options: UpOptions): Promise<RunningInstance> {
  const { environment, log } = options;
  refuseForeignRegistry(environment);
  alarmReceiver(environment);
  const servers = await startEmbedded(embeddedOptions(options));
  const supervisor = new Supervisor(log);
  const stop = async (): Promise<void> => {
    removeInstance(environment.STATE_DIR);
    await supervisor.stop();
    await servers.stop();
  };
  try {
    await migrate(servers.ownerDatabaseUrl);
    await grantAppRole(servers.ownerDatabaseUrl);
    const newKeys = await ensureLocalKeys(environment.STATE_DIR, servers.ownerDatabaseUrl, `${userInfo().username}@local`);
    const { instance, roles } = await startRoles(options, servers, supervisor);
    writeInstance(environment.STATE_DIR, instance, new Date().toISOString());
    return { ...instance, servers, newKeys, roles, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `up` brings its own registry; half of another installation beside it would split the record. */
function refuseForeignRegistry(environment: Environment): void {
  if (!environment.DATABASE_URL) return;
  throw new PerennialError(
    'ConfigurationInvalid',
    '`perennial up` runs PostgreSQL itself, but DATABASE_URL is set; unset it, or start the roles one by one: `perennial api`, `perennial worker`, `perennial gateway`',
  );
}

const embeddedOptions = ({ environment, log, ports }: UpOptions): EmbeddedOptions => ({
  stateDir: environment.STATE_DIR,
  log,
  ...(ports ? { ports } : {}),
  ...(environment.TEMPORAL_ADDRESS
    ? { foreignTemporal: { address: environment.TEMPORAL_ADDRESS, namespace: environment.TEMPORAL_NAMESPACE, uiUrl: environment.TEMPORAL_UI_URL } }
    : {}),
});

async function startRoles(
  { environment, program, log }: UpOptions,
  servers: EmbeddedServers,
  supervisor: Supervisor,
): Promise<{ instance: Instance & { temporalUiUrl: string }; roles: RunningInstance['roles'] }> {
  const api = await portFor(environment.API_PORT);
  const gateway = await portFor(environment.GATEWAY_PORT);
  for (const [name, wanted, got] of [['API', environment.API_PORT, api.port], ['gateway', environment.GATEWAY_PORT, gateway.port]] as const) {
    if (wanted !== 0 && wanted !== got) log(`Port ${wanted} is taken; the ${name} listens on ${got} instead.`);
  }
  const instance = {
    apiUrl: `http://127.0.0.1:${api.port}`, gatewayUrl: `http://127.0.0.1:${gateway.port}`,
    temporalAddress: servers.temporalAddress, temporalNamespace: servers.temporalNamespace, temporalUiUrl: servers.temporalUiUrl,
  };
  const roleEnvironment = {
    ...inheritedVariables(), DATABASE_URL: servers.databaseUrl, DATABASE_OWNER_URL: '', TEMPORAL_ADDRESS: servers.temporalAddress,
    TEMPORAL_NAMESPACE: servers.temporalNamespace, TEMPORAL_UI_URL: servers.temporalUiUrl, ARTIFACT_URL: environment.ARTIFACT_URL,
    DATA_DIR: environment.DATA_DIR, WORK_DIR: environment.WORK_DIR, STATE_DIR: environment.STATE_DIR,
    API_PORT: String(api.port), API_URL: instance.apiUrl, GATEWAY_PORT: String(gateway.port), GATEWAY_URL: instance.gatewayUrl, PERENNIAL_PARENT: 'watch',
    ...alarmSettings(environment, instance.apiUrl), ...auditSettings(environment),
  };
  const role = (name: string, args: readonly string[], readyUrl?: string, nodeFlags: readonly string[] = []): Promise<Role> =>
    supervisor.startRole({
      name, args: [...nodeFlags, '--enable-source-maps', program, ...args], environment: roleEnvironment, logFile: join(environment.STATE_DIR, 'logs', `${name}.log`),
      ...(readyUrl ? { readyUrl } : {}),
    });
  const [worker, trainer, apiRole, gatewayRole] = await Promise.all([
    role('worker', ['worker', '--queues', 'lifecycle,data']),
    role('trainer', ['worker', '--queues', 'train']),
    role('api', ['api'], `${instance.apiUrl}/readyz`),
    role('gateway', ['gateway'], `${instance.gatewayUrl}/v2/health/live`, GATEWAY_NODE_FLAGS),
  ]).finally(() => {
    api.release();
    gateway.release();
  });
  return { instance, roles: { worker, trainer, api: apiRole, gateway: gatewayRole } };
}

/** The ledger is signed wherever it runs; checkpoints and key lie outside the database, and belong elsewhere where it matters. */
const auditSettings = ({ STATE_DIR, AUDIT_KEY_FILE, AUDIT_CHECKPOINTS }: Environment): Pick<NodeJS.ProcessEnv, 'AUDIT_KEY_FILE' | 'AUDIT_CHECKPOINTS'> =>
  ({ AUDIT_KEY_FILE: AUDIT_KEY_FILE ?? ensureAuditKey(STATE_DIR), AUDIT_CHECKPOINTS: AUDIT_CHECKPOINTS ?? join(STATE_DIR, 'checkpoints') });

/** Alarms go where the operator says, otherwise to our own API, signed with a secret of this installation. */
function alarmSettings(environment: Environment, apiUrl: string): Pick<NodeJS.ProcessEnv, 'ALARM_WEBHOOK_URL' | 'ALARM_WEBHOOK_SECRET'> {
  const receiver = alarmReceiver(environment) ?? { url: `${apiUrl}${RECEIPTS_PATH}`, secret: environment.ALARM_WEBHOOK_SECRET ?? ensureWebhookSecret(environment.STATE_DIR) };
  return { ALARM_WEBHOOK_URL: receiver.url, ALARM_WEBHOOK_SECRET: receiver.secret };
}

const portFor = async (preferred: number): Promise<ReservedPort> =>
  preferred === 0 ? { port: await anyFreePort(), release: () => undefined } : reservePort(preferred);
