import type { EntityManager } from 'typeorm';
import { asksConfirmation, goLiveSubject, type GoLiveWay } from '../contracts/go-live.js';
import { type AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { GoLive } from './entities/go-live.entity.js';
import type { ChampionChange } from './entities/routing.entity.js';

const IN_FORCE = `
SELECT model.owner, model.tier, model.spec_digest AS "specDigest" FROM model JOIN model_spec ON model_spec.model = model.name AND model_spec.digest = model.spec_digest
WHERE model.name = $1 AND convert_from(model_spec.canonical, 'UTF8')::jsonb ? 'useCase'`;
const CONFIRMED = 'SELECT FROM go_live_confirmation WHERE model = $1 AND deployment = $2 LIMIT 1';

/** Puts on record, with the change of champion, that a version of a governed model has gone live and whether its owner has to confirm it. */
export async function recordGoLive(manager: EntityManager, audit: AuditLedger, change: Pick<ChampionChange, 'model' | 'deployment' | 'epoch' | 'version'>, way: GoLiveWay, at: Date, origin: Origin): Promise<void> {
  const { model, deployment, epoch, version } = change;
  const [inForce]: { owner: string; tier: string; specDigest: string }[] = await manager.query(IN_FORCE, [model]);
  if (!inForce) return;
  const { owner, tier, specDigest } = inForce;
  const confirmed: unknown[] = await manager.query(CONFIRMED, [model, deployment]);
  const asks = asksConfirmation(tier, confirmed.length > 0);
  await manager.insert(GoLive, { model, deployment, epoch, version, specDigest, way, asks, owner, at });
  await audit.append(manager, { at, actor: SYSTEM_ACTOR, action: 'goLive.happened', model, subject: goLiveSubject({ deployment, epoch }), origin, details: { version, spec: specDigest, way, asks, owner } });
}
