import { rowLoss } from '../evaluation/row-loss.js';
import type { RowLoss } from '../spec/comparison-loss.js';

/** Gain of the challenger on one row: the champion's loss less the challenger's, with the range that both outputs leave it. */
export interface RowGain {
  gain: number;
  low: number;
  high: number;
  championLoss: number;
  challengerLoss: number;
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
