import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GATEWAY_NODE_FLAGS } from '../../src/contracts/gateway-node-flags.js';
import { ServedRegistry } from '../../src/serving/testing/served-registry.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const READY_MS = 60_000;

/** A program of the benchmark and the port that it listens on. */
export interface Server {
  readonly port: number;
  readonly process: ChildProcess;
}

export const pause = (ms: number): Promise<void> => new Promise((settle) => setTimeout(settle, ms));

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Starts a program and waits for the line of its output that names its port. */
export async function startServer(program: string, args: readonly string[], portIn: (line: string) => number | undefined, env: NodeJS.ProcessEnv = process.env): Promise<Server> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = portIn(line);
    if (port === undefined) continue;
    child.stdout.resume();
    return { port, process: child };
  }
  throw new Error(`${program} ${args.join(' ')} ended before it listened`);
}

/** The gateway as it is run, on a record and an artifact store of its own. */
export class ServingInstallation {
  private constructor(private readonly registry: ServedRegistry, readonly gateway: Server) {}

  /** @param versions of each model: the file of its champion first, then those of further versions */
  static async start(folder: string, versions: Readonly<Record<string, readonly string[]>>, spec: (model: string) => string): Promise<ServingInstallation> {
    const registry = await ServedRegistry.start();
    for (const [model, files] of Object.entries(versions)) await register(registry, folder, model, files, spec);
    const gateway = await startServer(process.execPath, [...GATEWAY_NODE_FLAGS, MAIN, 'gateway'], (line) => {
      const { url } = JSON.parse(line) as { url?: string };
      return url === undefined ? undefined : Number(new URL(url).port);
    }, {
      ...process.env, DATABASE_URL: registry.databaseUrl, DATABASE_POOL: '3', ARTIFACT_URL: registry.artifactsDir, GATEWAY_PORT: '0', GATEWAY_NAME: 'bench',
      OBSERVATION_DIR: join(registry.artifactsDir, '..', 'observations'), LOG_LEVEL: 'info',
    });
    const installation = new ServingInstallation(registry, gateway);
    await installation.untilReady();
    return installation;
  }

  /** Adds a model to those that are served, its first file as the champion; returns when the gateway serves it. */
  async add(folder: string, model: string, files: readonly string[], spec: (model: string) => string): Promise<void> {
    await this.untilFollowed(model, await register(this.registry, folder, model, files, spec));
  }

  /** Makes a version the champion; returns when the gateway serves it. */
  async promote(model: string, version: number): Promise<void> {
    await this.untilFollowed(model, await this.registry.promote(model, version));
  }

  /** Mirrors every request of the model to a version; returns when it is ready. */
  async challenge(model: string, version: number): Promise<void> {
    await this.registry.challenge(model, [version]);
    await this.untilMetric('perennial_gateway_challenger_ready', { model, version: String(version) }, (value) => value === 1);
  }

  async memoryBytes(): Promise<number> {
    return this.metric('process_resident_memory_bytes', {});
  }

  /** A value of the gateway's metrics, summed over the labels that are not given; 0 where there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.gateway.port}/metrics`)).text();
    const lines = text.split('\n').filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async close(): Promise<void> {
    await stopProcess(this.gateway.process);
    await this.registry.close();
  }

  private async untilFollowed(model: string, { revision }: { readonly revision: number }): Promise<void> {
    while ((await this.registry.behind(model, revision)).length > 0) await pause(20);
  }

  private async untilReady(): Promise<void> {
    const deadline = Date.now() + READY_MS;
    while (!(await fetch(`http://127.0.0.1:${this.gateway.port}/v2/health/ready`)).ok) {
      if (Date.now() > deadline) throw new Error('The gateway did not become ready');
      await pause(100);
    }
  }

  private async untilMetric(name: string, labels: Readonly<Record<string, string>>, holds: (value: number) => boolean): Promise<void> {
    const deadline = Date.now() + READY_MS;
    while (!holds(await this.metric(name, labels))) {
      if (Date.now() > deadline) throw new Error(`${name} did not come to what it should be`);
      await pause(100);
    }
  }
}

async function register(registry: ServedRegistry, folder: string, model: string, files: readonly string[], spec: (model: string) => string): Promise<{ revision: number }> {
  await registry.register(model, spec(model));
  for (const [index, file] of files.entries()) await registry.addVersion(model, index + 1, readFileSync(join(folder, file)));
  return registry.promote(model, 1);
}
