import { type EntityManager, In } from 'typeorm';
import { goLiveSubject, setUpSubject } from '../contracts/go-live.js';
import { isoTime } from '../contracts/time.js';
import { AuditEntry } from './entities/audit-entry.entity.js';
import type { Release } from './entities/release.entity.js';
import type { ChampionChange, Rollback } from './entities/routing.entity.js';
import type { Origins } from './explanations.repository.js';
import type { GoLiveStory } from './go-lives.repository.js';
import type { StoppedService } from './retiring-models.js';

/** What an audit entry is about; all of it, and a proof, can be asked for by its id. */
export type EntryRef = Pick<AuditEntry, 'id' | 'at' | 'actor' | 'action' | 'subject'>;

export interface Told {
  readonly change: ChampionChange;
  readonly next: ChampionChange | null;
  /** Where no other took its place. */
  readonly stopped: StoppedService | null;
  readonly promotion: ChampionChange | null;
  readonly rollback: Rollback | null;
  readonly release: Release | null;
  readonly origins: Origins;
  readonly goLive: GoLiveStory | null;
}

/** The entries of how a version came to answer and was replaced, in their order. */
export async function tellingEntries(manager: EntityManager, told: Told): Promise<EntryRef[]> {
  const { change, origins, release, goLive, stopped } = told;
  const { version, retrain, decision, approval, validation, versionApproval } = origins;
  const approvals = [approval, versionApproval].flatMap((story) => (story ? [`approval/${story.approval.number}`] : []));
  const whole = [`version/${version.number}`, `retrain/${retrain.number}`, ...approvals, ...(validation ? [`validation/${version.number}`] : []), ...(release ? [`release/${release.number}`] : []), ...(goLive ? [setUpSubject(goLive.goLive), goLiveSubject(goLive.goLive)] : []), ...(decision ? [windowSubject(decision)] : [])];
  const found = await entriesOn(manager, change.model, [...whole, `deployment/${change.deployment}`, `model/${change.model}`, ...(stopped ? [retirementSubject(stopped)] : [])]);
  return found.filter((entry) => whole.includes(entry.subject) || (stopped !== null && entry.subject === retirementSubject(stopped) && entry.action === 'retirement.stopped') || isSpecApplied(entry, origins) || isMove(entry, told)).map(refOf);
}

/** Entries of a model by what they are about, in their order. */
export async function entriesOn(manager: EntityManager, model: string, subjects: readonly string[]): Promise<AuditEntry[]> {
  if (subjects.length === 0) return [];
  return manager.find(AuditEntry, { select: { id: true, at: true, actor: true, action: true, subject: true, commandId: true }, where: { model, subject: In([...subjects]) }, order: { id: 'ASC' } });
}

/** What the entries of a decision over retraining are about. */
export const windowSubject = ({ model, deployment, fromEvent, revision }: { readonly model: string; readonly deployment: string; readonly fromEvent: Date; readonly revision: number }): string =>
  `window/${model}/${deployment}/${isoTime(fromEvent.getTime())}/${revision}`;

export const retirementSubject = ({ number }: { readonly number: number }): string => `retirement/${number}`;

/** That an entry tells of a change of champion: both were written at one moment, in one transaction. */
export const tellsChange = (entry: Pick<AuditEntry, 'action' | 'at'>, change: ChampionChange): boolean => entry.action === 'champion.changed' && entry.at.getTime() === change.changedAt.getTime();

export const refOf = ({ id, at, actor, action, subject }: AuditEntry): EntryRef => ({ id, at, actor, action, subject });

/** The spec was put in force for the first time: the row and the entry have one time. */
const isSpecApplied = (entry: AuditEntry, { spec }: Origins): boolean => entry.action === 'spec.applied' && entry.at.getTime() === spec.appliedAt.getTime();

function isMove(entry: AuditEntry, { change, next, promotion, rollback }: Told): boolean {
  if ([change, next, promotion].some((one) => one && tellsChange(entry, one))) return true;
  if (!rollback || !entry.action.startsWith('rollback.')) return false;
  return (rollback.commandId !== null && entry.commandId === rollback.commandId) || entry.at.getTime() === rollback.finishedAt?.getTime();
}
