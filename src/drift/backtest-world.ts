import { join } from 'node:path';
import { durationMs, firstAtLeast } from '../contracts/time.js';
import { withDatabase } from '../data/duckdb.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import { copyStaged, type StagedRows } from '../data/staged-rows.js';
import { predictEveryRow } from '../evaluation/scoring.js';
import { timestamp } from '../observations/observation-rows.js';
import type { BacktestPlace, BacktestTrainings, TrainedVersion } from './backtest-trainings.js';
import { DriftMeter } from './drift-meter.js';
import type { AnsweredRows, AskedTraining, JudgedTraining, ReplayVersion, ReplayWorld } from './policy-replay.js';
import { measureWindowDrift, type WindowDrift } from './window-drift.js';
import type { EventStretch } from './window-grid.js';

interface Played {
  readonly rows: StagedRows;
  readonly windows: readonly EventStretch[];
  readonly first: TrainedVersion;
}

/**
 * The rows of a source as if they were asked of a deployment: each version answers them through ONNX Runtime, and their inputs are compared as those of the
 * observation log. What was measured once is kept.
 */
export class BacktestWorld implements ReplayWorld {
  readonly windows: readonly EventStretch[];
  readonly labelHorizonMs: number;
  readonly first: ReplayVersion;
  private readonly rows: StagedRows;
  /** The first row that is answered. */
  private readonly begin: number;
  private readonly meter = new DriftMeter();
  private readonly outputs = new Map<number, Promise<Float32Array>>();
  private readonly drifts = new Map<string, Promise<WindowDrift>>();
  private readonly observed = new Map<number, Promise<string>>();
  private answeredFile: Promise<string> | undefined;

  constructor(
    private readonly place: BacktestPlace,
    private readonly trainings: BacktestTrainings,
    { rows, windows, first }: Played,
  ) {
    this.rows = rows;
    this.windows = windows;
    this.first = first;
    this.labelHorizonMs = durationMs(place.spec.data.labelHorizon) as number;
    this.begin = firstAtLeast(rows.eventTimesMs, windows[0]!.fromMs);
  }

  async answer(version: ReplayVersion, { fromMs, untilMs }: EventStretch): Promise<AnsweredRows> {
    const { eventTimesMs, labels } = this.rows;
    const [from, until] = [firstAtLeast(eventTimesMs, fromMs), firstAtLeast(eventTimesMs, untilMs)];
    const outputs = await kept(this.outputs, version.number, () => this.outputsOf(version));
    return { outputs: outputs.subarray(from - this.begin, until - this.begin), labels: labels.subarray(from, until), eventTimesMs: eventTimesMs.subarray(from, until) };
  }

  drift(version: ReplayVersion, window: EventStretch, before: EventStretch | null): Promise<WindowDrift> {
    // Inputs that are not kept are compared with nothing.
    if (!this.place.spec.serving.observe.inputs) return Promise.resolve({ features: [], changes: null });
    return kept(this.drifts, `${version.number}/${window.fromMs}/${before?.fromMs ?? ''}`, () => this.measureDrift(version, window, before));
  }

  retrain(asked: AskedTraining): Promise<JudgedTraining> {
    return this.trainings.retrain(asked);
  }

  private async measureDrift(version: ReplayVersion, window: EventStretch, before: EventStretch | null): Promise<WindowDrift> {
    const { spec, store, workDir: scratch, signal } = this.place;
    const baseline = await store.localPath(this.trained(version).snapshot.manifest.evaluation.artifact.digest);
    const inputsOf = async (stretch: EventStretch) => ({ ...stretch, files: { observations: [await this.observations(stretch)], labels: [] } });
    return measureWindowDrift(this.meter, { ...(await inputsOf(window)), scratch, signal, features: spec.data.features, baseline, before: before && (await inputsOf(before)) });
  }

  /** Every row that is answered, in the order of the rows. */
  private async outputsOf(version: ReplayVersion): Promise<Float32Array> {
    const { spec, workDir, signal } = this.place;
    const { modelPath, modelDigest } = this.trained(version);
    this.answeredFile ??= this.writeAnswered();
    return predictEveryRow({ modelPath, modelDigest, spec, workDir, signal, parquetPath: await this.answeredFile });
  }

  private writeAnswered(): Promise<string> {
    return this.write('answered', { fromMs: this.windows[0]!.fromMs, untilMs: this.windows.at(-1)!.untilMs }, '*');
  }

  /** The inputs of a window as the observation log has them, each row a prediction of its own. */
  private observations(window: EventStretch): Promise<string> {
    return kept(this.observed, window.fromMs, () => {
      const { eventTime, features } = this.place.spec.data;
      const inputs = features.map(({ name, type }) => `${quoteIdentifier(name)} := CAST(${quoteIdentifier(name)} AS ${type === 'category' ? 'VARCHAR' : 'DOUBLE'})`);
      const time = quoteIdentifier(eventTime);
      return this.write(`observed-${window.fromMs}`, window,
        `CAST(row_number() OVER () AS VARCHAR) AS prediction_id, NULL::VARCHAR AS entity_key, ${time} AS event_time, ${time} AS received_at, '' AS gateway, '' AS boot,
         row_number() OVER ()::BIGINT AS sequence, 0::INTEGER AS row, struct_pack(${inputs.join(', ')}) AS inputs`);
    });
  }

  private async write(name: string, { fromMs, untilMs }: EventStretch, select: string): Promise<string> {
    const { spec, workDir, signal } = this.place;
    const [to, time] = [join(workDir, `${name}.parquet`), quoteIdentifier(spec.data.eventTime)];
    const condition = `${time} >= ${timestamp(fromMs)} AND ${time} < ${timestamp(untilMs)}`;
    await withDatabase({ files: [this.rows.path], scratch: workDir, signal }, (database) => copyStaged(database, { from: this.rows.path, to, select, condition }));
    return to;
  }

  private trained({ number }: ReplayVersion): TrainedVersion {
    return this.trainings.versions[number - 1]!;
  }
}

/** What the map holds under the key, made where it is not there. */
function kept<Key, Value>(map: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>): Promise<Value> {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
