import { PerennialError } from '../contracts/failures.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import { ParquetRows } from '../evaluation/parquet-rows.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { type BlockCorrelation, blocksOf, binnedValue, binsOf, type FeatureBins, type LossesByBin, LossSums } from './loss-bins.js';
import type { MonitoringPlan } from './monitoring-plan.js';

/** What a window's losses in the bins of a feature are held against; JSON. */
export interface FeatureLosses {
  readonly bins: FeatureBins;
  readonly losses: LossesByBin;
  /** Null where the baseline's blocks are too few to tell it. */
  readonly correlation: BlockCorrelation | null;
}

export interface JudgedLosses {
  /** Of each row that judged the version, in the order of the file (evaluation/scoring.ts); none is NaN. */
  readonly losses: Float64Array;
  readonly eventTimesMs: Float64Array;
}

export interface JudgedFile {
  readonly spec: Pick<ModelSpec, 'task' | 'data' | 'evaluation'>;
  readonly parquetPath: string;
  /** ISO 8601; rows judge when eventTime + labelHorizon ≤ asOf. */
  readonly asOf: string;
  readonly signal: AbortSignal;
}

/**
 * The losses of the rows that judged a version in the bins of each of its features, in the order of the spec. One feature is read at a time, so that memory
 * does not grow with their number.
 * @throws PerennialError `DataUnreadable`, `ScoringFailed` (columns); `Internal` where the rows are not those of the file
 */
export async function baselineLosses(file: JudgedFile, judged: JudgedLosses, plan: MonitoringPlan): Promise<FeatureLosses[]> {
  const { spec: { task, data, evaluation }, parquetPath, asOf } = file;
  const spec = { task, data, evaluation: { ...evaluation, slices: [] } };
  const rows = await ParquetRows.open({ spec }, { parquetPath, select: { kind: 'mature', asOf } });
  const values = new Float32Array(judged.losses.length);
  const blocks = blocksOf(judged.eventTimesMs, plan);
  const center = judged.losses.reduce((sum, loss) => sum + loss, 0) / judged.losses.length;
  try {
    const found: FeatureLosses[] = [];
    for (const feature of data.features) {
      await readValues(rows, feature, values, file.signal);
      const bins = binsOf(feature, values);
      const sums = new LossSums(bins, blocks, center);
      values.forEach((value, row) => sums.add(row, value, judged.losses[row]!));
      found.push({ bins, losses: sums.losses(), correlation: sums.correlation() });
    }
    return found;
  } finally {
    rows.close();
  }
}

async function readValues(rows: ParquetRows, feature: FeatureSpec, into: Float32Array, signal: AbortSignal): Promise<void> {
  let at = 0;
  for await (const { rows: count, features: [column] } of rows.chunks([binnedValue(feature, quoteIdentifier(feature.name))])) {
    signal.throwIfAborted();
    if (at + count > into.length) break;
    into.set(column!.subarray(0, count), at);
    at += count;
  }
  if (at !== into.length) throw new PerennialError('Internal', `The baseline has other rows than the ${into.length} that judged the version`, { rows: into.length });
}
