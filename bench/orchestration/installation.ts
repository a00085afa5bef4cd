import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { readEnvironment } from '../../src/config/environment.js';
import { readLocalApiKey } from '../../src/embedded/local-api-key.js';
import { type RunningInstance, up } from '../../src/embedded/up.js';

const PROGRAM = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** A whole Perennial in a folder of its own, as `perennial up` starts it, asked over its API. */
export class Installation {
  private constructor(
    private readonly folder: string,
    private readonly instance: RunningInstance,
    readonly temporal: Client,
    private readonly apiKey: string,
  ) {}

  static async start(): Promise<Installation> {
    const parent = resolve('var/bench/orchestration');
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(join(parent, 'installation-'));
    const below = (name: string): string => join(folder, name);
    mkdirSync(below('data'));
    const environment = readEnvironment({
      PATH: process.env['PATH'], API_PORT: '0', GATEWAY_PORT: '0',
      STATE_DIR: below('state'), ARTIFACT_URL: below('artifacts'), DATA_DIR: below('data'), WORK_DIR: below('work'),
    });
    const instance = await up({ environment, program: PROGRAM, log: () => undefined, ports: { postgres: 26_432, temporal: 27_733, temporalUi: 28_733 } });
    const temporal = new Client({ connection: Connection.lazy({ address: instance.temporalAddress }) });
    return new Installation(folder, instance, temporal, readLocalApiKey(environment.STATE_DIR) as string);
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get stateDir(): string {
    return join(this.folder, 'state');
  }

  get temporalAddress(): string {
    return this.instance.temporalAddress;
  }

  /** Of the process with the workers for the lifecycle and data queues. */
  get workerPid(): number | undefined {
    return this.instance.roles.worker.pid;
  }

  /** @throws unless the answer is a success */
  async call<T>(method: string, path: string, body?: string, type = 'application/json'): Promise<T> {
    const response = await fetch(this.instance.apiUrl + path, {
      method, headers: { authorization: `Bearer ${this.apiKey}`, ...(body === undefined ? {} : { 'content-type': type }) }, ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** @returns the answer's status, whatever it is */
  async status(method: string, path: string, body: string): Promise<number> {
    const response = await fetch(this.instance.apiUrl + path, { method, headers: { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' }, body });
    await response.arrayBuffer();
    return response.status;
  }

  async apply(spec: string): Promise<void> {
    await this.call('POST', '/v1/models', spec, 'application/yaml');
  }

  async stop(): Promise<void> {
    await this.temporal.connection.close();
    await this.instance.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
