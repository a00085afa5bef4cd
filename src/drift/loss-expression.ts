import type { BoundedLoss } from '../spec/comparison-loss.js';

/**
 * SQL of the loss of a row, as evaluation/row-loss.ts has it: what exceeds the bound counts as the bound, and so does a probability
 * outside [0, 1]. NULL where there is no label, or no output: no version is to blame for a row that a guard rail gave no answer to.
 * @param output and `label` are expressions of type DOUBLE
 */
export function lossExpression({ metric, bound }: BoundedLoss, output: string, label: string): string {
  const missing = `${output} IS NULL OR ${label} IS NULL OR isnan(${output}) OR isnan(${label})`;
  if (metric === 'absoluteError') return `CASE WHEN NOT (${missing}) THEN ${clipped(`abs(${output} - ${label})`, bound)} END`;
  const loss = metric === 'brier'
    ? `(${output} - ${label}) * (${output} - ${label})`
    // A probability of 0 has no logarithm; the bound is what it costs.
    : `-ln(greatest(CASE WHEN ${label} = 1 THEN ${output} ELSE 1 - ${output} END, 1e-300))`;
  const noProbability = bound === undefined ? '' : `WHEN ${output} < 0 OR ${output} > 1 THEN ${bound} `;
  return `CASE WHEN ${missing} THEN NULL ${noProbability}ELSE ${clipped(loss, bound)} END`;
}

const clipped = (loss: string, bound: number | undefined): string => (bound === undefined ? loss : `least(${loss}, ${bound})`);
