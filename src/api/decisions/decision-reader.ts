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
}

export interface Search {
  /** By model, deployment and receipt. */
  readonly found: readonly FoundPrediction[];
  /** Files that were read, those among them of before there were filters, those that could not be read, and those that were not looked into. */
  readonly read: number;
  readonly unfiltered: number;
  readonly unreadable: number;
  readonly left: number;
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
      const places = looked.places.sort(byReceipt);
      const found: FoundPrediction[] = [];
      for (const place of places) found.push(await this.complete(place, query.id, look));
      return { found, read: filtered.length + unfiltered.length, unfiltered: unfiltered.length, unreadable: looked.unreadable, left };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  private async lookInto(files: readonly ObservationFile[], id: string, look: LookIn): Promise<{ places: Place[]; unreadable: number }> {
    const { predictionsIn } = await import('../../observations/logged-prediction.js');
    const byPath = new Map<string, ObservationFile>();
    for (const file of files) {
      const path = await this.store.localPath(file.digest).catch(ifStored);
      if (path !== undefined) byPath.set(path, file);
    }
    const { predictions, unreadable } = await predictionsIn([...byPath.keys()], id, look);
    return { places: predictions.map(({ path, logged }) => ({ file: byPath.get(path) as ObservationFile, logged })), unreadable: files.length - byPath.size + unreadable.length };
  }

  private async complete({ file, logged }: Place, id: string, look: LookIn): Promise<FoundPrediction> {
    const { labelsOf, mirroredOf } = await import('../../observations/logged-prediction.js');
    const { model, deployment } = file;
    const mirrors = await this.pathsOf(await this.predictions.mirrors(file, logged.sequence));
    const labels = await this.labels.files(model, deployment, { fromMs: logged.eventTimeMs, untilMs: logged.eventTimeMs + 1 });
    return { model, deployment, logged, mirrored: await mirroredOf(logged, mirrors, look), labels: await labelsOf(id, logged, await this.pathsOf(labels.slice(-MOST_LABEL_FILES)), look) };
  }

  private pathsOf(files: readonly { readonly digest: string }[]): Promise<string[]> {
    return Promise.all(files.map(({ digest }) => this.store.localPath(digest)));
  }
}

/** A file that is gone, or holds other bytes, must not hide what the others hold. */
function ifStored(error: unknown): undefined {
  if (!(error instanceof PerennialError)) throw error;
}

/** As everything else counts predictions that were asked for again (observation-rows.ts). */
const orderOf = ({ file: { model, deployment }, logged: { receivedAtMs, gateway, boot, sequence, row } }: Place): (string | number)[] => [model, deployment, receivedAtMs, gateway, boot, sequence, row];

function byReceipt(a: Place, b: Place): number {
  const [one, other] = [orderOf(a), orderOf(b)];
  const differs = one.findIndex((part, index) => part !== other[index]);
  return differs < 0 ? 0 : one[differs]! < other[differs]! ? -1 : 1;
}
