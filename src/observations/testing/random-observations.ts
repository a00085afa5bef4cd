import type { MirroredOutput, Observation, ObservationContext } from '../segment-format.js';

/** A generator of uniform numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const contextOf = (changes: Partial<ObservationContext> = {}): ObservationContext => ({
  model: 'flight-delay', deployment: 'default', revision: 3, epoch: 2, version: 7, role: 'champion', specDigest: 'sha256:spec',
  features: ['distance', 'carrier'], observeInputs: true, ...changes,
});

export const observationOf = (sequence: number, changes: Partial<Observation> = {}): Observation => ({
  context: CONTEXT, sequence, predictionId: `p-${sequence}`, entityKey: null, eventTimeMs: 1_700_000_000_000 + sequence, perRow: null,
  receivedAtMs: 1_700_000_000_000 + sequence, latencyMs: 0.25, stale: false, rows: 1, features: Float32Array.of(sequence, sequence % 2),
  unknown: [], outputs: Float32Array.of(0.5), rawOutputs: null, guards: null, ...changes,
});

export const mirroredOf = (sequence: number, changes: Partial<MirroredOutput> = {}): MirroredOutput => ({
  sequence, model: 'flight-delay', deployment: 'default', revision: 3, version: 8, outcome: 'executed', reason: null, latencyMs: 0.5, rows: 1,
  outputs: Float32Array.of(0.25), ...changes,
});

const CONTEXT = contextOf();
const TEXTS = ['', 'ann', 'Zürich', '東京', '🛫 to JFK', 'a\nb\0c', '"quoted"', 'x'.repeat(300)];

/** Observations of every shape: rows, texts, kept and left out parts; of a few contexts. */
export function randomObservations(seed: number, count: number): Observation[] {
  const random = seededRandom(seed);
  const whole = (below: number): number => Math.floor(random() * below);
  const maybe = <T>(value: () => T): T | null => (random() < 0.5 ? value() : null);
  const text = (): string => `${TEXTS[whole(TEXTS.length)] ?? ''}${whole(1_000)}`;
  const list = <T>(length: number, item: () => T): T[] => Array.from({ length }, item);
  const floats = (length: number): Float32Array => Float32Array.from(list(length, () => (random() < 0.1 ? NaN : (random() - 0.5) * 1e6)));
  const contexts = list(4, () => contextOf({ model: `m-${whole(3)}`, version: whole(9), features: list(1 + whole(4), () => 0).map((_, index) => `feature_${index}`), observeInputs: random() < 0.7, role: random() < 0.5 ? 'champion' : 'challenger' }));
  return list(count, () => 0).map((_, index): Observation => {
    const context = contexts[whole(contexts.length)] as ObservationContext;
    const rows = 1 + whole(random() < 0.2 ? 50 : 3);
    return {
      context, sequence: index + 1, predictionId: text(), entityKey: maybe(text), eventTimeMs: 1.7e12 + random() * 1e9,
      perRow: maybe(() => ({ predictionIds: maybe(() => list(rows, text)), entityKeys: maybe(() => list(rows, () => maybe(text))), eventTimesMs: maybe(() => Float64Array.from(list(rows, () => random() * 1e12))) })),
      receivedAtMs: 1.7e12 + random() * 1e9, latencyMs: random() * 50, stale: random() < 0.5, rows,
      features: context.observeInputs ? floats(rows * context.features.length) : null,
      unknown: list(whole(3), () => ({ row: whole(rows), feature: whole(context.features.length), text: text() })),
      outputs: floats(rows), rawOutputs: maybe(() => floats(rows)), guards: maybe(() => Uint8Array.from(list(rows, () => whole(4)))),
    };
  });
}

export function randomMirrored(seed: number, count: number): MirroredOutput[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const rows = 1 + Math.floor(random() * 3);
    return mirroredOf(index + 1, random() < 0.6
      ? { rows, outputs: Float32Array.from({ length: rows }, random), latencyMs: random(), deployment: random() < 0.5 ? 'default' : 'north' }
      : { rows, outputs: null, outcome: random() < 0.5 ? 'dropped' : 'failed', reason: random() < 0.5 ? 'the queue was full' : null, latencyMs: null });
  });
}
