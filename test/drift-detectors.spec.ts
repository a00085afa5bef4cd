import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ADWIN_DEFAULTS, type AdwinOptions, addToWindow, adwinDetections, type Direction, startAdaptiveWindow,
} from '../bench/simulations/adaptive-windowing.js';
import {
  addToPageHinkley, PAGE_HINKLEY_DEFAULTS, type PageHinkleyOptions, pageHinkleyDetections, startPageHinkley,
} from '../bench/simulations/page-hinkley.js';
import { decileCounts, stabilityIndices } from '../bench/simulations/retraining-policies.js';

type Encoded = number | 'NaN' | 'Infinity' | '-Infinity';

/** Options by river's names, and where river finds a change. */
interface Run {
  readonly stream: string;
  readonly detector: 'adwin' | 'pageHinkley';
  readonly label: string;
  readonly options: Record<string, number | string>;
  readonly found: number[];
  /** Without fresh starts: where a change is found; index, width, total and sum of squared deviations. */
  readonly windows?: { readonly found: number[]; readonly rows: [number, number, number, number][] };
}

const reference = JSON.parse(readFileSync(new URL('../bench/simulations/reference/drift-detectors.json', import.meta.url), 'utf8')) as {
  streams: Record<string, Encoded[]>; runs: Run[]; stability: { name: string; reference: Encoded[]; current: Encoded[]; index: number | null }[];
};
const decoded = (values: readonly Encoded[]): Float64Array => Float64Array.from(values, Number);

const adwinOptions = ({ options }: Run): AdwinOptions => ({
  delta: Number(options.delta ?? ADWIN_DEFAULTS.delta),
  clock: Number(options.clock ?? ADWIN_DEFAULTS.clock),
  bucketsPerSize: Number(options.max_buckets ?? ADWIN_DEFAULTS.bucketsPerSize),
  shortestSide: Number(options.min_window_length ?? ADWIN_DEFAULTS.shortestSide),
  gracePeriod: Number(options.grace_period ?? ADWIN_DEFAULTS.gracePeriod),
});
const pageHinkleyOptions = ({ options }: Run): PageHinkleyOptions => ({
  minimumRows: Number(options.min_instances ?? PAGE_HINKLEY_DEFAULTS.minimumRows),
  slack: Number(options.delta ?? PAGE_HINKLEY_DEFAULTS.slack),
  threshold: Number(options.threshold ?? PAGE_HINKLEY_DEFAULTS.threshold),
  forgetting: Number(options.alpha ?? PAGE_HINKLEY_DEFAULTS.forgetting),
  direction: ({ up: 'rise', down: 'fall' } as const)[String(options.mode)] ?? 'both',
});

const runsOf = (detector: Run['detector']) => reference.runs.filter((run) => run.detector === detector).map((run) => [run.stream, run.label, run] as const);

function expectClose(found: number, expected: number, what: string): void {
  expect(Math.abs(found - expected) / Math.max(1, Math.abs(expected)), `${what}: ${found} for ${expected}`).toBeLessThan(1e-9);
}

describe('ADWIN finds changes where river does', () => {
  it.each(runsOf('adwin'))('%s; %s', (stream, _, run) => {
    expect([...adwinDetections(decoded(reference.streams[stream]!), adwinOptions(run))]).toEqual(run.found);
  });
});

describe('ADWIN keeps the window that river keeps', () => {
  it.each(runsOf('adwin'))('%s; %s', (stream, _, run) => {
    const window = startAdaptiveWindow(adwinOptions(run));
    const rows = [...run.windows!.rows];
    const found: number[] = [];
    decoded(reference.streams[stream]!).forEach((value, index) => {
      if (addToWindow(window, value) !== null) found.push(index);
      if (rows[0]?.[0] !== index) return;
      const [, width, total, squares] = rows.shift()!;
      expect(window.width).toBe(width);
      expectClose(window.total, total, `total at ${index}`);
      expectClose(window.squares, squares, `squares at ${index}`);
    });
    expect(found).toEqual(run.windows!.found);
    expect(rows).toEqual([]);
  });
});

describe('Page-Hinkley finds changes where river does', () => {
  it.each(runsOf('pageHinkley'))('%s; %s', (stream, _, run) => {
    expect([...pageHinkleyDetections(decoded(reference.streams[stream]!), pageHinkleyOptions(run))]).toEqual(run.found);
  });
});

it('the reference has streams with a change and without', () => {
  for (const detector of ['adwin', 'pageHinkley'] as const) {
    const counts = runsOf(detector).map(([, , run]) => run.found.length);
    expect(Math.min(...counts)).toBe(0);
    expect(Math.max(...counts)).toBeGreaterThan(3);
  }
});

describe('both detectors', () => {
  const [low, high] = [new Float64Array(400).fill(0.1), new Float64Array(400).fill(0.6)];
  const firstOf = (add: (value: number) => Direction | null, values: Float64Array[]): Direction | null =>
    values.flatMap((part) => [...part]).map(add).find((direction) => direction !== null) ?? null;
  const detectors = {
    adwin: () => {
      const window = startAdaptiveWindow();
      return (value: number) => addToWindow(window, value);
    },
    pageHinkley: () => {
      const state = startPageHinkley({ ...PAGE_HINKLEY_DEFAULTS, threshold: 5 });
      return (value: number) => addToPageHinkley(state, value);
    },
  };

  it.each(['adwin', 'pageHinkley'] as const)('%s tells a rise from a fall', (name) => {
    expect(firstOf(detectors[name](), [low, high])).toBe('rise');
    expect(firstOf(detectors[name](), [high, low])).toBe('fall');
    expect(firstOf(detectors[name](), [low, low])).toBeNull();
  });

  it.each(['adwin', 'pageHinkley'] as const)('%s takes no infinite value', (name) => {
    expect(() => detectors[name]()(Infinity)).toThrow(RangeError);
    expect(() => detectors[name]()(-Infinity)).toThrow(RangeError);
    expect(detectors[name]()(NaN)).toBeNull();
  });

  it('refuse options that make no sense', () => {
    for (const wrong of [{ delta: 0 }, { delta: 1 }, { clock: 0 }, { bucketsPerSize: 1 }, { bucketsPerSize: 2.5 }, { shortestSide: 0 }, { gracePeriod: -1 }]) {
      expect(() => startAdaptiveWindow({ ...ADWIN_DEFAULTS, ...wrong })).toThrow(RangeError);
    }
    for (const wrong of [{ minimumRows: -1 }, { slack: -1 }, { threshold: NaN }, { forgetting: 0 }, { forgetting: 1.1 }]) {
      expect(() => startPageHinkley({ ...PAGE_HINKLEY_DEFAULTS, ...wrong })).toThrow(RangeError);
    }
  });
});

describe('population stability indices over deciles equal NumPy', () => {
  it.each(reference.stability.map((known) => [known.name, known] as const))('%s', (_, known) => {
    const [index] = stabilityIndices(decileCounts(decoded(known.reference), 1), decoded(known.current));
    if (known.index === null) expect(index).toBeNull();
    else expectClose(index!, known.index, known.name);
  });

  it('are those of each feature alone', () => {
    const [before, now] = [reference.stability.find(({ name }) => name === 'moved')!, reference.stability.find(({ name }) => name === 'no change')!];
    const columns = [decoded(before.reference), decoded(now.reference)];
    const rows = Float64Array.from({ length: 600 }, (_, place) => columns[place % 2]![place >> 1]!);
    const current = Float64Array.from({ length: 400 }, (_, place) => (place % 2 === 0 ? decoded(before.current) : decoded(now.current))[place >> 1]!);
    const found = stabilityIndices(decileCounts(rows, 2), current);
    expectClose(found[0]!, before.index!, 'first');
    expectClose(found[1]!, now.index!, 'second');
  });
});
