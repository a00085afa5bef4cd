import type { FindingSeverity } from '../contracts/findings.js';
import { type InventoryState, type ModelStage, type SweepLimits, ZOMBIE_REASONS, type ZombieReason } from '../contracts/inventory.js';
import { isoTime } from '../contracts/time.js';
import type { Tier } from '../spec/risk-tier.js';

/** A deployment in which a champion serves; times in milliseconds since 1970. */
export interface ServedFacts {
  readonly deployment: string;
  /** When its first champion came. */
  readonly sinceMs: number;
  /** Of its newest window; null before the first. */
  readonly assessedMs: number | null;
  /** When an answer was counted last; null before the first. */
  readonly predictedMs: number | null;
}

/** What is known of a model when the inventory is swept; times in milliseconds since 1970. */
export interface SweepFacts {
  readonly stage: ModelStage;
  /** As the spec states it, or else the import. */
  readonly owner: string | null;
  /** Whether anybody is registered under that name, and whether that is a person who is active. */
  readonly ownerKnown: boolean;
  readonly ownerActs: boolean;
  /** Active persons who are its owners by role; who is of all models counts where nobody is registered under the owner's name. */
  readonly activeOwners: readonly string[];
  readonly served: readonly ServedFacts[];
  /** How long a window is. */
  readonly windowMs: number;
  /** Of its data, what is joined to them, and what is observed of them. */
  readonly sourcePaths: readonly string[];
  /** Those that no file matches; null where that could not be seen. */
  readonly missingPaths: readonly string[] | null;
  readonly reviewDueMs: number | null;
  /** What an import says of it. */
  readonly imported: { readonly endpoint: string | null; readonly state: InventoryState } | null;
}

/** Whether a reason holds, and what shows it. */
export interface SweepJudgement {
  readonly reason: ZombieReason;
  /** Null: not known today, so that nothing is opened and nothing closed. */
  readonly holds: boolean | null;
  /** A sentence with the figures, for either case. */
  readonly says: string;
}

/** What each reason is called above its figures. */
export const HEADLINES: Readonly<Record<ZombieReason, string>> = {
  noActiveOwner: 'No active owner', noMonitoring: 'Not monitored', noTraffic: 'No traffic', dataSourceGone: 'A data source is gone', reviewOverdue: 'The review is overdue', unregistered: 'Not registered',
};

/** What has to be shown for a finding of each reason to be closed. */
export const EVIDENCE_NEEDED: Readonly<Record<ZombieReason, string>> = {
  noActiveOwner: 'An active person has the role owner of the model, or is its owner: by `perennial people replace`, or by the name in a spec that is applied.',
  noMonitoring: 'A window of each deployment that serves is assessed again, or the model is taken out of service.',
  noTraffic: 'It is asked again in each deployment that serves, or taken out of service.',
  dataSourceGone: 'Files match the paths of data.source, data.joins and monitoring.source again, a spec with other paths is in force, or the model is retired.',
  reviewOverdue: 'The review is held and recorded.',
  unregistered: 'It is registered under its name, or an import says that it is decommissioned.',
};

type Rule = (facts: SweepFacts, limits: SweepLimits, nowMs: number) => Omit<SweepJudgement, 'reason'>;

const RULES: Readonly<Record<ZombieReason, Rule>> = { noActiveOwner, noMonitoring, noTraffic, dataSourceGone, reviewOverdue, unregistered };

/** Every reason for which a model may be a zombie, judged. */
export const judgeZombie = (facts: SweepFacts, limits: SweepLimits, nowMs: number): SweepJudgement[] =>
  ZOMBIE_REASONS.map((reason) => ({ reason, ...(exempt(facts, reason) ?? RULES[reason](facts, limits, nowMs)) }));

/** Names that one sentence holds. */
const MOST_TOLD = 5;

const not = (says: string): Omit<SweepJudgement, 'reason'> => ({ holds: false, says });

/** What nobody registered has nothing that it could lack; what is being retired needs nobody any more. */
function exempt({ stage }: SweepFacts, reason: ZombieReason): Omit<SweepJudgement, 'reason'> | null {
  if (stage === 'unregistered' && reason !== 'unregistered') return not('It is not registered.');
  return stage === 'retirement' ? not('It is being retired.') : null;
}

function noActiveOwner({ owner, ownerKnown, ownerActs, activeOwners }: SweepFacts): Omit<SweepJudgement, 'reason'> {
  if (activeOwners.length > 0) return not(`${activeOwners.slice(0, MOST_TOLD).join(', ')} ${activeOwners.length === 1 ? 'is' : 'are'} owner by role.`);
  if (ownerActs) return not(`${owner ?? ''}, its owner, is active.`);
  if (ownerKnown) {
    return { holds: true, says: `${owner ?? ''}, its owner, is deactivated or no person, and no active person has the role owner of it; who owns all models does not count for an owner who is missing.` };
  }
  return { holds: true, says: `No active person has the role owner of it or of all models, and ${owner ?? 'nobody'}, its owner by the spec, is not registered.` };
}

function noMonitoring({ served, windowMs }: SweepFacts, { unmonitoredMs }: SweepLimits, nowMs: number): Omit<SweepJudgement, 'reason'> {
  return lateIn(served, unmonitoredMs + windowMs, nowMs, ({ sinceMs, assessedMs }) => ({
    lastMs: assessedMs ?? sinceMs, says: assessedMs === null ? `no window of it was ever assessed, though it serves since ${isoTime(sinceMs)}` : `the newest of its windows was assessed at ${isoTime(assessedMs)}`,
  }));
}

function noTraffic({ served }: SweepFacts, { idleMs }: SweepLimits, nowMs: number): Omit<SweepJudgement, 'reason'> {
  return lateIn(served, idleMs, nowMs, ({ sinceMs, predictedMs }) => ({
    lastMs: predictedMs ?? sinceMs, says: predictedMs === null ? `it never answered, though it serves since ${isoTime(sinceMs)}` : `its last answer was counted at ${isoTime(predictedMs)}`,
  }));
}

/** The last that was seen of a deployment, and a sentence without its beginning. */
interface Seen {
  readonly lastMs: number;
  readonly says: string;
}

/** Each deployment for itself, so that none hides behind another: holds where one is late, and names those that are, or else all. */
function lateIn(served: readonly ServedFacts[], allowedMs: number, nowMs: number, look: (one: ServedFacts) => Seen): Omit<SweepJudgement, 'reason'> {
  if (served.length === 0) return not('It is not in service.');
  const seen = served.map((one) => ({ deployment: one.deployment, ...look(one) }));
  const late = seen.filter(({ lastMs }) => nowMs - lastMs > allowedMs);
  const told = late.length > 0 ? late : seen;
  const more = told.length > MOST_TOLD ? `; and so on in ${told.length - MOST_TOLD} more` : '';
  const said = told.slice(0, MOST_TOLD).map(({ deployment, says }, index) => `${index === 0 ? 'In' : 'in'} ${deployment} ${says}`).join('; ');
  return { holds: late.length > 0, says: `${said}${more}; ${daysText(allowedMs)} are allowed.` };
}

function dataSourceGone({ sourcePaths, missingPaths }: SweepFacts): Omit<SweepJudgement, 'reason'> {
  if (missingPaths === null) return { holds: null, says: 'No worker could see its data sources.' };
  if (missingPaths.length === 0) return not(`Files match ${pathsText(sourcePaths, 'and')}.`);
  return { holds: true, says: `No file matches ${pathsText(missingPaths, 'or')} below the data folder any more.` };
}

const pathsText = (paths: readonly string[], link: 'and' | 'or'): string => (paths.length > MOST_TOLD ? `${paths.slice(0, MOST_TOLD).join(', ')} ${link} others` : paths.join(` ${link} `));

function reviewOverdue({ reviewDueMs }: SweepFacts, _limits: SweepLimits, nowMs: number): Omit<SweepJudgement, 'reason'> {
  if (reviewDueMs === null) return not('No review is due.');
  return { holds: nowMs > reviewDueMs, says: `Its next review is due at ${isoTime(reviewDueMs)}.` };
}

function unregistered({ stage, imported }: SweepFacts): Omit<SweepJudgement, 'reason'> {
  if (stage !== 'unregistered' || !imported) return not('It is registered.');
  if (imported.state === 'decommissioned') return not('An import says that it is decommissioned.');
  return { holds: true, says: `It is known by an import alone${imported.endpoint === null ? '' : ` and answers at ${imported.endpoint}`}: no spec says what it is for, who owns it and what it may do.` };
}

const DAY_MS = 86_400_000;
const daysText = (ms: number): string => `${Number((ms / DAY_MS).toPrecision(3))} days`;

/** What leaves a model to nobody weighs more than what it costs to keep it. A tier of low or medium never comes to a high one, which would stop the model when it is overdue. */
const WEIGHTS: Readonly<Record<ZombieReason, 'low' | 'medium' | 'high'>> = {
  noActiveOwner: 'high', noMonitoring: 'high', noTraffic: 'low', dataSourceGone: 'medium', reviewOverdue: 'high', unregistered: 'medium',
};

export function severityOf(reason: ZombieReason, tier: Tier | null): FindingSeverity {
  const weight = WEIGHTS[reason];
  return weight === 'high' && tier !== 'high' && tier !== 'critical' ? 'medium' : weight;
}

const DUE_DAYS: Readonly<Record<Tier, number>> = { low: 90, medium: 60, high: 30, critical: 14 };

/** By the tier; what states none is taken for medium. */
export const dueAfterMs = (tier: Tier | null): number => DUE_DAYS[tier ?? 'medium'] * DAY_MS;
