import { resolve } from 'node:path';
import { z } from 'zod';
import { PerennialError } from '../contracts/failures.js';
import { durationMs } from '../contracts/time.js';

const port = (preferred: number) => z.coerce.number().int().min(0).max(65_535).default(preferred);
const folder = (standard: string) => z.string().min(1).default(standard).transform((path) => resolve(path));
const path = z.string().min(1).transform((given) => resolve(given)).optional();
const postgresUrl = z.url({ protocol: /^postgres(?:ql)?$/, error: 'must be a URL of PostgreSQL, such as postgres://user:password@host:5432/perennial' }).optional();
const webhookUrl = z
  .url({ protocol: /^https?$/, error: 'must be a URL of http or https' })
  .refine((url) => !URL.canParse(url) || (new URL(url).username === '' && new URL(url).password === ''), { error: 'must not hold a user or password; the signature tells who sends' })
  .optional();
const webhookSecret = z.string().regex(/^whsec_(?=[A-Za-z0-9+/]{32,86}={0,2}$)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'must be whsec_ and 24 to 64 bytes in Base64').optional();

/** A bucket by its path; what is secret stands in settings of its own. */
const s3Url = z
  .url({ protocol: /^https?$/, error: 'must be a URL of http or https' })
  .refine((url) => !URL.canParse(url) || /^\/[^/]+/.test(new URL(url).pathname), { error: 'must name the bucket as the first part of its path, such as https://s3.eu-central-1.amazonaws.com/bucket/ledger' })
  .refine((url) => !URL.canParse(url) || [new URL(url).username, new URL(url).password, new URL(url).search, new URL(url).hash].every((part) => part === ''), { error: 'must not hold a user, password, query or fragment' })
  .optional();

/** In milliseconds, from ISO 8601. */
const period = (standard: string) => z.string().refine((text) => (durationMs(text) ?? 0) > 0, 'must be an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT1H').transform((text) => durationMs(text) as number).prefault(standard);

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
/** Keys of an issuer that came over an open line could be anybody's. */
const issuerUrl = z
  .url({ protocol: /^https?$/, error: 'must be a URL of https' })
  .refine((url) => !URL.canParse(url) || new URL(url).protocol === 'https:' || LOOPBACK.has(new URL(url).hostname), { error: 'must be a URL of https; http is taken of this machine alone' })
  .optional();
/** A secret that both sides know proves nothing here, and `none` nothing at all. */
const signatureAlgorithms = z
  .string()
  .regex(/^(?:[RP]S(?:256|384|512)|ES(?:256|384|512)|EdDSA)(?:,(?:[RP]S(?:256|384|512)|ES(?:256|384|512)|EdDSA))*$/, 'must name algorithms with a public key, such as RS256,ES256')
  .transform((names) => names.split(','));

/** Every setting: its doc line, its default. Nobody else reads `process.env`. */
export const environmentSchema = z.object({
  DATABASE_URL: postgresUrl.describe('PostgreSQL as the application, whose role owns no table. Unset: embedded.'),
  DATABASE_OWNER_URL: postgresUrl.describe('PostgreSQL as the owner of the tables; only migrations use it. Unset: embedded.'),
  DATABASE_POOL: z.coerce.number().int().min(1).max(200).default(10).describe('Connections that one process may hold.'),
  TEMPORAL_ADDRESS: z.string().min(1).optional().describe('host:port of the Temporal server. Unset: embedded.'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default').describe("Temporal's namespace."),
  TEMPORAL_UI_URL: z.url().default('http://127.0.0.1:8233').describe('Where operators open the Temporal UI; links in answers begin with it.'),
  ARTIFACT_URL: z.string().min(1).default('var/artifacts').describe('The artifact store: a folder, absolute or below the working directory.'),
  DATA_DIR: folder('var/data').describe('Below this folder lie the data sources that specs name.'),
  WORK_DIR: folder('var/work').describe('Scratch space of snapshots, trainings and scoring, a folder for each process; what a killed one left is removed at the next start.'),
  STATE_DIR: folder('var/embedded').describe('What the embedded servers keep: data, ports, logs, local API keys.'),
  TRAINERS_DIR: folder('trainers').describe('The folder in which specs name a trainer.'),
  CONTROLS_DIR: folder('controls').describe('The folder of control maps: what frameworks ask for, and the evidence that shows it.'),
  TRAINER_PYTHON: folder('var/python/bin/python').describe("The trainers' Python interpreter."),
  GPU_DEVICES: z.string().regex(/^([A-Za-z0-9-]+(,[A-Za-z0-9-]+)*)?$/).optional().describe('GPUs that trainers may use, by index or UUID, such as 0,1. Unset: all that are found; empty: none.'),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin').describe('Where trainers find programs.'),
  PERENNIAL_PARENT: z.literal('watch').optional().describe('Set by `perennial up`: the role ends when its standard input does.'),
  API_HOST: z.string().min(1).default('127.0.0.1').describe('Address that the API listens on.'),
  API_PORT: port(3000).describe('Port that the API listens on; 0 takes a free one.'),
  API_URL: z.url().default('http://127.0.0.1:3000').describe('Where callers reach the API.'),
  PERENNIAL_API_KEY: z.string().min(1).optional().describe("The CLI's API key or access token. Unset: the local key of a running `perennial up`."),
  PERENNIAL_USER: z.string().regex(/^[a-z]+$/).optional().describe('As which local user of a running `perennial up` the CLI asks: owner, developer, validator, approver, operator, auditor, administrator or service. Unset: as you, an owner and auditor.'),
  OIDC_ISSUER: issuerUrl.describe('The OpenID Connect issuer whose access tokens API and gateway take, as its tokens write it (`iss`). Unset: API keys alone.'),
  OIDC_AUDIENCE: z.string().min(1).optional().describe('What tokens must name as their audience (`aud`): the name of this API at the issuer.'),
  OIDC_ALGORITHMS: signatureAlgorithms.prefault('RS256,PS256,ES256,EdDSA').describe('How tokens may be signed, with commas between; with a public key alone.'),
  GATEWAY_HOST: z.string().min(1).default('127.0.0.1').describe('Address that the gateway listens on.'),
  GATEWAY_PORT: port(3001).describe('Port that the gateway listens on; 0 takes a free one.'),
  GATEWAY_URL: z.url().default('http://127.0.0.1:3001').describe('Where callers reach the gateway.'),
  GATEWAY_NAME: z.string().regex(/^(?!source$)[A-Za-z0-9._-]{1,100}$/).optional().describe("The gateway's name in leases; unique, and not `source`, which names files. Unset: host name and port."),
  ALARM_WEBHOOK_URL: webhookUrl.describe('Where workers send alarms as signed CloudEvents. Unset: `perennial up` sends them to its own API.'),
  ALARM_WEBHOOK_SECRET: webhookSecret.describe('Signs alarms (Standard Webhooks): `whsec_` and 24 to 64 bytes in Base64. On the API: what it receives must be signed so. Unset: `perennial up` makes one.'),
  AUDIT_KEY_FILE: path.describe('Private key (Ed25519, PEM PKCS#8) that a worker of the queue `lifecycle` signs the audit ledger with. Unset: `perennial up` makes one.'),
  AUDIT_CHECKPOINTS: path.describe('Folder outside the database that signed checkpoints of the audit ledger are written to. Unset: `perennial up` has one below STATE_DIR.'),
  AUDIT_ORIGIN: z.string().regex(/^[A-Za-z0-9._/-]{1,200}$/).default('perennial/audit').describe("The audit ledger's name in its checkpoints, unique in an organisation, such as example.com/perennial; it stays."),
  GATEWAY_AUTHENTICATION: z.enum(['none', 'required']).default('none').describe('Whether the gateway asks who calls. `required`: whoever asks a model needs a key or token with the permission `prediction.request` for it.'),
  CHECKPOINT_S3: s3Url.describe('Where a worker that signs puts a copy of each checkpoint: a folder in a bucket of an S3-compatible store, such as https://s3.eu-central-1.amazonaws.com/bucket/ledger. Unset: nowhere.'),
  CHECKPOINT_S3_REGION: z.string().regex(/^[a-z0-9-]{1,40}$/).default('us-east-1').describe("The bucket's region."),
  CHECKPOINT_S3_KEY_ID: z.string().regex(/^[\w-]{1,128}$/).optional().describe('Access key that may write and read there.'),
  CHECKPOINT_S3_SECRET: z.string().min(1).optional().describe('Its secret.'),
  CHECKPOINT_WEBHOOK_URL: webhookUrl.describe('Where a worker that signs sends each checkpoint as a signed CloudEvent. Unset: nowhere.'),
  CHECKPOINT_WEBHOOK_SECRET: webhookSecret.describe('Signs them (Standard Webhooks): `whsec_` and 24 to 64 bytes in Base64.'),
  AUDIT_RECONCILE_EVERY: period('PT1H').describe("Time between two comparisons of the audit ledger with Temporal's histories, ISO 8601."),
  AUDIT_RECONCILE_GRACE: period('PT10M').describe('Time after which an entry and the run that it names must know of each other, ISO 8601.'),
  GATEWAY_MAX_BODY_BYTES: z.coerce.number().int().min(1_024).max(1_073_741_824).default(16_777_216).describe("Bytes of a request's body that the gateway takes."),
  GATEWAY_MAX_ROWS: z.coerce.number().int().min(1).max(1_000_000).default(8_192).describe("Rows of a request that the gateway takes; a run of so many holds up every other request."),
  OBSERVATION_DIR: folder('var/observations').describe('Where gateways keep observed predictions until they are uploaded; on a disk that outlives the process.'),
  OBSERVATION_SEAL_MS: z.coerce.number().int().min(100).max(3_600_000).default(10_000).describe('Observations are uploaded when the oldest that waits is this old, in milliseconds.'),
  OBSERVATION_SEAL_BYTES: z.coerce.number().int().min(65_536).max(1_073_741_824).default(33_554_432).describe('Observations are uploaded when this many bytes wait.'),
  OBSERVATION_MAX_BYTES: z.coerce.number().int().min(1_048_576).default(4_294_967_296).describe('Disk that one gateway may use for observations that wait; past it they are shed and counted, and answers go on.'),
  OBSERVATION_SYNC: z.enum(['second', 'always']).default('second').describe('When observations are flushed to the disk: once a second, or before each answer. A killed process loses none either way; a lost power at most the last second, or none.'),
  HEARTBEAT_TIMEOUT_MS: z.coerce.number().int().min(1_000).default(10_000).describe('How long a training worker may be silent before another attempt begins, in milliseconds.'),
  DRIFT_PART_ROWS: z.coerce.number().int().min(100).max(1_000_000_000).default(4_000_000).describe("Rows of a window beyond which its drift is measured in parts of at most so many, by all workers of the queue `data`; Kolmogorov–Smirnov and Wasserstein carry an error then."),
  GOVERNANCE_EVERY: period('PT1H').describe('Time between two looks for findings and reviews that are overdue and for versions that went live unconfirmed, ISO 8601.'),
  GOVERNANCE_REMIND_EVERY: period('P7D').describe('Time after which people are told again of a finding or a review that is overdue, or of a version that went live and its owner has not confirmed, ISO 8601.'),
  REVIEW_GRACE: period('P30D').describe('Time after which a review that is overdue becomes a finding, ISO 8601; that one is due as long after.'),
  INVENTORY_SWEEP_EVERY: period('P1D').describe('Time between two sweeps of the inventory for models that nobody takes care of, ISO 8601.'),
  INVENTORY_UNMONITORED: period('P7D').describe('Time beyond the length of a window after which a model in service counts as not monitored, ISO 8601.'),
  INVENTORY_IDLE: period('P30D').describe('Time without a prediction after which a model in service counts as idle, ISO 8601.'),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('The least severe line that is logged.'),
});

export type Environment = z.output<typeof environmentSchema>;

/**
 * Parses the environment once, at start.
 * @throws PerennialError `ConfigurationInvalid`, naming each faulty setting but never its value.
 */
export function readEnvironment(source: Readonly<Record<string, string | undefined>>): Environment {
  const set = Object.fromEntries(Object.entries(source).filter(([name, value]) => value !== '' || name === 'GPU_DEVICES'));
  const result = environmentSchema.safeParse(set);
  if (result.success) return result.data;
  const settings = result.error.issues.map((issue) => ({ setting: issue.path.join('.'), message: issue.message.replace(/, received .*/, '') }));
  const listed = settings.map(({ setting, message }) => `${setting}: ${message}`).join('; ');
  throw new PerennialError('ConfigurationInvalid', `These settings are not valid: ${listed}`, { settings });
}

/** All variables of this process, for the roles that it starts. */
export const inheritedVariables = (): NodeJS.ProcessEnv => ({ ...process.env });
