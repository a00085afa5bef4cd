import { rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import type { ObservationsRepository } from '../registry/observations.repository.js';
import { causeOf, type GatewayLog } from './gateway-log.js';
import type { OpenSegment } from './open-segment.js';
import type { SegmentFacts } from './segment-facts.js';
import { gatewayFolders, maybeAlive, SEALED, type SegmentFile, segmentsIn } from './segment-folder.js';
import { headerOf, scanSegment, sealLeftovers } from './segment-recovery.js';

export interface SegmentDestination {
  readonly store: Pick<ArtifactStore, 'putFile'>;
  readonly record: Pick<ObservationsRepository, 'registerSegment'>;
  /** Pause after a failure, doubled up to the longest. Default: 250 ms to 30 s. */
  readonly retry?: { readonly firstMs: number; readonly maxMs: number };
}

export interface UploaderPlace {
  /** Folders of every gateway of this machine. */
  readonly root: string;
  /** The own one. */
  readonly folder: string;
  readonly boot: string;
  /** See `maybeAlive`. */
  readonly quietMs: number;
  /** Called when a file was removed. */
  readonly onRemoved: () => void;
}

interface Known extends SegmentFacts {
  readonly gateway: string;
}

const RETRY = { firstMs: 250, maxMs: 30_000 };
/** How often it looks for what gateways left that do not come back. */
const ORPHANS_MS = 60_000;

/**
 * Brings sealed segments into the artifact store and the record, then removes them. Each step may be done twice with the
 * same result, so it may be killed between any two: the store goes by content, the record by (gateway, boot, segment).
 */
export class SegmentUploader {
  private readonly stopping = new AbortController();
  private readonly known = new Map<string, Known>();
  private wakeUp: () => void = () => undefined;
  private loop: Promise<void> | undefined;
  private orphansAt = 0;
  private toldAway = false;

  constructor(
    private readonly place: UploaderPlace,
    private readonly destination: SegmentDestination,
    private readonly log: GatewayLog,
  ) {}

  start(): void {
    this.loop ??= this.run();
  }

  /** A segment was sealed by this process, which mostly knows what is in it. */
  offer(path: string, gateway: string, { tally, exact }: Pick<OpenSegment, 'tally' | 'exact'>): void {
    if (exact) this.known.set(path, { gateway, ...tally.facts() });
    this.wakeUp();
  }

  /** Goes on for at most `withinMs`, as long as something waits and nothing fails. */
  async close(withinMs: number): Promise<void> {
    const last = new AbortController();
    const deadline = sleep(withinMs, undefined, { signal: last.signal }).catch(() => undefined);
    this.stopping.abort();
    this.wakeUp();
    const orderly = (async () => {
      await this.loop;
      if (!this.toldAway) await this.round(this.place.folder).catch(() => undefined);
    })();
    await Promise.race([orderly, deadline]);
    last.abort();
  }

  private async run(): Promise<void> {
    const { firstMs, maxMs } = this.destination.retry ?? RETRY;
    let delayMs = firstMs;
    while (!this.stopping.signal.aborted) {
      const woken = new Promise<void>((resolve) => (this.wakeUp = resolve));
      try {
        await this.round(this.place.folder);
        await this.adoptOrphans();
        this.tellBack();
        delayMs = firstMs;
        await this.rest(woken, ORPHANS_MS);
      } catch (error) {
        this.tellAway(error);
        await this.rest(undefined, delayMs);
        delayMs = Math.min(delayMs * 2, maxMs);
      }
    }
  }

  /** Uploads what is sealed in a folder, the oldest first. */
  private async round(folder: string, mine: (file: SegmentFile) => Promise<boolean> = async () => true): Promise<void> {
    const files = segmentsIn(folder).filter(({ state }) => state === SEALED).sort((a, b) => a.changedAtMs - b.changedAtMs || a.segment - b.segment);
    for (const file of files) {
      if (await mine(file)) await this.upload(file).catch((error: unknown) => ignoreGone(error, file.path));
    }
  }

  private async upload(file: SegmentFile): Promise<void> {
    const known = this.known.get(file.path) ?? (await this.scan(file));
    if (!known) return;
    const { digest, bytes } = await this.destination.store.putFile(file.path);
    const { gateway, observations, mirrored, firstEventMs, lastEventMs } = known;
    const outcome = await this.destination.record.registerSegment({
      gateway, boot: file.boot, segment: file.segment, digest, bytes, observations, mirrored, firstEventMs, lastEventMs, sealedAt: new Date(file.changedAtMs),
    });
    if (outcome === 'differs') await this.setAside(file, 'The record holds other bytes under the name of this segment; it was set aside');
    else await rm(file.path, { force: true });
    this.known.delete(file.path);
    this.place.onRemoved();
  }

  private async scan(file: SegmentFile): Promise<Known | undefined> {
    const { header, facts, damage } = await scanSegment(file.path);
    // Damaged or not, its raw bytes are kept: what stands before the fault is converted.
    if (damage) this.log.error({ segment: file.path, ...damage }, 'A segment is damaged');
    if (header) return { gateway: header.gateway, ...facts };
    await this.setAside(file, 'A segment has no header that can be read; it was set aside');
    return undefined;
  }

  private async setAside(file: SegmentFile, why: string): Promise<void> {
    this.log.error({ segment: file.path }, why);
    await rename(file.path, `${file.path.slice(0, -SEALED.length)}.damaged`);
  }

  /** What gateways of other names left on this machine, whose processes are gone. */
  private async adoptOrphans(): Promise<void> {
    if (Date.now() < this.orphansAt) return;
    const { root, folder, boot, quietMs } = this.place;
    for (const other of gatewayFolders(root)) {
      await sealLeftovers(other, boot, quietMs, this.log);
      if (other === folder) continue;
      await this.round(other, async ({ path, changedAtMs }) => {
        const header = await headerOf(path);
        return header !== undefined && !maybeAlive(header.writer, changedAtMs, quietMs);
      });
    }
    await this.round(folder);
    this.orphansAt = Date.now() + ORPHANS_MS;
  }

  private async rest(woken: Promise<void> | undefined, ms: number): Promise<void> {
    const timer = new AbortController();
    const signal = AbortSignal.any([timer.signal, this.stopping.signal]);
    await Promise.race([sleep(ms, undefined, { signal, ref: false }).catch(() => undefined), ...(woken ? [woken] : [])]);
    timer.abort();
  }

  private tellAway(error: unknown): void {
    if (!this.toldAway) this.log.error(causeOf(error), 'Segments of the observation log cannot be uploaded; they wait on the disk');
    this.toldAway = true;
  }

  private tellBack(): void {
    if (this.toldAway) this.log.info({}, 'Segments of the observation log are uploaded again');
    this.toldAway = false;
  }
}

/** Another process that shares the folder was quicker. */
function ignoreGone(error: unknown, path: string): void {
  const { code, path: missing } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' || missing !== path) throw error;
}
