import { criticalValue } from './distributions.js';

/** Loss that a retrain is expected to save in each row: the estimate and the ends of its interval. */
export interface ExpectedGain {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** Predictions to come in a day of event time. */
  readonly rowsPerDay: number;
}

/** The losses of champion and candidate on the same rows of a stretch of event time, rows that neither was trained on. */
export interface PairedBlock {
  /** Rows with a label. */
  readonly rows: number;
  /** Of each row: the champion's loss less the candidate's. 0 without rows. */
  readonly meanGain: number;
  /** Sum of squared deviations from that mean. */
  readonly squares: number;
}

export interface GainOptions {
  /** The interval holds the true mean gain with the chance 1 − alpha, whichever stretch is chosen; in (0, 1). */
  readonly alpha: number;
  /** `rows`: each is an observation of its own. `blocks`: rows of a block share their fate, and the block is the observation. */
  readonly dependence: 'rows' | 'blocks';
  /** Predictions to come in a day of event time. */
  readonly rowsPerDay: number;
}

export interface GainOfStretch {
  readonly gain: ExpectedGain;
  /** It was measured on so many of the newest blocks that have rows. */
  readonly blocks: number;
  readonly rows: number;
}

/**
 * A row without a label has a loss of NaN, and is left out.
 * @throws RangeError where the two are not of the same rows: of another number, or one knows a label and the other does not; and for an infinite loss
 */
export function pairedBlock(champion: Float64Array, candidate: Float64Array): PairedBlock {
  if (champion.length !== candidate.length) throw new RangeError(`losses of ${champion.length} and ${candidate.length} rows are no pairs`);
  let [rows, meanGain, squares] = [0, 0, 0];
  for (let row = 0; row < champion.length; row++) {
    const [theirs, ours] = [champion[row]!, candidate[row]!];
    if (Number.isNaN(theirs) && Number.isNaN(ours)) continue;
    const gain = theirs - ours;
    if (!Number.isFinite(gain)) throw new RangeError(`the losses ${theirs} and ${ours} of row ${row} are no pair`);
    rows += 1;
    const deviation = gain - meanGain;
    meanGain += deviation / rows;
    squares += deviation * (gain - meanGain);
  }
  return { rows, meanGain, squares };
}

/**
 * What a retrain would gain in each row, seen from a candidate that was trained on recent rows and is held against the champion on
 * others: the mean of their paired losses' differences d, in which what makes a row hard for both cancels. What it takes for granted is
 * that the rows to come are like those of the stretch, and that the retrain makes a model like the candidate.
 *
 * How far back the world was as it is now is not known: since a change a day ago an average over a month hides it, and without a change
 * a day is too noisy. So J stretches are weighed, the newest 1, 2, 4, … blocks and all of them, and the one is taken whose interval has
 * the highest lower end (a scan as that of ADWIN's cuts: Bifet & Gavaldà 2007). Over n rows in G blocks with sums of gains S_g = Σ d,
 *
 *   estimate d̄ = Σ d ÷ n,  interval d̄ ± t(1 − α ÷ 2J; f) · √V,
 *   rows:    V = Σ (d − d̄)² ÷ ((n − 1) n),             f = n − 1 (Student 1908);
 *   blocks:  V = (G − 1) ÷ G · Σ_g (d̄₋g − d̄)²,         f of V (Bell & McCaffrey 2002),
 *
 * where d̄₋g = (Σ d − S_g) ÷ (n − n_g) leaves a block out: with blocks of one size the cluster-robust variance of Liang & Zeger (1986), which is far too
 * small where two blocks of unlike size are all there is, as when the newest has just begun. f is Satterthwaite's where the blocks' means scatter alike:
 * G − 1 with blocks of one size, fewer where some hold most of the rows.
 *
 * J is Bonferroni's, so that the interval holds though the stretch was chosen; the estimate alone is too high by the choice, within
 * the interval. The level is that of one look: who looks every week retrains in vain now and then, which a cost bounds (retraining-value.ts).
 * Where the low end is above 0, that the champion is behind is shown.
 * @param blocks oldest first; those without rows are passed over
 * @returns null without two observations to learn a variance from
 * @throws RangeError where alpha is not within (0, 1) or too small for a quantile (below about 1e-15), a block's figures make no sense, or rowsPerDay
 * is not finite and at least 0
 */
export function expectedGain(blocks: readonly PairedBlock[], options: GainOptions): GainOfStretch | null {
  const { alpha, rowsPerDay } = options;
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha is ${alpha}; it must lie between 0 and 1`);
  if (!(rowsPerDay >= 0 && rowsPerDay < Infinity)) throw new RangeError(`rowsPerDay is ${rowsPerDay}; it must be finite and at least 0`);
  blocks.forEach(checkBlock);
  const seen = blocks.filter(({ rows }) => rows > 0).reverse();
  const stretches = lengths(seen.length).map((length) => measured(seen.slice(0, length), options.dependence)).filter((stretch) => stretch !== null);
  let best: GainOfStretch | null = null;
  for (const { blocks: taken, rows, mean, variance, freedom } of stretches) {
    const reach = criticalValue(alpha / stretches.length, freedom) * Math.sqrt(variance);
    // Of equals the longer one, which comes later.
    if (best === null || mean - reach >= best.gain.low) best = { gain: { estimate: mean, low: mean - reach, high: mean + reach, rowsPerDay }, blocks: taken, rows };
  }
  return best;
}

/** 1, 2, 4, … and the count itself; none of 0. */
function lengths(count: number): number[] {
  const found: number[] = [];
  for (let length = 1; length < count; length *= 2) found.push(length);
  return count === 0 ? [] : [...found, count];
}

interface Measured {
  readonly blocks: number;
  readonly rows: number;
  readonly mean: number;
  readonly variance: number;
  /** Degrees of freedom. */
  readonly freedom: number;
}

function measured(blocks: readonly PairedBlock[], dependence: GainOptions['dependence']): Measured | null {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const others = (dependence === 'rows' ? rows : blocks.length) - 1;
  if (others < 1) return null;
  const mean = blocks.reduce((sum, block) => sum + (block.rows / rows) * block.meanGain, 0);
  let sum = 0;
  for (const block of blocks) {
    const apart = block.meanGain - mean;
    sum += dependence === 'rows' ? block.squares + block.rows * apart * apart : ((block.rows * apart) / (rows - block.rows)) ** 2;
  }
  const variance = dependence === 'rows' ? sum / others / rows : (others / blocks.length) * sum;
  return { blocks: blocks.length, rows, mean, variance, freedom: dependence === 'rows' ? others : freedomOf(blocks.map((block) => block.rows / rows)) };
}

/**
 * (tr M)² ÷ tr M², where the jackknife's variance is m′Mm of the blocks' means m: M has the squares of leverages D = (w ÷ (1 − w))² around the
 * covariances C = I − w1′ − 1w′ + Σw² of their deviations from the weighted mean.
 */
function freedomOf(weights: readonly number[]): number {
  const squares = weights.reduce((sum, weight) => sum + weight * weight, 0);
  const leverages = weights.map((weight) => (weight / (1 - weight)) ** 2);
  let [trace, traceOfSquare] = [0, 0];
  weights.forEach((weight, at) => {
    trace += leverages[at]! * (1 - 2 * weight + squares);
    weights.forEach((other, beside) => (traceOfSquare += leverages[at]! * leverages[beside]! * ((at === beside ? 1 : 0) - weight - other + squares) ** 2));
  });
  return Math.min(weights.length - 1, Math.max(1, (trace * trace) / traceOfSquare));
}

function checkBlock({ rows, meanGain, squares }: PairedBlock): void {
  if (Number.isInteger(rows) && rows >= 0 && Number.isFinite(meanGain) && squares >= 0 && squares < Infinity) return;
  throw new RangeError(`${rows} rows with a mean gain of ${meanGain} and squares of ${squares} are no block`);
}
