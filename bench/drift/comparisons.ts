/** The columns that prepare.py makes. */
export const FEATURES = [
  ...Array.from({ length: 20 }, (_, index) => ({ name: `n${index}`, type: 'number' as const })),
  ...Array.from({ length: 10 }, (_, index) => ({ name: `c${index}`, type: 'category' as const })),
];

/** Reads every value of every column. */
export const TOUCHED = FEATURES.map(({ name, type }) => (type === 'number' ? `sum("${name}")` : `max("${name}")`)).join(', ');

export interface Figures {
  readonly psi: number | null;
  readonly jensenShannon: number | null;
  readonly statistic: number;
  readonly pValue: number;
  readonly wasserstein?: number;
}

/** What each contender prints as its last line. */
export interface Measured {
  readonly seconds: number;
  readonly rows: number;
  readonly figures?: Readonly<Record<string, Figures>>;
  /** Ours: the first measurement of a process that has compiled nothing yet. */
  readonly firstSeconds?: number;
  /** Ours: the first measurement of so many rows. */
  readonly freshSeconds?: number;
}

/** Seconds of a piece of work. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly seconds: number; readonly value: T }> {
  const start = performance.now();
  const value = await work();
  return { seconds: (performance.now() - start) / 1_000, value };
}
