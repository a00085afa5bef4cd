import { type RetrainingValue, retrainingValue } from '../evaluation/retraining-value.js';
import { duration } from '../rollout/release-words.js';
import { RETRAINING_TRIGGERS, type RetrainingFacts, type RetrainingTrigger } from './retraining-facts.js';
import { weighRetraining } from './retraining-worth.js';

/** In the order in which they are asked; the first that holds back decides. */
export const RETRAINING_RULES = ['upstreamFault', 'active', 'trigger', 'cooldown', 'budget', 'data', 'worth'] as const;
export type RetrainingRule = (typeof RETRAINING_RULES)[number];

export interface RuleVerdict {
  readonly rule: RetrainingRule;
  /** `overridden`: it would hold, but a person has asked for the retrain. */
  readonly verdict: 'pass' | 'hold' | 'overridden';
  /** One sentence with its numbers. */
  readonly because: string;
}

export type WaitReason = 'active' | 'nothing' | 'cooldown' | 'budget' | 'notEnoughData' | 'notWorthIt';

export interface RetrainingDecision {
  /** `quarantine`: the window is kept from training and from being judged until a person has looked. */
  readonly outcome: 'quarantine' | 'wait' | 'retrain';
  /** Why it waits; else null. */
  readonly reason: WaitReason | null;
  /** The strongest of those seen that nothing holds back, or else the strongest; null where there is none. */
  readonly trigger: RetrainingTrigger | null;
  /** A forced request overrode what no other may: an upstream fault or the budget. */
  readonly forced: boolean;
  /** The sentence of the rule that decided, or of the trigger. */
  readonly because: string;
  /** All of them in order, those after the deciding one too. */
  readonly rules: readonly RuleVerdict[];
  /** What was weighed; null where the gain or the costs are not known. */
  readonly value: RetrainingValue | null;
  readonly facts: RetrainingFacts;
}

type Asked = RetrainingFacts & { readonly trigger: RetrainingTrigger | null };
type Answer = Omit<RuleVerdict, 'rule'>;

const REASONS: Readonly<Record<Exclude<RetrainingRule, 'upstreamFault'>, WaitReason>> = {
  active: 'active', trigger: 'nothing', cooldown: 'cooldown', budget: 'budget', data: 'notEnoughData', worth: 'notWorthIt',
};

/**
 * Decides on a retrain, as a pure function of what was recorded. For the strongest trigger seen, in the order of {@link RETRAINING_TRIGGERS}, or the
 * first that nothing holds back; by rule, the first that holds decides:
 * - `upstreamFault`: any fault quarantines the window, trigger or not. A forced request overrides it;
 * - `active`: never two retrains at once, by nobody;
 * - `trigger`: something must ask for it;
 * - `cooldown`: lastEndedMs + lengthMs must not lie after atMs. Any request overrides it;
 * - `budget`: retrains + 1 ≤ maximumRetrains, and trainingHours + expectedHours ≤ maximumTrainingHours. A forced request overrides it;
 * - `data`: trainingRows ≥ minimumRows, for all: the training would refuse fewer. sinceChange ≥ minimumSinceChange where a change is known:
 *   else the retrain learns the world before it, and the cooldown then holds the next. Any request overrides the second, and a trial needs it not:
 *   its gate sees whether what it learnt was enough;
 * - `worth`: the saved loss must exceed the cost (retraining-worth.ts). Any request overrides it; of a trial the gate weighs it.
 * @throws RangeError where figures of gain or cost make no sense, or a time or a count is not a number
 */
export function decideRetraining(facts: RetrainingFacts): RetrainingDecision {
  checkFigures(facts);
  const answers = seenTriggers(facts).map((trigger) => answerTo(facts, trigger));
  // A trial needs less than triggers that are stronger.
  return answers.find(({ outcome }) => outcome === 'retrain') ?? answers[0]!;
}

function answerTo(facts: RetrainingFacts, trigger: RetrainingTrigger | null): RetrainingDecision {
  const rules = RETRAINING_RULES.map((rule): RuleVerdict => ({ rule, ...ANSWERS[rule]({ ...facts, trigger }) }));
  const held = rules.find(({ verdict }) => verdict === 'hold');
  const overridden = rules.filter(({ verdict }) => verdict === 'overridden').map(({ rule }) => rule);
  const because = (held ?? rules.find(({ rule }) => rule === 'trigger'))?.because ?? '';
  return {
    outcome: !held ? 'retrain' : held.rule === 'upstreamFault' ? 'quarantine' : 'wait',
    reason: !held || held.rule === 'upstreamFault' ? null : REASONS[held.rule],
    trigger, forced: overridden.includes('upstreamFault') || overridden.includes('budget'), because, rules,
    value: retrainingValue(facts.gain, facts.cost), facts,
  };
}

/** The strongest first; null for none. */
function seenTriggers({ request, triggers }: RetrainingFacts): (RetrainingTrigger | null)[] {
  const seen = RETRAINING_TRIGGERS.filter((trigger) => (trigger === 'request' ? request !== null : triggers.some((one) => one.trigger === trigger)));
  return seen.length === 0 ? [null] : seen;
}

const ANSWERS: Readonly<Record<RetrainingRule, (asked: Asked) => Answer>> = {
  upstreamFault({ faults, request }) {
    const [first] = faults;
    if (!first) return pass('No upstream fault was found in the window.');
    const more = faults.length > 1 ? ` (${faults.length - 1} more fault${faults.length === 2 ? '' : 's'}.)` : '';
    return heldUnless(request?.forced, `${first.because}${more}`);
  },
  active: ({ active }) => (active === null ? pass('No retrain is under way.') : hold(`Retrain ${active} is under way.`)),
  trigger({ trigger, triggers, request, harm }) {
    if (trigger === null) return hold(`Nothing asks for a retrain${harm ? `; ${harmWords(harm)}` : ''}.`);
    if (trigger === 'request') return pass(`${request?.by ?? ''} asked for it${request?.forced ? ', and forces it' : ''}.`);
    return pass(triggers.find((seen) => seen.trigger === trigger)?.because ?? '');
  },
  cooldown({ atMs, cooldown: { lastEndedMs, lengthMs }, request }) {
    if (lastEndedMs === null) return pass('There was no retrain before.');
    const left = lastEndedMs + lengthMs - atMs;
    if (left <= 0) return pass(`The cooldown of ${duration(lengthMs)} after the last retrain is over.`);
    return heldUnless(request !== null, `The cooldown of ${duration(lengthMs)} after the last retrain goes on for ${duration(left)}.`);
  },
  budget({ budget: { retrains, maximumRetrains, trainingHours, maximumTrainingHours, expectedHours }, request }) {
    const hours = `${rounded(trainingHours)} of ${maximumTrainingHours ?? 'any number of'} training hours`;
    const used = `${retrains} of ${maximumRetrains ?? 'any number of'} retrains and ${hours}`;
    if (maximumRetrains !== null && retrains + 1 > maximumRetrains) return heldUnless(request?.forced, `${used} of this month are used.`);
    if (maximumTrainingHours !== null && trainingHours + expectedHours > maximumTrainingHours) {
      return heldUnless(request?.forced, `${used} of this month are used, and one more retrain takes ${rounded(expectedHours)} hours.`);
    }
    return pass(`${used} of this month are used.`);
  },
  data({ trigger, data: { trainingRows, minimumRows, sinceChange, minimumSinceChange }, request }) {
    if (trainingRows < minimumRows) return hold(`The training window has ${trainingRows} of ${minimumRows} labelled rows.`);
    if (sinceChange !== null && sinceChange < minimumSinceChange && trigger !== 'trial') {
      return heldUnless(request !== null, `${sinceChange} of ${minimumSinceChange} labelled rows have come since the change.`);
    }
    return pass(`The training window has ${trainingRows} labelled rows${sinceChange === null ? '' : `, ${sinceChange} of them since the change`}.`);
  },
  worth({ trigger, gain, cost, request }) {
    if (trigger === null) return pass('There is nothing to weigh.');
    if (request && !gain) return pass('What a retrain would save is not known; a person asked for it.');
    const { passes, because } = weighRetraining(trigger, { gain, cost });
    return passes ? pass(because) : heldUnless(request !== null, because);
  },
};

const pass = (because: string): Answer => ({ verdict: 'pass', because });
const hold = (because: string): Answer => ({ verdict: 'hold', because });
const heldUnless = (overridden: boolean | undefined, because: string): Answer => ({ verdict: overridden ? 'overridden' : 'hold', because });

const harmWords = ({ mean, limit, rows }: NonNullable<RetrainingFacts['harm']>): string =>
  mean === null ? 'no labels tell of harm yet' : `the mean loss of ${rows} rows is ${rounded(mean)}, and harm begins above ${rounded(limit)}`;

/** A NaN would pass every comparison that it should fail. */
function checkFigures({ atMs, data, cooldown, budget }: RetrainingFacts): void {
  const figures = { atMs, ...data, ...cooldown, ...budget };
  for (const [name, figure] of Object.entries(figures)) {
    if (figure !== null && !Number.isFinite(figure)) throw new RangeError(`${name} is ${figure}; it must be a finite number`);
  }
}

const rounded = (value: number): string => String(Number(value.toPrecision(3)));
