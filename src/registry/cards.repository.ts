import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import { type Sensitivity, sensitivityOf } from '../contracts/masking.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { specFromCanonical } from '../spec/parse-spec.js';
import { type ApprovalStory, listedApprovals } from './approvals.repository.js';
import { Alarm, AlarmEnd } from './entities/alarm.entity.js';
import { Model, ModelSpecRecord } from './entities/model.entity.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { Retrain } from './entities/retrain.entity.js';
import { ChampionChange, Routing } from './entities/routing.entity.js';
import { WindowAssessment } from './entities/window-assessment.entity.js';
import { originsOf, type Origins } from './explanations.repository.js';
import { inSnapshot } from './snapshot.js';

/** How many of each kind are listed, the newest ones. */
const MOST_LISTED = 20;
const RECENT_RETRAINS = 5;

/** What a model card is made of, as the record had it at one moment. */
export interface CardFacts {
  readonly model: Model;
  readonly routing: Routing;
  /** By which the champion came; null without one. */
  readonly change: ChampionChange | null;
  /** Of the champion, or of the newest version where there is none; null before the first. */
  readonly origins: Origins | null;
  /** That the version was made under, or the one in force. */
  readonly spec: ModelSpec;
  readonly specDigest: string;
  /** Of that spec and the one in force. */
  readonly sensitivity: Sensitivity;
  readonly approvals: readonly ApprovalStory[];
  /** Of the deployment: the newest assessments of windows in which the version answered most rows, and the last of them. */
  readonly windows: { readonly pass: number; readonly fail: number; readonly inconclusive: number; readonly last: WindowAssessment | null };
  readonly alarms: readonly Alarm[];
  readonly retrains: readonly Retrain[];
}

/** Everything that a model card says, read at one moment. */
@Injectable()
export class CardsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** @throws PerennialError `ModelNotFound`, `NotFound` for a deployment that the model does not have */
  async facts(name: string, deployment: string): Promise<CardFacts> {
    return inSnapshot(this.dataSource, async (manager) => {
      const model = await manager.findOneBy(Model, { name });
      if (!model) throw new PerennialError('ModelNotFound', `No model is registered as ${JSON.stringify(name)}; register one with \`perennial apply -f model.yaml\``, { model: name });
      const routing = await manager.findOneBy(Routing, { model: name, deployment });
      if (!routing) throw new PerennialError('NotFound', `${name} has no deployment ${JSON.stringify(deployment)}`, { model: name, deployment });
      const version = routing.champion ?? (await manager.maximum(ModelVersion, 'number', { model: name }));
      const origins = version === null ? null : await originsOf(manager, name, version);
      const record = origins?.spec ?? (await manager.findOneByOrFail(ModelSpecRecord, { model: name, digest: model.specDigest }));
      const spec = specFromCanonical(record.canonical.toString('utf8'));
      return {
        model, routing, origins, spec, specDigest: record.digest, sensitivity: origins?.sensitivity ?? sensitivityOf(spec),
        change: routing.champion === null ? null : await manager.findOneBy(ChampionChange, { model: name, deployment, epoch: routing.epoch }),
        approvals: await listedApprovals(manager, name, MOST_LISTED),
        windows: await windowsOf(manager, routing, version),
        alarms: await openAlarms(manager, routing),
        retrains: await manager.find(Retrain, { where: { model: name }, order: { number: 'DESC' }, take: RECENT_RETRAINS }),
      };
    });
  }
}

async function windowsOf(manager: EntityManager, { model, deployment }: Routing, version: number | null): Promise<CardFacts['windows']> {
  const newest = manager.getRepository(WindowAssessment).createQueryBuilder('one')
    .where("one.model = :model AND one.deployment = :deployment AND (one.headline ->> 'version')::integer = :version", { model, deployment, version })
    .andWhere(`NOT EXISTS (SELECT FROM window_assessment newer
      WHERE newer.model = one.model AND newer.deployment = one.deployment AND newer.from_event = one.from_event AND newer.revision > one.revision)`);
  const last = await newest.clone().orderBy('one.untilEvent', 'DESC').getOne();
  const counted: { verdict: 'pass' | 'fail' | 'inconclusive'; count: number }[] = await newest.select('one.verdict', 'verdict').addSelect('count(*)::int', 'count').groupBy('one.verdict').getRawMany();
  const of = (verdict: (typeof counted)[number]['verdict']): number => counted.find((one) => one.verdict === verdict)?.count ?? 0;
  return { pass: of('pass'), fail: of('fail'), inconclusive: of('inconclusive'), last };
}

const openAlarms = (manager: EntityManager, { model, deployment }: Routing): Promise<Alarm[]> =>
  manager.getRepository(Alarm).createQueryBuilder('alarm').leftJoin(AlarmEnd, 'over', 'over.alarm_id = alarm.id')
    .where('alarm.model = :model AND (alarm.deployment IS NULL OR alarm.deployment = :deployment) AND over.alarm_id IS NULL AND NOT alarm.test', { model, deployment })
    .orderBy('alarm.raisedAt', 'DESC').addOrderBy('alarm.id').limit(MOST_LISTED).getMany();
