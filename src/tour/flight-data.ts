import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Environment } from '../config/environment.js';
import { PerennialError } from '../contracts/failures.js';

/** What models/flight-delay/prepare-flights.mjs gives; it is part of the example, not of the product. */
interface FlightsModule {
  readonly WEEK_ZERO: string;
  prepareFlights(options: { dataDir: string; python: string; log: (line: string) => void }): Promise<{ folder: string; made: boolean }>;
}

/**
 * Makes the example's data where it is not there yet.
 * @returns when week 0 begins, ISO 8601
 * @throws PerennialError `DependencyUnavailable`
 */
export async function prepareExample(environment: Environment, log: (line: string) => void): Promise<{ weekZero: string }> {
  const path = resolve('models/flight-delay/prepare-flights.mjs');
  const flights = (await import(pathToFileURL(path).href)) as FlightsModule;
  await flights.prepareFlights({ dataDir: environment.DATA_DIR, python: environment.TRAINER_PYTHON, log: (line) => log(`Flights of 2013: ${line}`) }).catch((error: unknown) => {
    throw new PerennialError('DependencyUnavailable', error instanceof Error ? error.message : String(error));
  });
  return { weekZero: flights.WEEK_ZERO };
}

/** The same of models/acs-employment/prepare-employment.mjs. */
interface EmploymentModule {
  prepareEmployment(options: { dataDir: string; python: string; log: (line: string) => void }): Promise<{ folder: string; made: boolean }>;
}

/** Makes the data of the employment example where it is not there yet. @throws PerennialError `DependencyUnavailable` */
export async function prepareEmploymentData(environment: Environment, log: (line: string) => void): Promise<void> {
  const path = resolve('models/acs-employment/prepare-employment.mjs');
  const employment = (await import(pathToFileURL(path).href)) as EmploymentModule;
  await employment.prepareEmployment({ dataDir: environment.DATA_DIR, python: environment.TRAINER_PYTHON, log: (line) => log(`Employment 2015 to 2018: ${line}`) }).catch((error: unknown) => {
    throw new PerennialError('DependencyUnavailable', error instanceof Error ? error.message : String(error));
  });
}
