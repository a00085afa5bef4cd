import type { ExpectedGain, RetrainingCost, RetrainingFacts, RetrainingTrigger } from './retraining-facts.js';

const DAY_MS = 86_400_000;

/** In the currency of the spec. */
export interface RetrainingValue {
  /** What a retrain is expected to save over the horizon, by the estimate of the gain and by the ends of its interval. */
  readonly saved: { readonly estimate: number; readonly low: number; readonly high: number };
  /** C: training and release. */
  readonly cost: number;
  /** The gain in loss per row at which it saves just what it costs; null where no row or no cost of a loss makes it pay. */
  readonly breakEven: number | null;
}

/**
 * The cost-aware rule: a retrain is worth it where S > C, with
 *
 *   S = gain · rowsPerDay · horizon in days · perLossUnit,  C = training + release,
 *
 * or, the same, where the gain per row exceeds the break-even C ÷ (rowsPerDay · days · perLossUnit). After Mahadevan & Mathioudakis,
 * "Cost-aware retraining for machine learning" (Knowledge-Based Systems, 2024): keeping a model costs what its staleness loses on
 * the queries to come, and one retrains where that exceeds the cost of retraining. Their CARA learns a threshold of staleness from past
 * data. Here it follows from the costs, the gain is one that labels have shown and not a model's staleness seen from similar rows, and
 * loss is neither discounted nor expected to grow over the horizon.
 *
 * Which gain is held against it depends on what the trigger has proven: the estimate, but for `dataDrift` the low end of the interval. Drift
 * without harm shows nothing by itself, and of many windows with a gain of 0 half have an estimate above it.
 * @returns null where the gain or the costs are not known
 * @throws RangeError where a figure is not finite, the interval does not hold the estimate, or a cost, a horizon or a rate of rows is below 0
 */
export function retrainingValue(gain: ExpectedGain | null, cost: RetrainingCost | null): RetrainingValue | null {
  if (gain) checkGain(gain);
  if (cost) checkAmounts(cost);
  if (!gain || !cost) return null;
  const worth = gain.rowsPerDay * (cost.horizonMs / DAY_MS) * cost.perLossUnit;
  const total = cost.training + cost.release;
  const saved = { estimate: gain.estimate * worth, low: gain.low * worth, high: gain.high * worth };
  return { saved, cost: total, breakEven: worth > 0 ? total / worth : null };
}

function checkGain({ estimate, low, high, rowsPerDay }: ExpectedGain): void {
  if (!(low > -Infinity && low <= estimate && estimate <= high && high < Infinity)) {
    throw new RangeError(`the gain ${estimate} must be finite and lie within its interval from ${low} to ${high}`);
  }
  checkAmounts({ rowsPerDay });
}

function checkAmounts(amounts: object): void {
  for (const [name, amount] of Object.entries(amounts) as [string, number][]) {
    if (!(amount >= 0 && amount < Infinity)) throw new RangeError(`${name} is ${amount}; it must be finite and at least 0`);
  }
}

export interface Worth {
  readonly passes: boolean;
  readonly because: string;
}

/** Triggers whose harm has been shown: a retrain need not prove that there is something to gain. */
const PROVEN: readonly RetrainingTrigger[] = ['performance', 'harmfulDrift'];

/** Whether a retrain by this trigger is worth its cost, and in words why; see {@link retrainingValue} and, where something is not known, here. */
export function weighRetraining(trigger: RetrainingTrigger, { gain, cost }: Pick<RetrainingFacts, 'gain' | 'cost'>): Worth {
  if (trigger === 'trial') return { passes: true, because: 'What a retrain would save is what its candidate has to show; the gate weighs it.' };
  const value = retrainingValue(gain, cost);
  const cautious = trigger === 'dataDrift';
  if (value) return weighed(value, cautious);
  const unknown = gain ? 'The spec gives no costs' : 'What a retrain would save is not known';
  if (PROVEN.includes(trigger)) return { passes: true, because: `${unknown}, and harm is shown.` };
  if (gain === null) {
    if (cost === null && !cautious) return { passes: true, because: 'The spec gives no costs.' };
    return { passes: false, because: `What a retrain would save is not known, and ${trigger} alone shows no harm.` };
  }
  if (!cautious) return { passes: gain.estimate > 0, because: `The spec gives no costs; a retrain is expected to gain ${rounded(gain.estimate)} a row.` };
  return { passes: gain.low > 0, because: `The spec gives no costs; a retrain surely gains ${rounded(gain.low)} a row, and drift alone asks for more than 0.` };
}

function weighed({ saved, cost, breakEven }: RetrainingValue, cautious: boolean): Worth {
  const deciding = cautious ? saved.low : saved.estimate;
  const passes = deciding > cost;
  const figures = `${rounded(saved.estimate)} [${rounded(saved.low)}, ${rounded(saved.high)}]`;
  const pays = breakEven === null ? 'it can never pay' : `it pays from a gain of ${rounded(breakEven)} a row on`;
  const by = cautious ? ', and drift alone counts by the low end' : '';
  return { passes, because: `A retrain is expected to save ${figures} and costs ${rounded(cost)}; ${pays}${by}.` };
}

const rounded = (value: number): string => String(Number(value.toPrecision(3)));
