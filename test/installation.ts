import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { DataSource } from 'typeorm';
import { type Environment, readEnvironment } from '../src/config/environment.js';
import { readLocalApiKey } from '../src/embedded/local-api-key.js';
import { type RunningInstance, up } from '../src/embedded/up.js';
import { registryDataSource } from '../src/registry/data-source.js';
import type { RetrainDetail } from '../src/api/retrains/retrains.dto.js';

const ROOT = join(import.meta.dirname, '..');
const PROGRAM = join(ROOT, 'dist', 'src', 'main.js');

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

/** A whole Perennial in a folder of its own: every server and role a real process. */
export class Installation {
  private constructor(
    readonly folder: string,
    readonly environment: Environment,
    readonly instance: RunningInstance,
    readonly registry: DataSource,
    readonly temporal: Client,
    readonly apiKey: string,
  ) {}

  /** @param settings environment of the roles, such as a short heartbeat timeout */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Installation> {
    if (!existsSync(PROGRAM)) throw new Error('dist/ is missing; `npm test` builds it');
    const folder = mkdtempSync(join(tmpdir(), 'perennial-e2e-'));
    const variables = {
      PATH: process.env['PATH'], HOME: process.env['HOME'], API_PORT: '0', GATEWAY_PORT: '0', STATE_DIR: join(folder, 'state'), ARTIFACT_URL: join(folder, 'artifacts'),
      DATA_DIR: join(folder, 'data'), WORK_DIR: join(folder, 'work'), OBSERVATION_DIR: join(folder, 'observations'), TRAINERS_DIR: trainersIn(folder), TRAINER_PYTHON: join(ROOT, 'var/python/bin/python'),
      GPU_DEVICES: '', HEARTBEAT_TIMEOUT_MS: '3000', ...settings,
    };
    Object.assign(process.env, variables);
    mkdirSync(variables.DATA_DIR, { recursive: true });
    const environment = readEnvironment(variables);
    const instance = await up({ environment, program: PROGRAM, log: () => undefined, ports: { postgres: 25_432, temporal: 27_233, temporalUi: 28_233 } });
    const registry = await registryDataSource({ url: instance.servers.databaseUrl, poolSize: 3 }).initialize();
    const temporal = new Client({ connection: Connection.lazy({ address: instance.temporalAddress }) });
    return new Installation(folder, environment, instance, registry, temporal, readLocalApiKey(environment.STATE_DIR) as string);
  }

  async stop(): Promise<void> {
    await this.registry.destroy();
    await this.temporal.connection.close();
    await this.instance.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get dataDir(): string {
    return this.environment.DATA_DIR;
  }

  async call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    const yaml = typeof body === 'string';
    const response = await fetch(this.instance.apiUrl + path, {
      method,
      headers: { authorization: `Bearer ${this.apiKey}`, ...(body === undefined ? {} : { 'content-type': yaml ? 'application/yaml' : 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: yaml ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as T, headers: response.headers };
  }

  async apply(spec: string): Promise<void> {
    // On a busy machine it is accepted and carried out later; the same spec once more changes nothing and tells when it is.
    await eventually(async () => {
      const { status, body } = await this.call('POST', '/v1/models', spec);
      if (status >= 300) throw new Error(`apply answered ${status}: ${JSON.stringify(body)}`);
      return status === 202 ? undefined : true;
    }, () => 'the spec to be applied');
  }

  /** Asks for a retrain. @returns its number */
  async requestRetrain(model: string, request: Record<string, unknown> = {}): Promise<number> {
    const { status, body } = await this.call('POST', `/v1/models/${model}/retrains`, request);
    if (status !== 202 || typeof body['number'] !== 'number') throw new Error(`retrain answered ${status}: ${JSON.stringify(body)}`);
    return body['number'];
  }

  async retrain(model: string, number: number): Promise<RetrainDetail> {
    return (await this.call<RetrainDetail>('GET', `/v1/models/${model}/retrains/${number}`)).body;
  }

  /** Waits until a retrain meets a condition; by default until it has ended. */
  async awaitRetrain(model: string, number: number, until: (retrain: RetrainDetail) => boolean = ({ outcome }) => outcome !== null): Promise<RetrainDetail> {
    return eventually(async () => {
      const retrain = await this.retrain(model, number);
      return until(retrain) ? retrain : undefined;
    }, () => `retrain ${number} of ${model}`);
  }

  /**
   * What a retrain comes to and, where its version is validated first, what that comes to.
   * @param validatorKey of somebody who approves where the checks do not decide
   */
  async awaitCandidate(model: string, number: number, validatorKey?: string): Promise<{ outcome: string | null; version: number | null; reason: string | null }> {
    const { outcome, version, reason } = await this.awaitRetrain(model, number);
    if (outcome !== 'validating') return { outcome, version, reason };
    const path = `/v1/models/${model}/versions/${version}/validation`;
    return eventually(async () => {
      const { body } = await this.call<{ outcome: string | null; reason: string | null; waitsFor: string | null; reportDigest: string }>('GET', path);
      if (body.waitsFor === 'validator' && validatorKey) await this.call('POST', `${path}/decision`, { decision: 'approve', reportDigest: body.reportDigest, reason: 'read the report' }, { authorization: `Bearer ${validatorKey}` });
      return typeof body.outcome === 'string' ? { outcome: body.outcome, version, reason: body.reason } : undefined;
    }, () => `the validation of version ${version} of ${model}`);
  }

  /** One more worker beside the supervised one. */
  startWorker(queue: 'data' | 'train'): ChildProcess {
    const log = openSync(join(this.folder, `second-${queue}-worker.log`), 'a');
    return spawn(process.execPath, [PROGRAM, 'worker', '--queues', queue], {
      stdio: ['pipe', log, log],
      env: { ...process.env, DATABASE_URL: this.instance.servers.databaseUrl, TEMPORAL_ADDRESS: this.instance.temporalAddress, PERENNIAL_PARENT: 'watch' },
    });
  }
}

/** Our trainers, and two that do wrong as their parameters say. */
function trainersIn(folder: string): string {
  const trainers = join(folder, 'trainers');
  cpSync(join(ROOT, 'trainers'), trainers, { recursive: true });
  for (const [name, script] of [['misbehave', 'misbehave.py'], ['spoiled', 'spoil_model.py']] as const) {
    mkdirSync(join(trainers, name));
    cpSync(join(ROOT, 'trainers/testing', script), join(trainers, name, 'train.py'));
  }
  return trainers;
}

const PATIENCE_MS = 170_000;

/** Asks again and again until there is an answer. */
export async function eventually<T>(ask: () => Promise<T | undefined>, what: () => string): Promise<T> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > until) throw new Error(`Waited ${PATIENCE_MS / 1_000} s in vain for ${what()}`);
    await pause(50);
  }
}
