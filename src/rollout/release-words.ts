import type { ComparisonStanding, ComparisonTerms } from '../contracts/releases.js';

const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1_000]] as const;

/** A duration in its largest fitting unit, as in `13.5 days`. */
export function duration(ms: number): string {
  const [name, unit] = UNITS.find(([, length]) => ms >= length) ?? ['second', 1_000];
  const count = Math.round((ms / unit) * 10) / 10;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** The numbers of a comparison, in the words of a decision's reason. */
export function comparisonFigures({ gain, low, high, samples, missingLabels }: ComparisonStanding, { metric, alpha, margin }: ComparisonTerms): string {
  const share = samples + missingLabels === 0 ? 0 : missingLabels / (samples + missingLabels);
  const interval = gain === null || low === null || high === null ? 'no interval yet' : `gain in ${metric} ${signed(gain)} [${signed(low)}, ${signed(high)}]`;
  return `${interval} at ${percent(1 - alpha)} over ${samples} pairs, margin ${margin}, ${percent(share)} of labels missing`;
}

const signed = (value: number): string => `${value >= 0 ? '+' : '−'}${Math.abs(value).toPrecision(3)}`;
const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;
