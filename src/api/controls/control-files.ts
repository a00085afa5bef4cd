import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerennialError } from '../../contracts/failures.js';
import { type ControlMap, parseControlMap } from '../../lifecycle/control-map.js';

/** @throws PerennialError `ConfigurationInvalid`, where the folder cannot be read or a file in it is not valid */
export function readControlMap(folder: string): ControlMap {
  try {
    const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name)).sort();
    return parseControlMap(new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')])));
  } catch (error) {
    if (error instanceof PerennialError) throw error;
    throw new PerennialError('ConfigurationInvalid', `The control map in ${folder} (CONTROLS_DIR) cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
