import type { Environment } from '../config/environment.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import { SWAPPED_COLUMNS, SWAPPED_FOLDER } from './release-scenario.js';
import { remakeFlights } from './remade-flights.js';

/** Makes the flights' files again with two columns swapped: what a careless join leaves behind. */
export async function prepareSwappedFlights(environment: Environment): Promise<void> {
  const [one, other] = SWAPPED_COLUMNS.map(quoteIdentifier);
  await remakeFlights(environment, SWAPPED_FOLDER, `${one} AS ${other}, ${other} AS ${one}`);
}
