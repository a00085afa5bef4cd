import { join } from 'node:path';
import { fileList, withDatabase } from '../../src/data/duckdb.js';
import { DriftMeter } from '../../src/drift/drift-meter.js';
import { FEATURES, timed, TOUCHED } from './comparisons.js';

/** Windows of a fleet, one after the other: `node measure-fleet.js <drift or scan> <windows> <scratch> <folder of a model> …`; the folders take turns. */
const [what, windows, scratch, ...folders] = process.argv.slice(2) as [string, string, string, ...string[]];
const filesOf = (window: number): [string, string] => {
  const folder = folders[window % folders.length]!;
  return [join(folder, 'reference.parquet'), join(folder, 'current.parquet')];
};

const meter = new DriftMeter();
async function measure(window: number): Promise<void> {
  const [baseline, current] = filesOf(window);
  await meter.measure({ baseline: [baseline], window: [current], features: FEATURES, scratch });
}

async function scan(window: number): Promise<void> {
  const files = filesOf(window);
  await withDatabase({ files, scratch }, async (database) => {
    for (const file of files) await database.rows(`SELECT ${TOUCHED} FROM read_parquet(${fileList([file])})`);
  });
}

const one = what === 'drift' ? measure : scan;
// A worker has measured windows before.
for (let window = 0; window < folders.length; window++) await one(window);
const { seconds } = await timed(async () => {
  for (let window = 0; window < Number(windows); window++) await one(window);
});
console.log(JSON.stringify({ seconds }));
