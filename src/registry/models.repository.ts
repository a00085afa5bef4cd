import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import type { Sensitivity } from '../contracts/masking.js';
import { DEFAULT_DEPLOYMENT } from '../contracts/motion.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { type ParsedSpec, specFromCanonical } from '../spec/parse-spec.js';
import { Model, ModelSpecRecord } from './entities/model.entity.js';
import { Routing } from './entities/routing.entity.js';
import { type MadeUnder, sensitivitiesOf } from './sensitivities.js';

@Injectable()
export class ModelsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async list(): Promise<Model[]> {
    return this.dataSource.manager.find(Model, { order: { name: 'ASC' } });
  }

  async find(name: string): Promise<Model | null> {
    return this.dataSource.manager.findOneBy(Model, { name });
  }

  /** @throws PerennialError `ModelNotFound` */
  async get(name: string): Promise<Model> {
    const model = await this.find(name);
    if (!model) throw new PerennialError('ModelNotFound', `No model is registered as ${JSON.stringify(name)}; register one with \`perennial apply -f model.yaml\``, { model: name });
    return model;
  }

  /** A model as a transaction sees it. */
  inForce(manager: EntityManager, name: string): Promise<Model> {
    return manager.findOneByOrFail(Model, { name });
  }

  /** @throws PerennialError `NotFound` when the model never had a spec of that digest. */
  async spec(model: string, digest: string): Promise<ModelSpec> {
    return specFromCanonical((await this.specRecord(model, digest)).canonical.toString('utf8'));
  }

  async specRecord(model: string, digest: string): Promise<ModelSpecRecord> {
    const record = await this.dataSource.manager.findOneBy(ModelSpecRecord, { model, digest });
    if (!record) throw new PerennialError('NotFound', `${model} has no spec ${digest}`, { model, digest });
    return record;
  }

  /** How something of a model is masked where it is shown ({@link sensitivitiesOf}). */
  async sensitivity(model: string, made: MadeUnder): Promise<Sensitivity> {
    const [sensitivity] = await this.sensitivities(model, [made]);
    return sensitivity as Sensitivity;
  }

  /** The same of each of many, in their order. */
  sensitivities(model: string, made: readonly MadeUnder[]): Promise<Sensitivity[]> {
    return sensitivitiesOf(this.dataSource.manager, model, made);
  }

  /** Registers the model or puts another spec in force. @returns whether anything changed. */
  async apply(manager: EntityManager, source: string, parsed: ParsedSpec, actor: string, at: Date): Promise<boolean> {
    const { spec, digest, canonical } = parsed;
    const before = await manager.findOne(Model, { where: { name: spec.model }, lock: { mode: 'pessimistic_write' } });
    if (before?.specDigest === digest) return false;
    const known = await manager.existsBy(ModelSpecRecord, { model: spec.model, digest });
    if (!known) {
      await manager.insert(ModelSpecRecord, {
        model: spec.model, digest, source: Buffer.from(source), canonical: Buffer.from(canonical), appliedBy: actor, appliedAt: at,
      });
    }
    const facts = { owner: spec.owner, tier: spec.tier, task: spec.task, purpose: spec.purpose, specDigest: digest };
    if (before) await manager.update(Model, { name: spec.model }, facts);
    else await this.register(manager, spec.model, facts, actor, at);
    return true;
  }

  private async register(
    manager: EntityManager,
    name: string,
    facts: Pick<Model, 'owner' | 'tier' | 'task' | 'purpose' | 'specDigest'>,
    actor: string,
    at: Date,
  ): Promise<void> {
    await manager.insert(Model, { name, ...facts, registeredBy: actor, registeredAt: at });
    await manager.insert(Routing, {
      model: name, deployment: DEFAULT_DEPLOYMENT, revision: 1, epoch: 0, champion: null, challengers: [], weights: {},
      salt: randomBytes(8).toString('hex'), paused: false, baselineDigest: null, changedAt: at, retirement: null,
    });
  }
}
