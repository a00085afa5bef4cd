import { Injectable } from '@nestjs/common';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { canonicalJson } from '../src/contracts/canonical.js';
import type { ObservedStretch } from '../src/drift/window-parts.js';
import type { ObservationPaths, TimeRange } from '../src/observations/observation-rows.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { type Arrivals, ObservationsRepository } from '../src/registry/observations.repository.js';
import { StoreProvider } from './store-provider.js';

export interface ObservedRange extends TimeRange, Arrivals {
  readonly model: string;
  readonly deployment: string;
}

const AT_ONCE = 8;

/** The files of a stretch of event time that the record knows, as paths on this machine. */
@Injectable()
export class ObservedFiles {
  private readonly store: ArtifactStore;

  constructor(
    private readonly observations: ObservationsRepository,
    private readonly labels: LabelsRepository,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /**
   * What {@link readPairs} reads.
   * @param labelRevision only labels of batches up to this one count; null: all
   */
  async pathsOf(range: ObservedRange, labelRevision: number | null): Promise<ObservationPaths> {
    const mirrors = await this.observations.mirrorFiles(range);
    return { ...(await this.windowPaths(range, labelRevision)), mirrors: await this.local(mirrors) };
  }

  /** The same without what other versions made of it: what {@link withObservedWindow} reads. */
  async windowPaths(range: ObservedRange, labelRevision: number | null): Promise<Pick<ObservationPaths, 'observations' | 'labels'>> {
    const [observations, labels] = await Promise.all([this.observations.observationFiles(range), this.labels.files(range.model, range.deployment, range, labelRevision)]);
    return { observations: await this.local(observations), labels: await this.local(labels) };
  }

  /** Files that come from now on are late for what is read with this moment as `cameBy`. */
  drawLine(model: string, deployment: string): Promise<Date> {
    return this.observations.drawLine(model, deployment);
  }

  /** The files that may hold observations of a stretch, in the order of their first event. */
  async observedIn(range: ObservedRange): Promise<ObservedStretch> {
    const files = await this.observations.observationFiles(range);
    const { fromMs, untilMs } = range;
    return { fromMs, untilMs, observations: files.map(({ digest }) => digest), rowsOfFiles: files.reduce((sum, { rows }) => sum + rows, 0) };
  }

  /**
   * Puts the list of the files that figures of a window are made from into the store: their digests say which bytes these were.
   * @returns the list's digest
   */
  async freeze(range: ObservedRange, labelRevision: number): Promise<string> {
    const [observed, labels] = await Promise.all([this.observations.observationFiles(range), this.labels.files(range.model, range.deployment, range, labelRevision)]);
    const observations = observed.map(({ gateway, boot, segment, digest, rows }) => ({ gateway, boot, segment, digest, rows }));
    return (await this.store.putBytes(canonicalJson({ observations, labels: labels.map(({ batch, digest, rows }) => ({ batch, digest, rows })) }))).digest;
  }

  /** A few at a time: each is checked against its digest when it is first read. */
  async local(files: readonly { readonly digest: string }[]): Promise<string[]> {
    const paths: string[] = [];
    for (let start = 0; start < files.length; start += AT_ONCE) {
      paths.push(...(await Promise.all(files.slice(start, start + AT_ONCE).map(({ digest }) => this.store.localPath(digest)))));
    }
    return paths;
  }
}
