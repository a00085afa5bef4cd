import { incompleteBeta } from '../../src/evaluation/distributions.js';

export interface Rate {
  readonly runs: number;
  readonly events: number;
  readonly low: number;
  readonly high: number;
}

/** A share of independent runs with its exact two-sided interval at 99.9 % (Clopper & Pearson 1934). */
export function rateOf(events: number, runs: number): Rate {
  const tail = 0.0005;
  // P(X ≥ k | p) = I_p(k, n − k + 1), which rises with p.
  const low = events === 0 ? 0 : rootOf((p) => incompleteBeta(p, events, runs - events + 1) - tail);
  const high = events === runs ? 1 : rootOf((p) => incompleteBeta(p, events + 1, runs - events) - (1 - tail));
  return { runs, events, low, high };
}

function rootOf(rising: (p: number) => number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (rising(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
