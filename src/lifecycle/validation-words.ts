import type { Estimate } from '../contracts/verdict.js';

/** Five significant digits are what the figures carry. */
export const figure = (value: number): string => String(Number(value.toPrecision(5)));
export const count = (value: number): string => value.toLocaleString('en-US');

export const said = ({ value, low, high }: Estimate): string =>
  low === null || high === null ? figure(value) : `${figure(value)} (interval ${figure(low)} to ${figure(high)})`;

/** `a, b and 3 more`: a sentence has to stay one. */
export function named(all: readonly string[], most = 5): string {
  return all.length <= most ? all.join(', ') : `${all.slice(0, most).join(', ')} and ${all.length - most} more`;
}
