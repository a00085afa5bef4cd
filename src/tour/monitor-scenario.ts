import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { DAY_MS, WEEK_MS } from './event-days.js';

export const TURNED_FOLDER = 'flights-turned';

/** Event time, milliseconds since 1970; `untilMs` does not belong to it. */
export interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The first week of the traffic, counted from the turn of the year, and how many weekly windows are played. */
const FIRST_WEEK = 24;
export const FLIGHT_WINDOWS = 26;
/** Windows of the traffic, from 0: the one whose temperatures come in Celsius, and the first in which the flights out of Newark are turned round. */
const CELSIUS_WINDOW = 2;
const TURNED_WINDOW = 5;
export const TURNED_ORIGIN = 'EWR';

export interface FlightScenario {
  /** The weekly windows that are played, as monitoring cuts them: weeks counted from 1970. */
  readonly windows: readonly Stretch[];
  readonly celsius: Stretch;
  readonly turnedFromMs: number;
}

/** @param zeroMs when week 0 of the flights begins */
export function flightScenario(zeroMs: number): FlightScenario {
  const firstMs = Math.ceil((zeroMs + FIRST_WEEK * WEEK_MS) / WEEK_MS) * WEEK_MS;
  const windows = Array.from({ length: FLIGHT_WINDOWS }, (_, week) => ({ fromMs: firstMs + week * WEEK_MS, untilMs: firstMs + (week + 1) * WEEK_MS }));
  return { windows, celsius: windows[CELSIUS_WINDOW]!, turnedFromMs: windows[TURNED_WINDOW]!.fromMs };
}

/** The quarters of 2016 to 2018 as monitoring cuts them: thirteen weeks counted from 1970, the first whole one after 2015 on. */
export function employmentWindows(): Stretch[] {
  const [begin, end, lengthMs] = [Date.UTC(2016, 0, 1), Date.UTC(2019, 0, 1), 91 * DAY_MS];
  const firstMs = Math.ceil(begin / lengthMs) * lengthMs;
  const count = Math.floor((end - firstMs) / lengthMs);
  return Array.from({ length: count }, (_, window) => ({ fromMs: firstMs + window * lengthMs, untilMs: firstMs + (window + 1) * lengthMs }));
}

type Document = Record<string, unknown>;

/** The spec of the flights in this tour: model.yaml with the sections of monitor.yaml over it. */
export async function flightSpec(): Promise<string> {
  const folder = join('models', 'flight-delay');
  const [base, over] = await Promise.all(['model.yaml', 'monitor.yaml'].map(async (name) => parse(await readFile(join(folder, name), 'utf8')) as Document));
  return stringify({ ...base, ...over, data: { ...(base!['data'] as Document), source: { path: `${TURNED_FOLDER}/*.parquet` } } });
}

export const employmentSpec = (): Promise<string> => readFile(join('models', 'acs-employment', 'model.yaml'), 'utf8');
