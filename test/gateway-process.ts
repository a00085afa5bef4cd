import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { anyFreePort } from '../src/embedded/ports.js';
import { eventually } from './installation.js';

const PROGRAM = join(import.meta.dirname, '..', 'dist', 'src', 'main.js');

/** Where a gateway ends itself by SIGKILL once it is armed. */
export type DeadlyStep = 'loading' | 'swapped' | 'sealing' | 'uploading' | 'uploaded';

export interface GatewayOrders {
  readonly name: string;
  /** Holds the observation log and the process's own log. */
  readonly folder: string;
  readonly observations?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly endAt?: DeadlyStep;
  /** How far its clock is ahead, in milliseconds; behind where negative. Only what JavaScript reads: the system's clock is nobody's to change. */
  readonly clockAheadMs?: number;
}

/** A gateway as it runs in production: a process of its own from the compiled program. */
export class GatewayProcess {
  private constructor(
    readonly name: string,
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly logFile: string,
  ) {}

  static async start(registry: { readonly databaseUrl: string; readonly artifactsDir: string }, orders: GatewayOrders): Promise<GatewayProcess> {
    if (!existsSync(PROGRAM)) throw new Error('dist/ is missing; `npm test` builds it');
    const port = await anyFreePort();
    const [url, logFile] = [`http://127.0.0.1:${port}`, join(orders.folder, `${orders.name}.log`)];
    const log = openSync(logFile, 'a');
    const preloads = [...(orders.endAt ? [endingAt(orders.endAt)] : []), ...(orders.clockAheadMs ? [clockAhead(orders.clockAheadMs)] : [])];
    const child = spawn(process.execPath, [...preloads.flatMap((source) => ['--import', `data:text/javascript,${encodeURIComponent(source)}`]), PROGRAM, 'gateway'], {
      stdio: ['pipe', log, log],
      env: {
        PATH: process.env['PATH'], DATABASE_URL: registry.databaseUrl, ARTIFACT_URL: registry.artifactsDir, GATEWAY_NAME: orders.name, GATEWAY_PORT: String(port), GATEWAY_URL: url,
        LOG_LEVEL: 'warn', OBSERVATION_DIR: orders.observations ?? join(orders.folder, 'observations'), OBSERVATION_SEAL_MS: orders.endAt ? '150' : '1000', PERENNIAL_PARENT: 'watch', ...orders.environment,
      },
    });
    closeSync(log);
    const gateway = new GatewayProcess(orders.name, url, child, logFile);
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`Gateway ${orders.name} ended: ${gateway.log()}`);
      return (await fetch(`${url}/v2/health/ready`).catch(() => undefined))?.ok ? true : undefined;
    }, () => `gateway ${orders.name}: ${gateway.log()}`);
    return gateway;
  }

  get pid(): number {
    return this.child.pid as number;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** From now on it ends at its deadly step. */
  arm(): void {
    this.child.kill('SIGUSR2');
  }

  async killed(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    if (this.child.signalCode !== 'SIGKILL') throw new Error(`Gateway ${this.name} ended with ${this.child.exitCode ?? this.child.signalCode}: ${this.log()}`);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.stdin?.end();
    await once(this.child, 'exit');
  }

  /** Samples of a metric whose labels are all there, summed. */
  async metric(name: string, labels: Readonly<Record<string, string | number>> = {}): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const samples = text.split('\n').filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && wanted.every((label) => line.includes(label)));
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
}

/** What comes before each deadly step, as a condition on the arguments of the function that is called then. */
const STEPS: Readonly<Record<DeadlyStep, string>> = {
  loading: "before(fs, 'createReadStream', ([path]) => !String(path).includes('gateway-'))",
  swapped: "before(net.Socket.prototype, 'write', ([bytes]) => text(bytes).includes('INSERT INTO gateway_acknowledgement'))",
  sealing: "before(fs, 'renameSync', ([, to]) => String(to).endsWith('.sealed'))",
  uploading: "before(fs.promises, 'rename', ([from]) => String(from).includes('incoming'))",
  uploaded: "before(net.Socket.prototype, 'write', ([bytes]) => text(bytes).includes('INSERT INTO observation_segment'))",
};

const endingAt = (step: DeadlyStep): string => `
import fs from 'node:fs';
import net from 'node:net';
import { syncBuiltinESMExports } from 'node:module';
let armed = false;
process.on('SIGUSR2', () => (armed = true));
const text = (bytes) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1'));
function before(owner, name, isTheStep) {
  const original = owner[name];
  owner[name] = function (...args) {
    if (armed && isTheStep(args)) {
      process.kill(process.pid, 'SIGKILL');
      for (;;);
    }
    return original.apply(this, args);
  };
}
${STEPS[step]};
syncBuiltinESMExports();`;

const clockAhead = (ms: number): string => `
const True = Date;
globalThis.Date = class extends True {
  constructor(...args) {
    if (args.length > 0) super(...args);
    else super(True.now() + ${ms});
  }
  static now() {
    return True.now() + ${ms};
  }
};`;
