import type { ExpectedGain } from './expected-gain.js';

const DAY_MS = 86_400_000;

/** From the spec, all in one currency. */
export interface RetrainingCost {
  /** What a loss of 1 in one row costs. */
  readonly perLossUnit: number;
  readonly training: number;
  /** Of bringing a version into service: shadow, people's time, risk. */
  readonly release: number;
  /** Event time over which a retrain is to pay: until the next one, or until what it has learnt is stale. */
  readonly horizonMs: number;
}

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

/** What it saves and costs, and from which gain on it pays, without a full stop. @param what is weighed, such as "A retrain" */
export function valueWords(what: string, { saved, cost, breakEven }: RetrainingValue): string {
  const figures = `${rounded(saved.estimate)} [${rounded(saved.low)}, ${rounded(saved.high)}]`;
  const pays = breakEven === null ? 'it can never pay' : `it pays from a gain of ${rounded(breakEven)} a row on`;
  return `${what} is expected to save ${figures} and costs ${rounded(cost)}; ${pays}`;
}

const rounded = (value: number): string => String(Number(value.toPrecision(3)));
