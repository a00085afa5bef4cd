import type { DriftSearch } from '../contracts/window-drift.js';
import { YEAR_MS, yearStart } from './alarm-budget.js';

/**
 * Online control of the false discovery rate over the drift tests of a year: e-LOND (Xu & Ramdas, "Online multiple testing
 * with e-values", AISTATS 2024), which holds under any dependence of the tests. Tests of one model are dependent: all
 * windows are held against one baseline, and features are correlated. LORD++ and SAFFRON need p-values that are valid
 * given those before, which a shared baseline breaks.
 *
 * The level of a test is alpha · γ · (r + 1), r the discoveries before, where the γ of a year add up to at most 1. Here
 * - γ is the window's share of the year over the quantities tested in it: no horizon has to be guessed, and a test at the
 *   end of the year has the level of one at its start (no "alpha-death");
 * - a quantity counts once a year in r, however many windows find it, so that one that drifted for good does not pay for
 *   false alarms of the others ("piggybacking", Ramdas, Yang, Wainwright & Jordan 2017);
 * - the tests of a window are decided together: the largest set that is consistent with its own count (e-BH, Wang & Ramdas
 *   2022; Blanchard & Roquain 2008). The order of the quantities is no matter.
 *
 * Controlled: E[false discoveries / max(1, quantities discovered)] ≤ alpha in each year. Where nothing drifts, that is a
 * bound on the chance of any false alarm in the year.
 */
export type DriftDiscoveries = DriftSearch;

/** The tests of one window. */
export interface DriftTests {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Names of what was tested, each once. */
  readonly quantities: readonly string[];
  /** `pValues`: in [0, 1], small for drift. `eValues`: from 0, at most 1 in expectation where nothing drifts. NaN: not tested. */
  readonly kind: 'pValues' | 'eValues';
  readonly values: Float64Array;
}

export interface DriftDecision {
  readonly state: DriftDiscoveries;
  /** Those of the window's quantities that are discoveries, in the window's order. */
  readonly found: readonly string[];
  /** What a p-value may be at most, or 1/e-value, to be found in this window. Null: nothing was tested. */
  readonly level: number | null;
}

/** @throws RangeError where alpha is not greater than 0 */
export function startDiscoveries(alpha: number, yearFromMs: number): DriftDiscoveries {
  if (!(alpha > 0 && alpha < Infinity)) throw new RangeError(`alpha must be greater than 0, not ${alpha}`);
  return { alpha, yearFromMs, untilMs: yearFromMs, used: 0, discovered: [] };
}

/**
 * Decides the tests of the next window. A quantity without a value (NaN: an empty window, a constant column) is no
 * discovery; its γ is not given to the others, because whether there is a value may depend on the data.
 *
 * A p-value becomes an e-value by the reshaping of Blanchard & Roquain 2008 with ν(r) = 1/(r (r + 1)): it is found at r
 * discoveries where p ≤ alpha γ (H_{r+1} − 1), H the harmonic numbers. That is r-LOND (Zrnic, Ramdas & Jordan 2021), of
 * which Xu & Ramdas show that it is an e-LOND. Its level at the first discovery is half of Bonferroni's over the year, where
 * the usual ν ∝ 1/r has a tenth (over 15,000 tests), and calibrators such as κ p^(κ − 1) at best a fortieth.
 * @throws RangeError where the window begins before the last one ended, or a value is impossible
 */
export function decideDrift(state: DriftDiscoveries, tests: DriftTests): DriftDecision {
  requireTests(state, tests);
  const yearFromMs = yearStart(state.yearFromMs, tests.fromMs);
  const [used, before] = yearFromMs === state.yearFromMs ? [state.used, state.discovered] : [0, []];
  const share = Math.min(1 - used, (tests.untilMs - tests.fromMs) / YEAR_MS);
  const unit = (state.alpha * share) / tests.quantities.length;
  const growth = growthOf(tests.kind, before.length + tests.quantities.length);
  const { found, tested } = largestConsistent(tests, new Set(before), growth.map((times) => unit * times));
  const discovered = [...new Set([...before, ...found])].sort();
  return {
    found,
    level: tested ? unit * growth[Math.max(1, discovered.length)]! : null,
    state: { ...state, yearFromMs, untilMs: tests.untilMs, used: used + share, discovered },
  };
}

/** At r: how many times alpha γ the level is at r discoveries. */
function growthOf(kind: DriftTests['kind'], most: number): Float64Array {
  const growth = new Float64Array(most + 1);
  for (let r = 1; r <= most; r++) growth[r] = kind === 'eValues' ? r : growth[r - 1]! + 1 / (r + 1);
  return growth;
}

/** Takes away the weakest until the weakest left is below the level that the count of those left gives it. */
function largestConsistent({ kind, quantities, values }: DriftTests, before: ReadonlySet<string>, levels: Float64Array): { found: string[]; tested: boolean } {
  const doubt = kind === 'pValues' ? values : values.map((value) => 1 / value);
  const order = [...quantities.keys()].filter((at) => !Number.isNaN(doubt[at]!)).sort((a, b) => doubt[a]! - doubt[b]!);
  let discoveries = before.size + order.filter((at) => !before.has(quantities[at]!)).length;
  let kept = order.length;
  for (; kept > 0; kept--) {
    const weakest = order[kept - 1]!;
    if (doubt[weakest]! <= levels[discoveries]!) break;
    if (!before.has(quantities[weakest]!)) discoveries -= 1;
  }
  const found = order.slice(0, kept).sort((a, b) => a - b).map((at) => quantities[at]!);
  return { found, tested: order.length > 0 };
}

function requireTests(state: DriftDiscoveries, { fromMs, untilMs, quantities, kind, values }: DriftTests): void {
  if (!(fromMs >= state.untilMs && untilMs > fromMs)) throw new RangeError(`a window from ${fromMs} to ${untilMs} does not follow ${state.untilMs}`);
  if (values.length !== quantities.length) throw new RangeError(`${quantities.length} quantities have ${values.length} values`);
  if (new Set(quantities).size !== quantities.length) throw new RangeError('a quantity is tested twice in a window');
  const impossible = values.find((value) => value < 0 || (kind === 'pValues' && value > 1));
  if (impossible !== undefined) throw new RangeError(`${impossible} is none of the ${kind}`);
}
