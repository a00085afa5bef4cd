/**
 * A budget of false alarms per model and year of event time, shared over what is monitored. It is fixed before the data:
 * by weights over the monitored quantities, by deployment (harm-budgets.ts), and over the harm sequences of one quantity as they are started. What each
 * share controls, harm-sequence.ts and drift-discoveries.ts say; by the union bound the shares add up to the budget.
 * Pure functions of JSON states: the same starts and ends give the same allowances.
 */
export interface HarmBudget {
  /** The expected number of false alarms in each year that all sequences together may have; greater than 0. */
  readonly yearly: number;
  /** When the current year of event time begins, milliseconds since 1970-01-01 UTC. */
  readonly yearFromMs: number;
  /** What of `yearly` sequences that start in this year may still be given. */
  readonly left: number;
  /** Sequences that were started in this year. */
  readonly started: number;
  /** The yearly allowance of each sequence that has not ended. */
  readonly running: Readonly<Record<string, number>>;
}

/** A year of event time: 365.25 days, in milliseconds. */
export const YEAR_MS = 365.25 * 24 * 60 * 60 * 1000;

/**
 * When the year begins that `atMs` lies in, counted in whole years from `yearFromMs`.
 * @throws RangeError where `atMs` lies before `yearFromMs`
 */
export function yearStart(yearFromMs: number, atMs: number): number {
  if (!(atMs >= yearFromMs)) throw new RangeError(`${atMs} lies before ${yearFromMs}, where the year begins`);
  return yearFromMs + Math.floor((atMs - yearFromMs) / YEAR_MS) * YEAR_MS;
}

/**
 * Divides a yearly budget over monitored quantities in proportion to their weights.
 * @param weights at least 0 each, one of them greater; a weight of 0 gets nothing
 * @throws RangeError for other weights
 */
export function splitBudget(yearly: number, weights: Readonly<Record<string, number>>): Record<string, number> {
  const total = Object.values(weights).reduce((sum, weight) => sum + requireWeight(weight), 0);
  if (!(total > 0 && total < Infinity)) throw new RangeError('no quantity has a weight greater than 0');
  return Object.fromEntries(Object.entries(weights).map(([quantity, weight]) => [quantity, (yearly * weight) / total]));
}

function requireWeight(weight: number): number {
  if (!(weight >= 0 && weight < Infinity)) throw new RangeError(`a weight must be a number from 0, not ${weight}`);
  return weight;
}

/** @throws RangeError where `yearly` is not a number greater than 0 */
export function startBudget(yearly: number, yearFromMs: number): HarmBudget {
  requireYearly(yearly);
  return { yearly, yearFromMs, left: yearly, started: 0, running: {} };
}

function requireYearly(yearly: number): void {
  if (!(yearly > 0 && yearly < Infinity)) throw new RangeError(`a budget must be greater than 0, not ${yearly}`);
}

/**
 * Starts a sequence, such as a new version's, and gives it the yearly error that it may spend until it ends.
 *
 * The k-th start of a year gets 1/(k + 1) of what is left: of an untouched budget 1/2, 1/6, 1/12, …, which is 1/(k (k + 1))
 * and adds up to all of it. That is alpha spending (Foster & Stine 2008) without a horizon: there may be any number of
 * starts, and the twelfth is only a hundredth of the first, at the price of some evidence, ln 100 of it. A sequence
 * that lives on keeps its allowance, which is taken off the next year's budget beforehand. So in each year the
 * allowances of all sequences that ran in it add up to at most `yearly`.
 * @throws RangeError where `id` runs already or `atMs` lies before the budget's year
 */
export function startSequence(budget: HarmBudget, id: string, atMs: number): { readonly budget: HarmBudget; readonly allowance: number } {
  const now = inYearOf(budget, atMs);
  if (Object.hasOwn(now.running, id)) throw new RangeError(`the sequence ${id} runs already`);
  const allowance = now.left / (now.started + 2);
  return {
    allowance,
    budget: { ...now, left: now.left - allowance, started: now.started + 1, running: { ...now.running, [id]: allowance } },
  };
}

/**
 * Ends a sequence. What it was allowed counts as spent in this year, and is free in the next.
 * @throws RangeError where `id` does not run or `atMs` lies before the budget's year
 */
export function endSequence(budget: HarmBudget, id: string, atMs: number): HarmBudget {
  const now = inYearOf(budget, atMs);
  if (!Object.hasOwn(now.running, id)) throw new RangeError(`no sequence ${id} runs`);
  const { [id]: _ended, ...running } = now.running;
  return { ...now, running };
}

/**
 * Sets another yearly budget. What was given in this year stays spent as the share that it was of its own budget, so that changing it to and fro buys nothing
 * and a smaller one is not spent at once: the allowances of a year add up to at most the greatest budget of that year.
 * @throws RangeError where `yearly` is not a number greater than 0
 */
export function changeBudget(budget: HarmBudget, yearly: number): HarmBudget {
  requireYearly(yearly);
  return { ...budget, yearly, left: budget.left * (yearly / budget.yearly) };
}

function inYearOf(budget: HarmBudget, atMs: number): HarmBudget {
  const yearFromMs = yearStart(budget.yearFromMs, atMs);
  if (yearFromMs === budget.yearFromMs) return budget;
  const kept = Object.values(budget.running).reduce((sum, allowance) => sum + allowance, 0);
  // Rounding of the sum must not make what is left negative.
  return { ...budget, yearFromMs, left: Math.max(0, budget.yearly - kept), started: 0 };
}
