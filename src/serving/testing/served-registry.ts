import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { FolderStore } from '../../artifacts/folder-store.js';
import { DEFAULT_DEPLOYMENT } from '../../contracts/motion.js';
import type { PromotionSummary } from '../../contracts/retrains.js';
import { admitModel } from '../../evaluation/onnx-admission.js';
import { grantAppRole, withClient } from '../../embedded/postgres-roles.js';
import { type PostgresServer, startPostgres } from '../../embedded/postgres-server.js';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { registryDataSource } from '../../registry/data-source.js';
import { GatewaySamplesRepository } from '../../registry/gateway-samples.repository.js';
import { GatewaysRepository } from '../../registry/gateways.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { PeopleTurn } from '../../registry/people-turn.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { ServingRepository } from '../../registry/serving.repository.js';
import { parseSpec } from '../../spec/parse-spec.js';

/** The spec of the models that `make_models.py` makes: three features, two probabilities. */
export const specOf = (model: string): string => `
apiVersion: perennial/v1
model: ${model}
purpose: Shows which version of it answers.
owner: serving
tier: low
task: binary-classification
data:
  source: { path: none/*.parquet }
  eventTime: at
  key: [id]
  label: late
  labelHorizon: PT1H
  features:
    - { name: distance, type: number }
    - { name: carrier, type: category, categories: [AA, UA, "7"] }
    - { name: delay, type: number }
training: { trainer: none }
gates: { comparison: { metric: auc } }
`;

/** What the models answer for encoded features, by file; the arithmetic of `make_models.py`. */
export function expectedPositive(file: 'rising.onnx' | 'falling.onnx', features: readonly number[]): number {
  const sign = file === 'rising.onnx' ? 1 : -1;
  const known = features.map((value) => (Number.isNaN(value) ? 0 : value));
  const margin = sign * ((known[0] ?? 0) + 0.5 * (known[1] ?? 0) - 0.25 * (known[2] ?? 0) + 1);
  return 1 / (1 + Math.exp(-margin));
}

export const modelFile = (name: string): string => join(import.meta.dirname, name);

/** A record on a PostgreSQL of its own, with versions that need no training. */
export class ServedRegistry {
  private constructor(
    private readonly stateDir: string,
    readonly artifactsDir: string,
    private postgres: PostgresServer,
    private readonly owner: DataSource,
  ) {}

  static async start(): Promise<ServedRegistry> {
    const stateDir = mkdtempSync(join(tmpdir(), 'perennial-serving-'));
    chmodSync(stateDir, 0o711);
    const postgres = await startPostgres({ stateDir, preferredPort: 15_432, log: () => undefined });
    const owner = await registryDataSource({ url: postgres.ownerDatabaseUrl, poolSize: 3 }).initialize();
    await owner.runMigrations();
    await grantAppRole(postgres.ownerDatabaseUrl);
    return new ServedRegistry(stateDir, join(stateDir, 'artifacts'), postgres, owner);
  }

  get databaseUrl(): string {
    return this.postgres.databaseUrl;
  }

  get gateways(): GatewaysRepository {
    return new GatewaysRepository(this.owner);
  }

  get samples(): GatewaySamplesRepository {
    return new GatewaySamplesRepository(this.owner);
  }

  /** Segments of a gateway that the record knows. */
  async registeredSegments(gateway: string): Promise<number> {
    const [row]: { count: number }[] = await this.owner.query('SELECT count(*)::int AS count FROM observation_segment WHERE gateway = $1', [gateway]);
    return row?.count ?? 0;
  }

  get store(): FolderStore {
    return new FolderStore(this.artifactsDir);
  }

  /** Its port stays its own: gateways look for it there. */
  async stopPostgres(): Promise<void> {
    await this.postgres.pause();
  }

  async restartPostgres(): Promise<void> {
    this.postgres = await startPostgres({ stateDir: this.stateDir, preferredPort: this.postgres.port, heldPort: this.postgres.heldPort, log: () => undefined });
  }

  async close(): Promise<void> {
    await this.owner.destroy();
    await this.postgres.stop();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  /** As the superuser, who may end other connections. */
  async query(sql: string): Promise<unknown> {
    return withClient(this.postgres.adminDatabaseUrl.replace(/postgres$/, 'perennial'), (client) => client.query(sql));
  }

  /** Changes who may do what, as an administrator does. */
  async people<T>(change: (turn: PeopleTurn) => Promise<T>): Promise<T> {
    return this.owner.transaction(async (manager) => change(await PeopleTurn.begin(manager, new AuditLedger(this.owner), { actor: 'administrator', at: new Date() })));
  }

  /** Registers a model; its deployment `default` has no champion yet. */
  async register(model: string, source: string = specOf(model)): Promise<void> {
    await this.owner.transaction((manager) => new ModelsRepository(this.owner).apply(manager, source, parseSpec(source), 'tester', new Date()));
  }

  async addDeployment(model: string, deployment: string): Promise<void> {
    await this.owner.query(
      `INSERT INTO routing (model, deployment, revision, epoch, champion, challengers, weights, salt, paused, changed_at)
       VALUES ($1, $2, 1, 0, NULL, '{}', '{}', 'salt', false, now())`, [model, deployment]);
  }

  /** Adds a version with the bytes as its artifact. @returns the artifact's digest */
  async addVersion(model: string, number: number, bytes: Uint8Array): Promise<string> {
    const models = new ModelsRepository(this.owner);
    const { specDigest } = await models.get(model);
    const artifact = await this.store.putBytes(bytes);
    // Specs also add files that nobody would admit.
    const admission = await admitModel(await this.store.localPath(artifact.digest), await models.spec(model, specDigest)).catch(() => ({}));
    const [command, snapshot] = [randomUUID(), `sha256:${randomUUID()}`];
    await this.owner.query(`INSERT INTO snapshot (digest, model, manifest, taken_at) VALUES ($1, $2, '{}', now())`, [snapshot, model]);
    await this.owner.query(
      `INSERT INTO command (id, actor, idempotency_key, kind, model, body, body_digest, state, accepted_at)
       VALUES ($1::uuid, 'tester', $1::uuid::text, 'retrain', $2, '', '', 'accepted', now())`, [command, model]);
    await this.owner.query(
      `INSERT INTO retrain (model, number, command_id, deployment, trigger, spec_digest, requested_by, requested_at, stage, outcome)
       VALUES ($1, $2, $3, 'default', 'request', $4, 'tester', now(), 'finished', 'promoted')`, [model, number, command, specDigest]);
    await this.owner.query(
      `INSERT INTO training_run (model, retrain, trainer, parameters, seed, spec_digest, snapshot_digest, code_digest, attempts, started_at)
       VALUES ($1, $2, 'none', '{}', 0, $3, $4, '', 1, now())`, [model, number, specDigest, snapshot]);
    await this.owner.query(
      `INSERT INTO model_version (model, number, retrain, spec_digest, snapshot_digest, artifact_digest, artifact_bytes, admission, status, created_by, created_at)
       VALUES ($1, $2, $2, $3, $4, $5, $6, $7, 'candidate', 'tester', now())`, [model, number, specDigest, snapshot, artifact.digest, artifact.bytes, admission]);
    return artifact.digest;
  }

  async addVersionFrom(model: string, number: number, file: string): Promise<string> {
    return this.addVersion(model, number, await readFile(modelFile(file)));
  }

  /** Makes a version the champion. */
  async promote(model: string, version: number, deployment: string = DEFAULT_DEPLOYMENT): Promise<PromotionSummary> {
    const routing = new RoutingRepository(this.owner, new AuditLedger(this.owner));
    const { epoch } = await routing.get(model, deployment);
    const move = { model, deployment, expectedEpoch: epoch, version, reason: 'promotion', actor: 'tester' } as const;
    return routing.moveChampion(move, new Date(), { workflowId: randomUUID(), runId: null });
  }

  /** Gives `default` challengers, with percents by version. @returns the new revision */
  async challenge(model: string, challengers: readonly number[], weights: Readonly<Record<number, number>> = {}): Promise<number> {
    const [[row]]: [[{ revision: string }]] = await this.owner.query(
      'UPDATE routing SET revision = revision + 1, challengers = $3, weights = $4, changed_at = now() WHERE model = $1 AND deployment = $2 RETURNING revision',
      [model, DEFAULT_DEPLOYMENT, challengers, weights]);
    return Number(row.revision);
  }

  get serving(): ServingRepository {
    return new ServingRepository(this.owner);
  }

  /** Live gateways that do not serve the revision yet. */
  async behind(model: string, revision: number, deployment: string = DEFAULT_DEPLOYMENT): Promise<string[]> {
    return this.gateways.behind(model, deployment, revision, new Date());
  }

  /** The revision of `default` that each gateway has acknowledged last, by name. */
  async acknowledged(model: string): Promise<Record<string, number>> {
    const known = await this.gateways.acknowledgements(model);
    return Object.fromEntries(known.filter(({ deployment }) => deployment === DEFAULT_DEPLOYMENT).map(({ gateway, revision }) => [gateway, revision]));
  }
}
