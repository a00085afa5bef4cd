import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { isMade, obtainArchive, putInPlace, quoted, recipeDigest, runPython, writeRecipe } from '../source-archive.mjs';

/** People of Massachusetts in the American Community Survey of 2015 to 2018, as the wheel ships them; Apache-2.0. */
const PACKAGE = 'nannyml';
const VERSION = '0.13.1';
const ARCHIVE = {
  subject: 'employment data', package: PACKAGE, version: VERSION, file: `${PACKAGE}-${VERSION}-py3-none-any.whl`, megabytes: 23,
  sha256: 'cf5f4a33489834ae6773cb1baa33a0f98c0a3ee6ed9b43049478b25ce22fe869', pip: ['--only-binary', ':all:'],
};
const FIRST_YEAR = 2015;
const YEARS = 4;

/**
 * Makes `<dataDir>/employment/<year>.parquet`, one row a person: what the survey asked, and `employed`. The survey tells of a person only the year;
 * `asked_at` puts the people of a year evenly into it, in the order of the file, in which households stand together. `age_band` is made of the age.
 *
 * @param {object} options
 * @param {string} options.dataDir folder that data sources lie in
 * @param {string} [options.python] a Python ≥ 3.11 with pip
 * @param {(line: string) => void} [options.log]
 * @returns {Promise<{ folder: string, made: boolean }>}
 * @throws {Error} that says what is missing and what to do
 */
export async function prepareEmployment({ dataDir, python = 'python3', log = () => {} }) {
  const root = resolve(dataDir);
  const folder = join(root, 'employment');
  const recipe = await recipeDigest(import.meta.url);
  if (await isMade(folder, recipe, YEARS)) return { folder, made: false };

  const archive = await obtainArchive(ARCHIVE, { downloads: join(root, 'downloads'), python, log });
  const scratch = join(root, `.employment-${randomUUID()}`);
  try {
    await mkdir(scratch, { recursive: true });
    await runPython(python, ['-m', 'zipfile', '-e', archive, scratch], 60_000);
    const made = join(scratch, 'employment');
    await mkdir(made);
    await writeParquet(join(scratch, PACKAGE, 'datasets', 'data'), made);
    await writeRecipe(made, recipe, ARCHIVE);
    await putInPlace(made, folder, { recipe, files: YEARS, scratch });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { folder, made: true };
}

/** @param {string} data @param {string} folder */
async function writeParquet(data, folder) {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' });
  const connection = await instance.connect();
  const part = (/** @type {string} */ name) => `read_parquet(${quoted(join(data, `employment_MA_${name}.pq`))})`;
  try {
    await connection.run(`
      CREATE TABLE people AS
      SELECT * EXCLUDE (prediction, predicted_probability) FROM ${part('reference')}
      UNION ALL BY NAME
      SELECT people.* EXCLUDE (prediction, predicted_probability), truth.employed FROM ${part('analysis')} AS people JOIN ${part('analysis_target')} AS truth USING (id)`);
    for (let year = FIRST_YEAR; year < FIRST_YEAR + YEARS; year++) {
      await connection.run(`COPY (${rowsOf(year)}) TO ${quoted(join(folder, `${year}.parquet`))} (FORMAT parquet, COMPRESSION zstd)`);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** @param {number} year */
const rowsOf = (year) => `
  SELECT 'person-' || id AS person_id,
    make_timestamp(${year}, 1, 1, 0, 0, 0) + to_microseconds(((row_number() OVER (ORDER BY id) - 1) / count(*) OVER () * ${daysOf(year)} * 86400000000)::BIGINT) AS asked_at,
    employed = 1 AS employed, AGEP AS age, CASE WHEN AGEP < 25 THEN 'under 25' WHEN AGEP < 55 THEN '25 to 54' ELSE '55 and over' END AS age_band,
    SCHL AS schooling, MAR AS marital, RELP AS relationship, DIS AS disability, ESP AS parents, CIT AS citizenship, MIG AS migration, MIL AS military, ANC AS ancestry,
    NATIVITY AS nativity, DEAR AS hearing, DEYE AS vision, DREM AS cognition, CASE SEX WHEN '1' THEN 'male' ELSE 'female' END AS sex, RAC1P AS race
  FROM people WHERE year = ${year} ORDER BY asked_at`;

/** @param {number} year */
const daysOf = (year) => (year % 4 === 0 ? 366 : 365);
