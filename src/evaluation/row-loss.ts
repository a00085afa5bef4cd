import type { RowLoss } from '../spec/comparison-loss.js';

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
