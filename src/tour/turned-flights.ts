import type { Environment } from '../config/environment.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import { type Stretch, TURNED_FOLDER } from './monitor-scenario.js';
import { remakeFlights } from './remade-flights.js';

/** What is made up in the flights of 2013: a stretch whose temperatures come in Celsius, and a time from which the flights out of one airport turn round. */
export interface MadeUp {
  readonly celsius: Stretch;
  readonly turnedFromMs: number;
  readonly turnedOrigin: string;
}

/** Makes the flights' files again with what is made up in them: they are the traffic, and the data that a retrain would learn from. */
export async function prepareTurnedFlights(environment: Environment, { celsius, turnedFromMs, turnedOrigin }: MadeUp): Promise<void> {
  const at = (ms: number): string => `make_timestamp(${ms * 1_000})`;
  const inCelsius = `predicted_at >= ${at(celsius.fromMs)} AND predicted_at < ${at(celsius.untilMs)}`;
  const turned = `predicted_at >= ${at(turnedFromMs)} AND origin = ${quoteLiteral(turnedOrigin)}`;
  await remakeFlights(environment, TURNED_FOLDER,
    `CASE WHEN ${inCelsius} THEN (temperature_f - 32) / 1.8 ELSE temperature_f END AS temperature_f, CASE WHEN ${turned} THEN NOT late ELSE late END AS late`);
}
