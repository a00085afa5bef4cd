import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FolderStore } from '../../artifacts/folder-store.js';
import { PerennialError } from '../../contracts/failures.js';
import type { GivenLabel, LoggedPrediction, LookIn, MirroredPrediction } from '../../observations/logged-prediction.js';
import type { ObservationFile } from '../../registry/entities/observation.entity.js';
import type { LabelsRepository } from '../../registry/labels.repository.js';
import type { PredictionQuery, PredictionsRepository } from '../../registry/predictions.repository.js';

/** One answer that was given under an id. */
export interface FoundPrediction {
  readonly model: string;
  readonly deployment: string;
  readonly logged: LoggedPrediction;
  readonly mirrored: readonly MirroredPrediction[];
  /** In the order in which they count: the last one does. */
  readonly labels: readonly GivenLabel[];
  /** Of what some files could not be read. */
  readonly lacks: readonly Exclude<UnreadFile['kind'], 'observations'>[];
}

/** A file of evidence that could not be read. */
export interface UnreadFile {
  readonly kind: 'observations' | 'mirrored' | 'labels';
  readonly model: string;
  readonly deployment: string;
  readonly digest: string;
  /** `deleted`: by the retirement of its model, when its time had come. */
  readonly because: 'deleted' | 'missing' | 'damaged';
}

export interface Search {
  /** By model, deployment and receipt. */
  readonly found: readonly FoundPrediction[];
  /** Files that may hold the id, those among them of before there were filters, and those that were not looked into. */
  readonly read: number;
  readonly unfiltered: number;
  readonly left: number;
  /** Each file once. */
  readonly unread: readonly UnreadFile[];
}

/** A few files of one prediction: small beside what serves the other requests of the process. */
const LIMITS = { memoryMb: 256, threads: 1 };
/** Files of labels that are read for one prediction, the newest: those whose event times are not known belong to any. */
const MOST_LABEL_FILES = 1_000;

interface Place {
  readonly file: ObservationFile;
  readonly logged: LoggedPrediction;
}

/** Reads predictions where they were logged, one request at a time. DuckDB is loaded when the first one comes (docs/adr/0007-the-api-reads-one-prediction.md). */
export class DecisionReader {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly predictions: PredictionsRepository,
    private readonly labels: LabelsRepository,
    private readonly store: FolderStore,
  ) {}

  /** @param signal fires when nobody waits for the answer any more */
  async search(query: PredictionQuery, signal: AbortSignal): Promise<Search> {
    const turn = this.last.then(() => this.searchNow(query, signal));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async searchNow(query: PredictionQuery, signal: AbortSignal): Promise<Search> {
    signal.throwIfAborted();
    const { filtered, unfiltered, left } = await this.predictions.candidates(query);
    const scratch = await mkdtemp(join(tmpdir(), 'perennial-decision-'));
    try {
      const look = { scratch, limits: LIMITS, signal };
      const looked = await this.lookInto([...filtered, ...unfiltered], query.id, look);
      const completed: { found: FoundPrediction; unread: readonly FaultyFile[] }[] = [];
      for (const place of looked.places.sort(byReceipt)) completed.push(await this.complete(place, query.id, look));
      const unread = await this.withDeletions([...looked.unread, ...completed.flatMap((one) => one.unread)]);
      return { found: completed.map(({ found }) => found), read: filtered.length + unfiltered.length, unfiltered: unfiltered.length, left, unread };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  private async lookInto(files: readonly ObservationFile[], id: string, look: LookIn): Promise<{ places: Place[]; unread: FaultyFile[] }> {
    const { predictionsIn } = await import('../../observations/logged-prediction.js');
    const { byPath, unread } = await this.stored('observations', files);
    const { predictions, unreadable } = await predictionsIn([...byPath.keys()], id, look);
    return { places: predictions.map(({ path, logged }) => ({ file: byPath.get(path) as ObservationFile, logged })), unread: [...unread, ...damaged('observations', byPath, unreadable)] };
  }

  private async complete({ file, logged }: Place, id: string, look: LookIn): Promise<{ found: FoundPrediction; unread: readonly FaultyFile[] }> {
    const { labelsOf, mirroredOf } = await import('../../observations/logged-prediction.js');
    const { model, deployment } = file;
    const mirrors = await this.stored('mirrored', await this.predictions.mirrors(file, logged.sequence));
    const mirrored = await mirroredOf(logged, [...mirrors.byPath.keys()], look);
    const files = await this.labels.files(model, deployment, { fromMs: logged.eventTimeMs, untilMs: logged.eventTimeMs + 1 });
    const brought = await this.stored('labels', files.slice(-MOST_LABEL_FILES));
    const labels = await labelsOf(id, logged, [...brought.byPath.keys()], look);
    const unread = [...mirrors.unread, ...damaged('mirrored', mirrors.byPath, mirrored.unreadable), ...brought.unread, ...damaged('labels', brought.byPath, labels.unreadable)];
    const lacks = (['mirrored', 'labels'] as const).filter((kind) => unread.some((one) => one.kind === kind));
    return { found: { model, deployment, logged, mirrored: mirrored.rows, labels: labels.rows, lacks }, unread };
  }

  /** Files by their paths on this machine: one that is gone, or holds other bytes, must not hide what the others hold. */
  private async stored<T extends FileOfModel>(kind: UnreadFile['kind'], files: readonly T[]): Promise<{ byPath: Map<string, T>; unread: FaultyFile[] }> {
    const byPath = new Map<string, T>();
    const unread: FaultyFile[] = [];
    for (const file of files) {
      const path = await this.store.localPath(file.digest).catch((error: unknown) => {
        if (!(error instanceof PerennialError)) throw error;
        unread.push(faulty(kind, file, error.type === 'ArtifactMissing' ? 'missing' : 'damaged'));
      });
      if (path !== undefined) byPath.set(path, file);
    }
    return { byPath, unread };
  }

  /** Each file once, with those that nobody has to look for. */
  private async withDeletions(files: readonly FaultyFile[]): Promise<UnreadFile[]> {
    const unread = [...new Map(files.map((file) => [`${file.kind}/${file.model}/${file.deployment}/${file.digest}`, file])).values()];
    const deleted = await this.predictions.deletedOf(unread);
    return unread.map((file) => (file.because === 'missing' && deleted.has(`${file.model}/${file.digest}`) ? { ...file, because: 'deleted' } : file));
  }
}

type FileOfModel = Pick<ObservationFile, 'model' | 'deployment' | 'digest'>;
type FaultyFile = UnreadFile & { readonly because: 'missing' | 'damaged' };

const faulty = (kind: UnreadFile['kind'], { model, deployment, digest }: FileOfModel, because: FaultyFile['because']): FaultyFile => ({ kind, model, deployment, digest, because });

const damaged = (kind: UnreadFile['kind'], byPath: ReadonlyMap<string, FileOfModel>, paths: readonly string[]): FaultyFile[] => paths.map((path) => faulty(kind, byPath.get(path) as FileOfModel, 'damaged'));

/** As everything else counts predictions that were asked for again (observation-rows.ts). */
const orderOf = ({ file: { model, deployment }, logged: { receivedAtMs, gateway, boot, sequence, row } }: Place): (string | number)[] => [model, deployment, receivedAtMs, gateway, boot, sequence, row];

function byReceipt(a: Place, b: Place): number {
  const [one, other] = [orderOf(a), orderOf(b)];
  const differs = one.findIndex((part, index) => part !== other[index]);
  return differs < 0 ? 0 : one[differs]! < other[differs]! ? -1 : 1;
}
