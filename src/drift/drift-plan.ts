import type { RowPlaces, SurveyedFile } from '../observations/observed-parts.js';
import type { ComparedFeature } from './drift-order.js';
import type { ProfileFrame } from './profile-frames.js';
import type { EventStretch } from './window-grid.js';

/** How a large window is compared: its rows are counted part by part, on whatever machine, and the counts added up. Lies in the artifact store. */
export interface DriftPlan {
  /** The champion, and the snapshot of the rows on which it was judged. */
  readonly version: number;
  readonly snapshot: string;
  /** Those that the window has, in the order of the champion's spec. */
  readonly features: readonly ComparedFeature[];
  /** Of the numbers, in their order; as the baseline asks for. */
  readonly frames: readonly ProfileFrame[];
  /** Digest of a PartProfile: all of the baseline's rows. */
  readonly baseline: string;
  readonly window: PlannedStretch;
  /** The window before it; null where there is none. */
  readonly before: PlannedStretch | null;
}

export interface PlannedStretch extends EventStretch {
  /** Features that its inputs have, by name. */
  readonly kept: readonly string[];
  /** Digest of the rows that do not count: predictions that were asked for again under their id. Null where there is none. */
  readonly repeated: string | null;
  readonly parts: readonly (readonly PlannedSlice[])[];
}

/** A file of observations, or some of its rows. */
export interface PlannedSlice {
  readonly digest: string;
  /** Null: all of them. */
  readonly places: RowPlaces | null;
}

/** What one worker profiles: those of the window come first, then those of the window before. */
export const partsOf = ({ window, before }: Pick<DriftPlan, 'window' | 'before'>): { readonly stretch: PlannedStretch; readonly slices: readonly PlannedSlice[] }[] =>
  [window, ...(before ? [before] : [])].flatMap((stretch) => stretch.parts.map((slices) => ({ stretch, slices })));

/** Files in their order, those of more rows than that cut evenly, in parts of at most so many rows. @returns none where no file has a row */
export function cutIntoParts(files: readonly (SurveyedFile & { readonly digest: string })[], mostRows: number): PlannedSlice[][] {
  const parts: PlannedSlice[][] = [];
  let room = 0;
  for (const { digest, places: [from, until] } of files) {
    const pieces = Math.ceil((until - from) / mostRows);
    const begin = (piece: number): number => from + Math.round((piece * (until - from)) / pieces);
    for (let piece = 0; piece < pieces; piece++) {
      const rows = begin(piece + 1) - begin(piece);
      if (rows > room) {
        parts.push([]);
        room = mostRows;
      }
      parts.at(-1)!.push({ digest, places: pieces === 1 ? null : [begin(piece), begin(piece + 1)] });
      room -= rows;
    }
  }
  return parts;
}

/** A sample's rows, and how many of them lie beside each other. */
const [SAMPLED_ROWS, STRETCH] = [131_072, 4_096];

/** Stretches of rows that are spread evenly over the files; all rows where they are few. */
export function sampleOf(files: readonly SurveyedFile[]): { readonly path: string; readonly places: RowPlaces }[] {
  const stretches = files.flatMap(({ path, places: [from, until] }) =>
    Array.from({ length: Math.ceil((until - from) / STRETCH) }, (_, index) => ({ path, places: [from + index * STRETCH, Math.min(from + (index + 1) * STRETCH, until)] as const })));
  const wanted = SAMPLED_ROWS / STRETCH;
  return stretches.length <= wanted ? stretches : Array.from({ length: wanted }, (_, index) => stretches[Math.floor(((index + 0.5) * stretches.length) / wanted)]!);
}
