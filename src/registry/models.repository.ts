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

  /** @param manager of a transaction that is open: whoever holds a connection must not wait for another one */
  async find(name: string, manager: EntityManager = this.dataSource.manager): Promise<Model | null> {
    return manager.findOneBy(Model, { name });
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

  /** Whose commands put a spec of that digest in force, now or before. */
  async authors(manager: EntityManager, model: string, digest: string): Promise<string[]> {
    const rows: { actor: string }[] = await manager.query(
      "SELECT applied_by AS actor FROM model_spec WHERE model = $1 AND digest = $2 UNION SELECT actor FROM command WHERE model = $1 AND kind = 'apply' AND state = 'done' AND outcome ->> 'specDigest' = $2 ORDER BY actor", [model, digest],
    );
    return rows.map(({ actor }) => actor);
  }

  /** @throws PerennialError `NotFound` when the model never had a spec of that digest. */
  async spec(model: string, digest: string, manager?: EntityManager): Promise<ModelSpec> {
    return specFromCanonical((await this.specRecord(model, digest, manager)).canonical.toString('utf8'));
  }

  async specRecord(model: string, digest: string, manager: EntityManager = this.dataSource.manager): Promise<ModelSpecRecord> {
    const record = await manager.findOneBy(ModelSpecRecord, { model, digest });
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

  /** Registers the model or puts another spec in force. @param owner other than the spec names, where that one has left @returns whether anything changed. */
  async apply(manager: EntityManager, source: string, parsed: ParsedSpec, actor: string, at: Date, owner = parsed.spec.owner): Promise<boolean> {
    const { spec, digest, canonical } = parsed;
    const before = await manager.findOne(Model, { where: { name: spec.model }, lock: { mode: 'for_no_key_update' } });
    if (before?.specDigest === digest) return false;
    const known = await manager.existsBy(ModelSpecRecord, { model: spec.model, digest });
    if (!known) {
      await manager.insert(ModelSpecRecord, {
        model: spec.model, digest, source: Buffer.from(source), canonical: Buffer.from(canonical), appliedBy: actor, appliedAt: at,
      });
    }
    const facts = { owner, tier: spec.tier, task: spec.task, purpose: spec.purpose, specDigest: digest };
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
