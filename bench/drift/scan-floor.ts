import { fileList, withDatabase } from '../../src/data/duckdb.js';
import { type Measured, timed, TOUCHED } from './comparisons.js';

/** The floor: DuckDB reads every value of both files with two threads. `node scan-floor.js <reference> <current> <scratch>` */
const [reference, current, scratch] = process.argv.slice(2) as [string, string, string];

const measured = await withDatabase({ files: [reference, current], scratch }, async (database) => {
  const scan = async (): Promise<number> => {
    let rows = 0;
    for (const file of [reference, current]) rows = Number((await database.rows(`SELECT count(*)::DOUBLE AS rows, ${TOUCHED} FROM read_parquet(${fileList([file])})`))[0]!['rows']);
    return rows;
  };
  await scan();
  return timed(scan);
});
console.log(JSON.stringify({ seconds: measured.seconds, rows: measured.value } satisfies Measured));
