import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { canonicalJson } from '../contracts/canonical.js';
import { goLiveAlarmKey, type GoLiveId, type GoLiveStanding, type HeldSetUp, heldSetUp, type SetUpLook, setUpSubject } from '../contracts/go-live.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { GoLive, GoLiveConfirmation, SetUpLookRecord } from './entities/go-live.entity.js';
import { Model } from './entities/model.entity.js';
import { Routing } from './entities/routing.entity.js';
import { Validation, ValidationEnd } from './entities/validation.entity.js';
import { endOpenAlarms } from './open-alarms.js';

/** That a version went live, and who confirmed it. */
export interface GoLiveStory {
  readonly goLive: GoLive;
  /** Null while nobody has. */
  readonly confirmation: GoLiveConfirmation | null;
}

/** Versions of governed models that go live: looks at what they need, that they did, and confirmations. Rows are only ever added; that a version went live is added with the change of champion. */
@Injectable()
export class GoLivesRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** Newest first, of all deployments of a model. Who has to confirm one is the owner of now. */
  async list(model: string, limit: number): Promise<GoLiveStory[]> {
    const { manager } = this.dataSource;
    const found = await manager.find(GoLive, { where: { model }, order: { at: 'DESC', deployment: 'ASC', epoch: 'DESC' }, take: limit });
    return ownedNow(manager, model, await Promise.all(found.map((goLive) => goLiveStory(manager, goLive))));
  }

  /** Of each champion of a model the last time that it went live, where it did so under a use case. Who has to confirm it is the owner of now. */
  async ofChampions(model: string): Promise<GoLiveStory[]> {
    const { manager } = this.dataSource;
    const routings = await manager.find(Routing, { where: { model }, order: { deployment: 'ASC' } });
    const serving = routings.flatMap(({ deployment, champion }) => (champion === null ? [] : [{ model, deployment, version: champion }]));
    const found = await Promise.all(serving.map((of) => this.newest(of)));
    return ownedNow(manager, model, found.filter((story) => story !== null));
  }

  /** Whether a version still answers and nobody has confirmed that it went live: neither changes before the transaction ends. */
  async asksStill(manager: EntityManager, { model, deployment, epoch }: GoLive): Promise<boolean> {
    const routing = await manager.findOne(Routing, { where: { model, deployment }, lock: { mode: 'pessimistic_write' } });
    return routing?.epoch === epoch && !(await manager.existsBy(GoLiveConfirmation, { model, deployment, epoch }));
  }

  /** The last time that a version went live in a deployment. */
  async newest(of: { readonly model: string; readonly deployment: string; readonly version: number }, manager: EntityManager = this.dataSource.manager): Promise<GoLiveStory | null> {
    const goLive = await manager.findOne(GoLive, { where: { ...of }, order: { epoch: 'DESC' } });
    return goLive && goLiveStory(manager, goLive);
  }

  /** Keeps a confirmation and ends the word to the owner; it is audited with its command. The caller has locked the model's row and seen that nobody has confirmed. */
  async confirm(manager: EntityManager, confirmation: GoLiveConfirmation, origin: Origin): Promise<void> {
    await manager.insert(GoLiveConfirmation, confirmation);
    await endOpenAlarms(manager, this.audit, { dedupKey: goLiveAlarmKey(confirmation) }, `${confirmation.confirmedBy} has confirmed it.`, confirmation.at, origin);
  }

  /** Keeps a look, where it found something else than the one before. */
  async addLook({ model, version, deployment, specDigest, criteria, ready }: SetUpLook, at: Date, origin: Origin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      const before = await this.newestLook({ model, version }, manager);
      if (before && before.deployment === deployment && before.specDigest === specDigest && canonicalJson(before.criteria) === canonicalJson(criteria)) return;
      await manager.insert(SetUpLookRecord, { model, version, number: (before?.number ?? 0) + 1, deployment, specDigest, criteria, ready, at });
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: ready ? 'setUp.ready' : 'setUp.held', model, subject: setUpSubject({ version }), origin,
        details: { deployment, spec: specDigest, criteria: Object.fromEntries(criteria.map(({ name, state }) => [name, state])) },
      });
    });
  }

  /** Versions that are approved and held by what they lack, the oldest first. */
  async held(model: string): Promise<HeldSetUp[]> {
    const looks = await this.dataSource.manager.getRepository(SetUpLookRecord).createQueryBuilder('look').distinctOn(['look.version'])
      .innerJoin(Validation, 'validation', 'validation.model = look.model AND validation.version = look.version')
      .leftJoin(ValidationEnd, 'over', 'over.model = look.model AND over.version = look.version')
      .where('look.model = :model AND over.model IS NULL', { model }).orderBy('look.version').addOrderBy('look.number', 'DESC').getMany();
    return looks.filter(({ ready }) => !ready).map(heldSetUp);
  }

  async newestLook({ model, version }: { readonly model: string; readonly version: number }, manager: EntityManager = this.dataSource.manager): Promise<SetUpLookRecord | null> {
    return manager.findOne(SetUpLookRecord, { where: { model, version }, order: { number: 'DESC' } });
  }
}

export const goLiveStory = async (manager: EntityManager, goLive: GoLive): Promise<GoLiveStory> => ({ goLive, confirmation: await manager.findOneBy(GoLiveConfirmation, idOf(goLive)) });

/** Owners follow each other: what nobody has confirmed waits for the last one. */
async function ownedNow(manager: EntityManager, model: string, stories: readonly GoLiveStory[]): Promise<GoLiveStory[]> {
  const found = await manager.findOneBy(Model, { name: model });
  for (const { goLive, confirmation } of stories) if (found && !confirmation) goLive.owner = found.owner;
  return [...stories];
}

/** In short, as statuses show it. */
export const goLiveStanding = ({ goLive: { deployment, version, epoch, asks }, confirmation }: GoLiveStory): GoLiveStanding => ({ deployment, version, epoch, asks, confirmedBy: confirmation?.confirmedBy ?? null });

const idOf = ({ model, deployment, epoch }: GoLiveId): GoLiveId => ({ model, deployment, epoch });
