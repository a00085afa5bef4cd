import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderStore } from '../artifacts/folder-store.js';
import { normalizeLabels } from '../observations/label-batch.js';
import type { ObservationPaths, TimeRange } from '../observations/observation-rows.js';
import { SegmentEncoder } from '../observations/segment-encoder.js';
import type { Observation, ObservationContext, UnknownCategory } from '../observations/segment-format.js';
import { convertSegment } from '../observations/segment-to-parquet.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { madeUpLabel, madeUpOutput, madeUpValue, type Quality } from './synthetic-window.js';

export interface SyntheticRequest {
  readonly spec: ModelSpec;
  readonly specDigest: string;
  readonly deployment: string;
  readonly quality: Quality;
  /** A folder of its own, which stays the caller's to remove. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

/** A window as {@link lookAtWindow} reads it. */
export interface SyntheticWindow extends TimeRange {
  readonly files: Pick<ObservationPaths, 'observations' | 'labels'>;
}

/** Enough for every limit to be broken beyond doubt, even one of four thousand. */
const REQUESTS = 10;
const ROWS_A_REQUEST = 100;
const ORIGIN = { gateway: 'made-up', boot: 'made-up', segment: 1 } as const;
const FROM_MS = Date.UTC(2000, 0, 1);
const SECOND_MS = 1_000;

/**
 * Writes a window of made-up predictions the way that real ones take: a gateway's frames in a segment, made into Parquet, and labels in a batch, made
 * into labels that count. The same spec gives the same bytes.
 */
export async function writeSyntheticWindow(request: SyntheticRequest): Promise<SyntheticWindow> {
  const { folder } = request;
  await mkdir(folder, { recursive: true });
  const observations = await observed(request);
  return { fromMs: FROM_MS, untilMs: FROM_MS + REQUESTS * SECOND_MS, files: { observations, labels: [await labelled(request)] } };
}

async function observed({ spec, specDigest, deployment, quality, folder, signal }: SyntheticRequest): Promise<string[]> {
  const { features } = spec.data;
  const context: ObservationContext = {
    model: spec.model, deployment, revision: 1, epoch: 1, version: 1, role: 'champion', specDigest, features: features.map(({ name }) => name), observeInputs: spec.serving.observe.inputs,
  };
  const encoder = new SegmentEncoder();
  encoder.startSegment({ ...ORIGIN, openedAtMs: FROM_MS, writer: { host: ORIGIN.gateway, pid: 0, started: null } });
  for (let request = 0; request < REQUESTS; request++) encoder.observation(observation(spec, context, quality, request));
  const path = join(folder, 'segment');
  await writeFile(path, encoder.view());
  const store = new FolderStore(join(folder, 'store'));
  const { files } = await convertSegment({ ...ORIGIN, path, features: async () => features, store, workDir: folder, signal });
  return Promise.all(files.map(({ digest }) => store.localPath(digest)));
}

function observation(spec: ModelSpec, context: ObservationContext, quality: Quality, request: number): Observation {
  const inputs = context.observeInputs ? madeUpInputs(spec, quality) : { features: null, unknown: [] };
  const at = FROM_MS + request * SECOND_MS;
  return {
    ...inputs, context, sequence: request + 1, predictionId: idOf(request), entityKey: null, eventTimeMs: at, perRow: null, receivedAtMs: at, latencyMs: 1, stale: false, rows: ROWS_A_REQUEST,
    outputs: Float32Array.from({ length: ROWS_A_REQUEST }, (_, row) => madeUpOutput(spec, quality, row)), rawOutputs: null, guards: null,
  };
}

function madeUpInputs({ data: { features: specs } }: ModelSpec, quality: Quality): Pick<Observation, 'features' | 'unknown'> {
  const features = new Float32Array(ROWS_A_REQUEST * specs.length).fill(NaN);
  const unknown: UnknownCategory[] = [];
  for (let row = 0; row < ROWS_A_REQUEST; row++) {
    for (const [feature, spec] of specs.entries()) {
      const value = madeUpValue(spec, quality, row);
      if (typeof value === 'number') features[row * specs.length + feature] = value;
      else unknown.push({ row, feature, text: value.unknown });
    }
  }
  return { features, unknown };
}

async function labelled({ spec, folder, signal }: SyntheticRequest): Promise<string> {
  const [path, target] = [join(folder, 'labels.ndjson'), join(folder, 'labels.parquet')];
  const lines = Array.from({ length: REQUESTS * ROWS_A_REQUEST }, (_, index) => {
    const row = index % ROWS_A_REQUEST;
    return `${JSON.stringify({ prediction_id: `${idOf((index - row) / ROWS_A_REQUEST)}/${row}`, label: madeUpLabel(row) })}\n`;
  });
  await writeFile(path, lines.join(''));
  await normalizeLabels({ path, format: 'ndjson', batch: 1, receivedAtMs: FROM_MS + REQUESTS * SECOND_MS, task: spec.task, target, scratch: folder, ...(signal ? { signal } : {}) });
  return target;
}

const idOf = (request: number): string => `made-up-${request}`;
