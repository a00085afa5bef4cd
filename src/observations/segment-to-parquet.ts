import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import { PerennialError } from '../contracts/failures.js';
import { type Database, type DatabaseLimits, withDatabase } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import type { ConvertedFile, SegmentConversion } from '../registry/observations.repository.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { EventHours } from './event-hours.js';
import { idFilter } from './id-filter.js';
import { MirrorTable } from './mirror-table.js';
import { type InputField, ObservationTable, type Origin, withinCalendar } from './observation-table.js';
import type { SegmentEntry } from './segment-decoder.js';
import type { MirroredOutput, Observation, ObservationContext } from './segment-format.js';
import { SegmentReader } from './segment-reader.js';
import { reachedLead } from './stream-time.js';

export interface SegmentToConvert extends Origin {
  /** The sealed segment, on this machine. */
  readonly path: string;
  /** The features of a model's spec, by its digest: they name the categories. */
  readonly features: (model: string, specDigest: string) => Promise<readonly FeatureSpec[]>;
  readonly store: Pick<ArtifactStore, 'putFile'>;
  /** A folder for files on the way; what is made in it is removed. */
  readonly workDir: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a segment as Parquet: for each deployment one file of observations and one of mirrored outputs, a row for each
 * row of a request, in the order of the segment. The same segment gives the same bytes, by the same version of DuckDB.
 *
 * Observations: prediction_id, entity_key, event_time and received_at TIMESTAMP in UTC, gateway, boot, segment, sequence, row,
 * version, epoch, revision, role, stale, latency_ms, guard (none, clamped, abstained, fallback), output, raw_output (as the model
 * gave it, also where it was answered so) and inputs, a struct with the features by name: numbers as FLOAT, categories as
 * text, the unknown ones too; NULL where they are missing, and no column where no inputs were kept. An output of NaN is NULL.
 * Mirrored outputs: gateway, boot, segment, sequence, row, version, revision, outcome, reason, latency_ms, output.
 *
 * What stands before damage in the middle of a segment is converted, and the damage is told.
 * @throws what `features` and the store throw; the signal's reason
 */
export async function convertSegment(segment: SegmentToConvert): Promise<SegmentConversion> {
  const workDir = resolve(segment.workDir);
  await mkdir(workDir, { recursive: true });
  const scratch = await mkdtemp(join(workDir, 'segment-'));
  try {
    return await withDatabase({ files: [], scratch, signal: segment.signal, ...(segment.limits && { limits: segment.limits }) }, async (database) => {
      const conversion = new Conversion(segment, database, scratch);
      const damage = await conversion.load();
      return { files: await conversion.write(), damage };
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

class Conversion {
  private readonly deployments = new Map<string, Deployment>();
  private readonly places = new Map<ObservationContext, Place>();
  private readonly byLayout = new Map<string, ObservationTable>();
  private made = 0;
  /** Most entries are of the same deployment as the one before. */
  private last: Deployment | undefined;

  constructor(
    private readonly segment: SegmentToConvert,
    private readonly database: Database,
    private readonly scratch: string,
  ) {}

  /** Fills the tables. @returns where the segment is damaged */
  async load(): Promise<SegmentConversion['damage']> {
    try {
      for await (const entries of new SegmentReader(this.segment.path).entries(this.segment.signal)) {
        for (const entry of entries) {
          const waiting = this.add(entry);
          if (waiting) await waiting;
        }
      }
      return null;
    } catch (error) {
      if (!(error instanceof PerennialError) || error.type !== 'SegmentDamaged') throw error;
      return { position: Number(error.details['position']), reason: String(error.details['reason']) };
    }
  }

  /** By model, deployment and kind. */
  async write(): Promise<ConvertedFile[]> {
    const files: ConvertedFile[] = [];
    for (const [, deployment] of [...this.deployments].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (deployment.observed.rows > 0) files.push(await this.put(deployment, 'observation', selectObservations(deployment, this.segment)));
      if (deployment.mirrors) files.push(await this.put(deployment, 'mirror', selectMirrors(deployment.mirrors, this.segment)));
    }
    return files;
  }

  /** Waits only where something is seen for the first time: most entries are added at once. */
  private add(entry: SegmentEntry): Promise<void> | undefined {
    if (entry.kind === 'mirrored') {
      const deployment = this.deploymentOf(entry.output);
      deployment.mirrored.addMirrored(entry.output);
      if (!deployment.mirrors) return this.firstMirrored(deployment, entry.output);
      deployment.mirrors.add(entry.output);
      return undefined;
    }
    const { observation } = entry;
    const place = this.places.get(observation.context);
    if (!place) return this.firstObserved(observation);
    place.deployment.observed.addObserved(observation);
    place.table.add(observation);
    return undefined;
  }

  private async firstMirrored(deployment: Deployment, output: MirroredOutput): Promise<void> {
    deployment.mirrors = await MirrorTable.create(this.database, `mirrored${(this.made += 1)}`);
    deployment.mirrors.add(output);
  }

  private async firstObserved(observation: Observation): Promise<void> {
    const { context } = observation;
    const layout = JSON.stringify([context.model, context.deployment, context.specDigest, context.features, context.observeInputs]);
    const table = this.byLayout.get(layout) ?? (await this.newTable(layout, context));
    this.places.set(context, { table, deployment: this.deploymentOf(context) });
    table.add(observation);
    this.deploymentOf(context).observed.addObserved(observation);
  }

  private async newTable(layout: string, context: ObservationContext): Promise<ObservationTable> {
    const features = context.observeInputs ? await this.segment.features(context.model, context.specDigest) : [];
    const table = await ObservationTable.create(this.database, `observed${(this.made += 1)}`, context, features);
    this.byLayout.set(layout, table);
    this.deploymentOf(context).tables.push(table);
    return table;
  }

  private deploymentOf({ model, deployment }: { readonly model: string; readonly deployment: string }): Deployment {
    const last = this.last;
    if (last?.model === model && last.deployment === deployment) return last;
    const name = `${model}/${deployment}`;
    const known = this.deployments.get(name);
    if (known) return (this.last = known);
    const added: Deployment = { model, deployment, tables: [], mirrors: undefined, observed: new RowSpan(), mirrored: new RowSpan() };
    this.deployments.set(name, added);
    return (this.last = added);
  }

  private async put({ model, deployment, observed, mirrored }: Deployment, kind: ConvertedFile['kind'], select: string): Promise<ConvertedFile> {
    const path = join(this.scratch, `${(this.made += 1)}.parquet`);
    await this.database.run(`COPY (${select}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
    const filter = kind === 'observation' ? { idFilter: await idFilter(this.database, path, observed.rows) } : {};
    const { digest, bytes } = await this.segment.store.putFile(path);
    await rm(path);
    return { model, deployment, kind, digest, bytes, ...(kind === 'observation' ? observed : mirrored).facts(), ...filter };
  }
}

/** Where the observations of a context go. */
interface Place {
  readonly table: ObservationTable;
  readonly deployment: Deployment;
}

interface Deployment {
  readonly model: string;
  readonly deployment: string;
  readonly tables: ObservationTable[];
  mirrors: MirrorTable | undefined;
  readonly observed: RowSpan;
  readonly mirrored: RowSpan;
}

function selectObservations({ tables }: Deployment, origin: Origin): string {
  for (const table of tables) table.close();
  const fields = unitedFields(tables.map((table) => table.fields()));
  return tables.map((table) => table.select(origin, fields.length > 0 ? fields : undefined)).join('\nUNION ALL\n');
}

function selectMirrors(mirrors: MirrorTable, origin: Origin): string {
  mirrors.close();
  return mirrors.select(origin);
}

/** Every feature of any spec; one that is a number here and a category there is text. */
function unitedFields(lists: readonly (readonly InputField[])[]): Pick<InputField, 'name' | 'type'>[] {
  const united = new Map<string, Pick<InputField, 'name' | 'type'>>();
  for (const { name, type } of lists.flat()) {
    const before = united.get(name.toLowerCase());
    united.set(name.toLowerCase(), { name: before?.name ?? name, type: before && before.type !== type ? 'VARCHAR' : type });
  }
  return [...united.values()];
}

/** Counts rows, and where they lie. */
class RowSpan {
  rows = 0;
  private readonly sequence = new Extremes();
  private readonly event = new Extremes();
  private newestReceivedMs = -Infinity;
  private readonly leads: number[] = [];
  private readonly hours = new EventHours();

  addObserved({ rows, sequence, eventTimeMs, perRow, receivedAtMs }: Observation): void {
    this.rows += rows;
    this.sequence.add(sequence);
    for (let row = 0; row < rows; row++) {
      const event = withinCalendar(perRow?.eventTimesMs?.[row] ?? eventTimeMs);
      this.event.add(event);
      this.hours.add(event);
      this.leads.push(event - receivedAtMs);
    }
    this.newestReceivedMs = Math.max(this.newestReceivedMs, receivedAtMs);
  }

  addMirrored({ rows, sequence }: MirroredOutput): void {
    this.rows += rows;
    this.sequence.add(sequence);
  }

  facts(): Omit<ConvertedFile, 'model' | 'deployment' | 'kind' | 'digest' | 'bytes'> {
    const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
    return {
      rows: this.rows, firstSequence: this.sequence.least, lastSequence: this.sequence.most,
      firstEventMs: finite(this.event.least), lastEventMs: finite(this.event.most), newestReceivedMs: finite(this.newestReceivedMs), leadMs: reachedLead(Float64Array.from(this.leads)),
      eventHours: this.hours.hours(),
    };
  }
}

class Extremes {
  least = Infinity;
  most = -Infinity;

  add(value: number): void {
    if (value < this.least) this.least = value;
    if (value > this.most) this.most = value;
  }
}
