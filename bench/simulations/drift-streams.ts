import type { ConceptPair } from './drifting-concepts.js';
import { Random } from './random.js';

/**
 * Labelled rows whose true concept, or whose features alone, may change: what detectors and retraining policies are tried on.
 * Places are indices of rows, from 0.
 */
export type Change =
  | { readonly kind: 'none' }
  /** From `at` on every row is of the later concept. */
  | { readonly kind: 'abrupt'; readonly at: number }
  /** From `from` to `until` rows are of the later concept with a chance that rises from 0 to 1. */
  | { readonly kind: 'gradual'; readonly from: number; readonly until: number; readonly shape: 'linear' | 'sigmoid' }
  /** Like seasons: from `at` on, `period` rows of the later concept, then as many of the earlier one, and so on. */
  | { readonly kind: 'recurring'; readonly at: number; readonly period: number }
  /** From `from` on the concept itself moves a step with every row; for the hyperplane only. */
  | { readonly kind: 'incremental'; readonly from: number }
  /** Harmless: from `at` on features are distributed otherwise, and the concept stays. */
  | { readonly kind: 'covariate'; readonly at: number };

export interface DriftStream {
  readonly rows: number;
  /** Features of a row. */
  readonly width: number;
  /** Row by row, `width` numbers each. */
  readonly features: Float64Array;
  /** 0 or 1, with noise. */
  readonly labels: Float64Array;
  /** Without noise: by the concept that the row is of, and by the one at the start; 0 or 1. Both are of the features before a perturbation. */
  readonly truth: Uint8Array;
  readonly formerTruth: Uint8Array;
  /** The row from which on a model of the first concept is to be replaced; null where the concept does not change. */
  readonly harmStart: number | null;
}

/** Sigmoids go from −5 to 5 over the stretch: the change is nearly all within its middle half. */
const SIGMOID_REACH = 5;
/** Features, noise of labels, choice of the concept and the concept's own steps draw from streams of their own. */
const DRAWS = { features: 0, noise: 1, choice: 2, steps: 3, perturbation: 4 } as const;

/**
 * The chance that a row is of the later concept, 0 to 1. The sigmoid is that of Bifet, Holmes, Pfahringer, Kirkby & Gavaldà, "New
 * ensemble methods for evolving data streams", KDD 2009, cut to the stretch and rescaled so that it begins at 0 and ends at 1.
 */
export function chanceOfLater(change: Change, row: number): number {
  switch (change.kind) {
    case 'none':
    case 'covariate':
      return 0;
    case 'abrupt':
      return row >= change.at ? 1 : 0;
    case 'incremental':
      return row >= change.from ? 1 : 0;
    case 'recurring':
      return row >= change.at && Math.floor((row - change.at) / change.period) % 2 === 0 ? 1 : 0;
    case 'gradual': {
      const share = Math.min(1, Math.max(0, (row - change.from) / (change.until - change.from)));
      return change.shape === 'linear' ? share : risen(share);
    }
  }
}

function risen(share: number): number {
  const least = sigmoid(-SIGMOID_REACH);
  return (sigmoid(SIGMOID_REACH * (2 * share - 1)) - least) / (1 - 2 * least);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Where harm begins: the first row that may be of the later concept; null where there is none. */
function harmStartOf(change: Change): number | null {
  switch (change.kind) {
    case 'none':
    case 'covariate':
      return null;
    case 'abrupt':
    case 'recurring':
      return change.at;
    case 'gradual':
    case 'incremental':
      return change.from;
  }
}

/**
 * Streams of one seed draw the same features and the same noise, so that they are equal, row for row, up to where they change.
 * @param make concepts to begin with, such as `() => seaConcepts()`: one that moves is made anew for each stream
 * @param rows length of the stream; 0 makes an empty one
 * @throws RangeError where the change lies outside of the stream, or the concepts cannot move by steps
 */
export function driftStream(make: (seed: number) => ConceptPair, { rows, change, seed }: { rows: number; change: Change; seed: number }): DriftStream {
  checkChange(change, rows);
  const concepts = make(seed);
  if (change.kind === 'incremental' && !concepts.step) throw new RangeError('these concepts do not move by steps');
  const [choice, noise] = [new Random(seed, DRAWS.choice), new Random(seed, DRAWS.noise)];
  const [steps, perturbation] = [new Random(seed, DRAWS.steps), new Random(seed, DRAWS.perturbation)];
  const later = change.kind === 'incremental' ? 'moving' : 'second';
  const stream = { ...emptyStream(rows, concepts.width), harmStart: harmStartOf(change) };
  drawFeatures(stream.features, concepts, change, seed);
  for (let row = 0; row < rows; row++) {
    const features = stream.features.subarray(row * concepts.width, (row + 1) * concepts.width);
    if (change.kind === 'incremental' && row >= change.from) concepts.step?.(steps);
    stream.truth[row] = concepts.truth(features, choice.uniform() < chanceOfLater(change, row) ? later : 'first');
    stream.formerTruth[row] = concepts.truth(features, 'first');
    stream.labels[row] = noise.uniform() < concepts.noise ? 1 - stream.truth[row]! : stream.truth[row]!;
    concepts.perturb?.(perturbation, features);
  }
  return stream;
}

const emptyStream = (rows: number, width: number) => ({
  rows, width, features: new Float64Array(rows * width), labels: new Float64Array(rows), truth: new Uint8Array(rows), formerTruth: new Uint8Array(rows),
});

function drawFeatures(features: Float64Array, concepts: ConceptPair, change: Change, seed: number): void {
  const random = new Random(seed, DRAWS.features);
  const movedFrom = change.kind === 'covariate' ? change.at : Infinity;
  for (let row = 0; row * concepts.width < features.length; row++) {
    concepts.draw(random, row >= movedFrom, features.subarray(row * concepts.width, (row + 1) * concepts.width));
  }
}

function checkChange(change: Change, rows: number): void {
  if (!Number.isInteger(rows) || rows < 0) throw new RangeError(`${rows} rows make no stream`);
  for (const place of placesOf(change)) if (!(place >= 0 && place <= rows)) throw new RangeError(`row ${place} is none of ${rows}`);
  if (change.kind === 'gradual' && !(change.from < change.until)) throw new RangeError(`rows ${change.from} to ${change.until} are no stretch`);
  if (change.kind === 'recurring' && !(change.period >= 1)) throw new RangeError(`seasons of ${change.period} rows are none`);
}

function placesOf(change: Change): number[] {
  switch (change.kind) {
    case 'none':
      return [];
    case 'gradual':
      return [change.from, change.until];
    case 'incremental':
      return [change.from];
    default:
      return [change.at];
  }
}
