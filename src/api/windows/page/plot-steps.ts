/** 1, 2 or 5 times a power of ten, not below what is asked for. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}

/** Pixels: a tenth of one is not seen. */
export const round = (value: number): number => Math.round(value * 10) / 10;
