import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { PerennialError } from '../contracts/failures.js';
import { DAY_MS } from './event-days.js';

export const RELEASE_MODEL = 'flight-release';
export const SWAPPED_FOLDER = 'flights-swapped';
/** Both in minutes, and so easily swapped. */
export const SWAPPED_COLUMNS = ['departure_minute', 'scheduled_minutes'] as const;

export type LegName = 'first' | 'good' | 'swapped' | 'cold';

/** One retrain and what comes of it. */
export interface Leg {
  readonly name: LegName;
  /** The retrain looks at the data as of the beginning of this week, when the labels of the weeks before are complete. */
  readonly retrainWeek: number;
  /** The first week of traffic that meets the release; null: it is promoted by its gate alone. */
  readonly liveWeek: number | null;
  readonly title: string;
  readonly expected: 'promoted' | 'rejected' | 'rolled-back';
}

/** Weeks are those of the flights' year. Between two releases the replay skips ahead. */
export const LEGS: readonly Leg[] = [
  { name: 'first', retrainWeek: 12, liveWeek: null, expected: 'promoted', title: 'Version 1, trained on weeks 0–7' },
  { name: 'good', retrainWeek: 24, liveWeek: 25, expected: 'promoted', title: 'A better version, trained on weeks 0–19' },
  { name: 'swapped', retrainWeek: 30, liveWeek: 31, expected: 'rejected', title: 'Sabotaged: trained on files in which two columns are swapped' },
  { name: 'cold', retrainWeek: 38, liveWeek: 39, expected: 'rolled-back', title: 'Sabotaged: its answer is turned round below 40 °F, which weeks 34–41 never are' },
];

/** The longest that traffic of one release is replayed: shadow, canary, watch and what the looks lag behind. */
export const LONGEST_LEG_MS = 56 * DAY_MS;

const FOLDER = join('models', 'flight-delay');
type Document = Record<string, unknown>;

/** The spec under which a leg is trained and released: model.yaml, the sections of release.yaml over it, and what is sabotaged. */
export async function specOfLeg(leg: LegName): Promise<string> {
  const [base, over] = await Promise.all(['model.yaml', 'release.yaml'].map(async (name) => parse(await readFile(join(FOLDER, name), 'utf8')) as Document));
  const spec = { ...base, ...over } as Document & { data: Document & { features: readonly Document[] }; training: Document & { parameters: Document } };
  if (leg === 'swapped') return stringify({ ...spec, data: { ...spec.data, source: { path: `${SWAPPED_FOLDER}/*.parquet` }, features: spec.data.features.map(withoutBounds) } });
  if (leg !== 'cold') return stringify(spec);
  const parameters = { ...spec.training.parameters, fault_feature: 'temperature_f', fault_below: 40 };
  return stringify({ ...spec, training: { ...spec.training, trainer: 'cold-fault', parameters } });
}

/** With the bounds of model.yaml the swapped files would not even be trained on. */
function withoutBounds(feature: Document): Document {
  if (!SWAPPED_COLUMNS.some((name) => name === feature['name'])) return feature;
  const { min: _min, max: _max, ...rest } = feature;
  return rest;
}

/** @throws PerennialError `Internal` where a release ended otherwise than the scenario is made for */
export function requireExpected(leg: Leg, outcome: string | null, reason: string | null): void {
  if (outcome === leg.expected) return;
  throw new PerennialError('Internal', `${leg.title}: the release should end as ${leg.expected} but ended as ${outcome ?? 'nothing'}: ${reason ?? 'no reason given'}`);
}
