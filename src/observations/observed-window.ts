import { withDatabase, type Database, type DatabaseLimits } from '../data/duckdb.js';
import { observationRelation, observationsWithin, valuesIn, withLabels, type ObservationPaths, type TimeRange } from './observation-rows.js';

export interface ObservedWindowQuery extends TimeRange {
  /** The version whose answers are looked at; null: all that answered. */
  readonly version: number | null;
  readonly files: Pick<ObservationPaths, 'observations' | 'labels'>;
  readonly scratch: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/** SQL over the rows of a window: what the narrow window check counts. */
export interface ObservedWindow {
  /** One row a prediction, those that were asked for again under their id once: an observation's columns, and `label` and `outcome` DOUBLE. */
  readonly relation: string;
  /** The fields of the struct `inputs`; null where no inputs were kept. */
  readonly kept: readonly string[] | null;
}

/** Opens the observations of a window, with the labels that are known for them. @throws PerennialError `DataNotFound`, `DataUnreadable` */
export function withObservedWindow<T>(query: ObservedWindowQuery, work: (database: Database, window: ObservedWindow) => Promise<T>): Promise<T> {
  const { files, scratch, limits, signal } = query;
  return withDatabase({ files: [...files.observations, ...files.labels], scratch, ...(limits ? { limits } : {}), signal }, async (database) => {
    const version = query.version === null ? 'true' : `version = ${query.version}`;
    await database.run(`CREATE TEMP TABLE asked AS SELECT prediction_id, entity_key, event_time_ms, gateway, boot, sequence, row FROM ${observationsWithin(files.observations, query, version)}`);
    const values = await valuesIn(database, files.labels);
    const outcome = values.includes('outcome') ? 'outcome' : 'NULL::DOUBLE AS outcome';
    await database.run(`CREATE TEMP TABLE labelled AS SELECT gateway, boot, sequence, row, label, ${outcome} FROM ${withLabels('asked', files.labels, values)}`);
    const relation = `(SELECT observed.*, labelled.label, labelled.outcome FROM ${observationRelation(files.observations)} AS observed JOIN labelled USING (gateway, boot, sequence, row)) AS observed_window`;
    return work(database, { relation, kept: await keptInputs(database, files.observations) });
  });
}

/** The fields of `inputs` that any of the files has; null where none has inputs. */
export async function keptInputs(database: Database, paths: readonly string[]): Promise<readonly string[] | null> {
  const observed = observationRelation(paths);
  const described = await database.rows(`DESCRIBE SELECT * FROM ${observed}`);
  if (!described.some((column) => column['column_name'] === 'inputs')) return null;
  const fields = await database.rows(`SELECT unnest(struct_keys(inputs)) AS name FROM (SELECT inputs FROM ${observed} WHERE inputs IS NOT NULL LIMIT 1)`);
  return fields.map((row) => String(row['name']));
}
