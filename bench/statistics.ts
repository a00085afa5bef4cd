/** What every benchmark reports its repeated measurements by. */

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Interpolated between the two nearest values. @param share between 0 and 1. @throws RangeError of no values. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('A quantile of no values');
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] as number;
  return below + ((sorted[Math.ceil(place)] as number) - below) * (place - Math.floor(place));
}

/** Rounds pair by pair, so that what slowed both does not count: the median of `values[i] / base[i]`. */
export const medianRatio = (values: readonly number[], base: readonly number[]): number =>
  median(values.map((value, round) => value / (base[round] as number)));
