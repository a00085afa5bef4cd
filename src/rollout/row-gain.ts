import type { RowLoss } from '../spec/comparison-loss.js';

/** Gain of the challenger on one row: the champion's loss less the challenger's, with the range that both outputs leave it. */
export interface RowGain {
  gain: number;
  low: number;
  high: number;
  championLoss: number;
  challengerLoss: number;
}

/**
 * - `brier`: (p − y)²; `clippedLogLoss`: −ln of the probability given to what happened (nats); p is the probability of the
 *   positive class, y is 0 or 1;
 * - `absoluteError`: |prediction − label|, in the label's unit.
 * What exceeds the bound counts as the bound, and so does an output that is no number or, where a probability is
 * wanted, lies outside [0, 1].
 */
export function rowLoss(metric: RowLoss, bound: number, output: number, label: number): number {
  if (metric === 'absoluteError') {
    const error = Math.abs(output - label);
    return error < bound ? error : bound;
  }
  if (!(output >= 0 && output <= 1)) return bound;
  const loss = metric === 'brier' ? (output - label) ** 2 : -Math.log(label === 1 ? output : 1 - output);
  return loss < bound ? loss : bound;
}

/** Writes the row's gain into `into`, which a loop uses again for each row. The range does not depend on the label. */
export function rowGain(metric: RowLoss, bound: number, champion: number, challenger: number, label: number, into: RowGain): void {
  into.championLoss = rowLoss(metric, bound, champion, label);
  into.challengerLoss = rowLoss(metric, bound, challenger, label);
  into.gain = into.championLoss - into.challengerLoss;
  if (metric === 'absoluteError') {
    // |a − y| and |b − y| differ by at most |a − b| (triangle inequality); NaN leaves the bound.
    const apart = Math.abs(champion - challenger);
    into.high = apart < bound ? apart : bound;
    into.low = -into.high;
    return;
  }
  const negative = label === 0 ? into.gain : rowLoss(metric, bound, champion, 0) - rowLoss(metric, bound, challenger, 0);
  const positive = label === 1 ? into.gain : rowLoss(metric, bound, champion, 1) - rowLoss(metric, bound, challenger, 1);
  into.low = Math.min(negative, positive);
  into.high = Math.max(negative, positive);
}
