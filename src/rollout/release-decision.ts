import type { Breach, ComparisonStanding, MonitoringState, ReleaseDecision, ReleaseMeasurement, ReleaseOutcome, ReleasePlan, ReleaseState } from '../contracts/releases.js';
import { combine } from './comparison.js';
import { comparisonFigures, duration } from './release-words.js';

/** Who answers, as the routing says at the moment of the decision. */
export interface RoutingNow {
  readonly champion: number | null;
  readonly epoch: number;
  /** Who asked for the last change of champion, where it was a rollback. */
  readonly rolledBackBy: string | null;
}

export interface ReleaseFacts {
  readonly state: ReleaseState;
  /** Null where nothing was measured: then only what a person asked for, and a champion that moved, decide. */
  readonly measurement: ReleaseMeasurement | null;
  readonly routing: RoutingNow;
  /** Null where it was not tried. */
  readonly monitoring: MonitoringState | null;
}

type Planned = ReleaseState & { readonly plan: ReleasePlan };

/**
 * What follows for a release, as a pure function of what is on the record and what was measured: first what must not go
 * on, then what a person asked for, then what the plan says. A pause stops what goes forward, never what goes back.
 */
export function decideRelease({ state, measurement, routing, monitoring }: ReleaseFacts): ReleaseDecision {
  if (state.outcome !== null) return hold(`It has ended: ${state.outcome}.`);
  if (state.plan === null) return queued(state, monitoring);
  const planned = state as Planned;
  const fresh = measurement?.transitions === state.transitions ? measurement : null;
  return moved(planned, routing) ?? asked(planned) ?? harmful(planned, fresh) ?? forward(planned, fresh, monitoring);
}

/** It is its turn: the shadow begins, if nobody stops it. */
function queued(state: ReleaseState, monitoring: MonitoringState | null): ReleaseDecision {
  if (state.requested === 'abort') return finish('aborted', false, 'It was aborted before it began.');
  if (state.paused) return hold('It is paused.');
  return proven({ action: 'advance', step: -1, reason: 'It is its turn: the version is mirrored from now on.' }, monitoring);
}

function moved({ plan, stage, version, promotedEpoch }: Planned, { champion, epoch, rolledBackBy }: RoutingNow): ReleaseDecision | undefined {
  const bound = stage === 'watch' ? { champion: version, epoch: promotedEpoch } : { champion: plan.champion, epoch: plan.epoch };
  if (champion === bound.champion && epoch === bound.epoch) return undefined;
  const now = `epoch ${epoch} is current, with ${champion === null ? 'no champion' : `version ${champion}`}`;
  if (stage === 'watch' && rolledBackBy !== null) return finish('rolled-back', false, `The version was taken back in its watch by ${rolledBackBy}: ${now}.`);
  return finish('aborted', false, `The champion moved: the release is bound to version ${bound.champion} at epoch ${bound.epoch}, but ${now}.`);
}

function asked({ requested, stage }: Planned): ReleaseDecision | undefined {
  if (requested !== 'abort') return undefined;
  if (stage === 'watch') return { action: 'roll-back', outcome: 'aborted', unfit: false, reason: 'The release was aborted in its watch; the version before comes back.' };
  return finish('aborted', false, 'The release was aborted; the version is taken out of the routing.');
}

function harmful(state: Planned, measurement: ReleaseMeasurement | null): ReleaseDecision | undefined {
  if (!measurement) return undefined;
  const [breach] = measurement.breaches;
  if (breach) return takenBack(state, breachReason(breach, measurement.breaches.length));
  const worse = [measurement.comparison, measurement.revised].find((standing) => standing?.outcome === 'worse');
  if (!worse) return undefined;
  const revised = worse === measurement.revised ? 'With labels that came later, the' : 'The';
  const reason = `${revised} version is worse on the same rows: ${comparisonFigures(worse, state.plan.comparison)}.`;
  if (state.stage !== 'watch' && state.plan.outcomes.worse === 'hold') return state.requested === 'advance' ? undefined : wait(`${reason} The spec leaves it to a person.`);
  return takenBack(state, reason);
}

const takenBack = ({ stage }: Planned, reason: string): ReleaseDecision =>
  stage === 'watch' ? { action: 'roll-back', outcome: 'rolled-back', unfit: true, reason } : finish('rejected', true, reason);

const breachReason = ({ explanation }: Breach, breaches: number): string =>
  breaches > 1 ? `${explanation} (${breaches - 1} more guard${breaches === 2 ? '' : 's'} breached.)` : explanation;

function forward(state: Planned, measurement: ReleaseMeasurement | null, monitoring: MonitoringState | null): ReleaseDecision {
  if (state.paused) return hold('It is paused: mirrors and shares go on as they stand.');
  if (state.requested === 'advance') return next(state, 'A person advanced it.', monitoring);
  if (!measurement) return hold('It waits for the next look.');
  if (!measurement.complete) return hold('Blocks that have closed are still being read.');
  if (state.stage === 'shadow') return fromShadow(state, measurement, monitoring);
  if (state.stage === 'canary') return fromCanary(state, measurement, monitoring);
  return fromWatch(state, measurement);
}

/** Time and samples first, then what the spec says of the comparison's outcome. */
function fromShadow(state: Planned, measurement: ReleaseMeasurement, monitoring: MonitoringState | null): ReleaseDecision {
  const { shadow, comparison: terms } = state.plan;
  const elapsed = elapsedMs(state, measurement);
  if (elapsed === null) return hold('It waits for the first observation: nothing was asked of the deployment since the shadow began.');
  const standing = measurement.comparison;
  const samples = standing?.samples ?? 0;
  const needed = Math.max(shadow.minimumSamples, terms.minimumSamples);
  const enough = elapsed >= shadow.minimumTimeMs && samples >= needed;
  // Labels that came later may take back what the planned analysis said, and never add to it.
  const deciding = standing && measurement.revised && isLesser(measurement.revised, standing) ? measurement.revised : standing;
  if (enough && deciding && deciding.outcome !== 'inconclusive') return byOutcome(state, deciding, monitoring);
  if (standing?.exhausted || elapsed >= shadow.maximumTimeMs) {
    const used = standing?.exhausted ? `the ${terms.maximumSamples} samples of the plan are used up` : `${duration(shadow.maximumTimeMs)} of event time are over`;
    return inconclusive(state, `Nothing is decided, and ${used}: ${standing ? comparisonFigures(standing, terms) : 'no pair with a mature label'}.`);
  }
  const missing = [
    elapsed < shadow.minimumTimeMs ? `${duration(shadow.minimumTimeMs - elapsed)} of event time` : '',
    samples < needed ? `${needed - samples} of ${needed} pairs with a mature label` : '',
  ].filter((text) => text !== '');
  if (missing.length > 0) return hold(`The shadow still needs ${missing.join(' and ')}.`);
  return hold(`The comparison has not decided yet: ${standing ? comparisonFigures(standing, terms) : 'no pair with a mature label'}.`);
}

function byOutcome(state: Planned, standing: ComparisonStanding, monitoring: MonitoringState | null): ReleaseDecision {
  const { outcomes, comparison } = state.plan;
  const better = standing.outcome === 'better';
  const policy = better ? outcomes.better : outcomes.notWorse;
  const reason = `The version is ${better ? 'better' : 'not worse'} on the same rows: ${comparisonFigures(standing, comparison)}.`;
  if (policy === 'promote') return next(state, reason, monitoring);
  return policy === 'abort' ? finish('rejected', true, `${reason} The spec asks for a better one.`) : wait(`${reason} The spec leaves it to a person.`);
}

const openOutcome = ({ outcome, exhausted }: ComparisonStanding) => (outcome === 'inconclusive' && !exhausted ? null : outcome);

function isLesser(revised: ComparisonStanding, planned: ComparisonStanding): boolean {
  const lesser = combine(openOutcome(planned), openOutcome(revised));
  return lesser === openOutcome(revised) && lesser !== openOutcome(planned);
}

const inconclusive = ({ plan }: Planned, reason: string): ReleaseDecision =>
  plan.outcomes.inconclusive === 'abort' ? finish('inconclusive', false, reason) : wait(reason);

function fromCanary(state: Planned, measurement: ReleaseMeasurement, monitoring: MonitoringState | null): ReleaseDecision {
  const { canary } = state.plan;
  const elapsed = elapsedMs(state, measurement);
  if (elapsed === null) return hold('It waits for the first observation of this step.');
  const answers = measurement.traffic?.rows ?? 0;
  const missing = [
    elapsed < canary.minimumTimeMs ? `${duration(canary.minimumTimeMs - elapsed)} of event time` : '',
    answers < canary.minimumSamples ? `${canary.minimumSamples - answers} of ${canary.minimumSamples} answers` : '',
  ].filter((text) => text !== '');
  if (missing.length > 0) return hold(`This step still needs ${missing.join(' and ')}.`);
  const percent = canary.steps[state.step ?? 0] ?? 0;
  return next(state, `The version gave ${answers} answers at ${percent} % in ${duration(elapsed)} of event time, and no guard was breached.`, monitoring);
}

function fromWatch(state: Planned, measurement: ReleaseMeasurement): ReleaseDecision {
  const elapsed = elapsedMs(state, measurement);
  const { timeMs } = state.plan.watch;
  if (elapsed === null) return hold('It waits for the first observation after the promotion.');
  if (elapsed < timeMs) return hold(`The watch goes on for ${duration(timeMs - elapsed)} of event time.`);
  const standing = measurement.comparison;
  return finish('promoted', false, `The watch is over without a breach${standing ? `: ${comparisonFigures(standing, state.plan.comparison)}` : ''}.`);
}

/** The step after the present one: canary steps in their order, then the promotion, then the end of the watch. */
function next(state: Planned, reason: string, monitoring: MonitoringState | null): ReleaseDecision {
  if (state.stage === 'watch') return finish('promoted', false, `The watch is over. ${reason}`);
  const step = state.stage === 'canary' ? (state.step ?? 0) + 1 : 0;
  return proven(step < state.plan.canary.steps.length ? { action: 'advance', step, reason } : { action: 'promote', reason }, monitoring);
}

/** No step begins unless monitoring is proven to work; where it was not tried yet, the caller tries and asks again. */
const proven = (decision: ReleaseDecision, monitoring: MonitoringState | null): ReleaseDecision =>
  monitoring && !monitoring.proven ? hold(`The next step waits until monitoring is proven. ${monitoring.explanation}`) : decision;

/** Whether a decision begins a step, and so needs the proof. */
export const beginsStep = ({ action }: ReleaseDecision): boolean => action === 'advance' || action === 'promote';

function elapsedMs(state: ReleaseState, { streamTimeMs, firstEventMs }: ReleaseMeasurement): number | null {
  const since = state.sinceMs ?? firstEventMs;
  return since === null || streamTimeMs === null ? null : Math.max(0, streamTimeMs - since);
}

const hold = (reason: string): ReleaseDecision => ({ action: 'hold', reason });
const wait = (reason: string): ReleaseDecision => ({ action: 'wait-for-person', reason });
const finish = (outcome: ReleaseOutcome, unfit: boolean, reason: string): ReleaseDecision =>
  ({ action: 'finish', outcome, unfit, reason });
