import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../contracts/failures.js';
import type { MirroredOutput, Observation } from '../observations/segment-format.js';
import { SegmentEncoder } from '../observations/segment-encoder.js';
import { causeOf, type GatewayLog } from './gateway-log.js';
import { OpenSegment } from './open-segment.js';
import { bytesIn, gatewayFolder, SEALED, type SegmentFile, segmentsIn, thisWriter } from './segment-folder.js';
import { sealLeftovers } from './segment-recovery.js';
import { type SegmentDestination, SegmentUploader } from './segment-uploader.js';

export interface ObservationLogSettings {
  /** Below it, each gateway has a folder of its own for its segments. */
  readonly folder: string;
  readonly gateway: string;
  /** Unique for each start of the gateway; letters, digits and hyphens. */
  readonly boot: string;
  readonly sealAfterMs: number;
  readonly sealBytes: number;
  /** All that the gateway's folder may hold; past it, observations are shed. */
  readonly maxBytes: number;
  /** Flushed to the disk once a second, or before each append returns. */
  readonly sync: 'second' | 'always';
}

export interface ObservationLogFigures {
  readonly bytesOnDisk: number;
  readonly openBytes: number;
  readonly sealedWaiting: number;
  readonly shedObservations: number;
  readonly shedMirrored: number;
  readonly shedding: boolean;
  readonly lastError: string | null;
  /** When the oldest observation was received that is not on the record yet; Infinity without one, -Infinity where an earlier start left some. */
  readonly oldestUnsentMs: number;
}

export interface ObservationLog {
  /** One write for the turn, before any of its replies leaves. Never throws: what cannot be kept is shed and counted. */
  append(turn: readonly Observation[]): void;
  appendMirrored(outputs: readonly MirroredOutput[]): void;
  figures(): ObservationLogFigures;
  /** Seals, and uploads for a moment; what is left is for the next start. */
  close(): Promise<void>;
}

const MAX_TICK_MS = 1_000;
/** After an error of the disk it is tried this often. */
const RETRY_MS = 1_000;
/** Past the bound, observations are kept again once this share of it is free: it must not flap at each upload. */
const FREE_AGAIN = 0.1;
/** A turn that is larger is written in several goes. */
const MAX_WRITE = 8 * 1024 * 1024;
/** A segment of another host counts as left when it was quiet for this many times the time after which it is sealed. */
const QUIET_SEALS = 5;
const UPLOAD_AT_CLOSE_MS = 1_500;

/**
 * Opens the log of one start of a gateway, having sealed what earlier starts left open.
 * @param destination where sealed segments go; without one they stay
 * @throws PerennialError `ConfigurationInvalid` where the folder cannot be made or read
 */
export async function openObservationLog(settings: ObservationLogSettings, log: GatewayLog, destination?: SegmentDestination): Promise<ObservationLog> {
  const folder = gatewayFolder(settings.folder, settings.gateway);
  const quietMs = QUIET_SEALS * Math.max(settings.sealAfterMs, 60_000);
  try {
    mkdirSync(folder, { recursive: true });
    await sealLeftovers(folder, settings.boot, quietMs, log);
    return new SegmentedLog(settings, folder, quietMs, log, destination);
  } catch (error) {
    throw new PerennialError('ConfigurationInvalid', `The observation log cannot be kept in ${folder} (${causeOf(error).cause}); set OBSERVATION_DIR to a folder that the gateway can write`, {}, { cause: error });
  }
}

class SegmentedLog implements ObservationLog {
  private readonly encoder = new SegmentEncoder();
  private readonly sealing = new Set<Promise<void>>();
  /** Of this start, those that are not uploaded yet. */
  private readonly unsent = new Map<number, OpenSegment>();
  private readonly uploader: SegmentUploader | undefined;
  private readonly timer: NodeJS.Timeout;
  private readonly stopping = new AbortController();
  private current: OpenSegment | undefined;
  private segments = 0;
  private usedBytes: number;
  private shedObservations = 0;
  private shedMirrored = 0;
  private shedding: 'bound' | 'error' | undefined;
  private shedBefore = 0;
  private retryAt = 0;
  private toldUnfit = false;
  private lastError: string | null = null;

  constructor(
    private readonly settings: ObservationLogSettings,
    private readonly folder: string,
    quietMs: number,
    private readonly log: GatewayLog,
    destination: SegmentDestination | undefined,
  ) {
    this.usedBytes = bytesIn(folder);
    if (destination) {
      this.uploader = new SegmentUploader({ root: settings.folder, folder, boot: settings.boot, quietMs, onRemoved: () => this.measure() }, destination, log);
      this.uploader.start();
    }
    this.timer = setInterval(() => this.tick(), Math.min(MAX_TICK_MS, Math.max(10, settings.sealAfterMs / 4)));
    this.timer.unref();
  }

  append(turn: readonly Observation[]): void {
    this.shedObservations += this.keep(turn, (observation, { tally }) => {
      this.encoder.observation(observation);
      tally.observed(observation);
    });
  }

  appendMirrored(outputs: readonly MirroredOutput[]): void {
    this.shedMirrored += this.keep(outputs, (output, { tally }) => {
      this.encoder.mirrored(output);
      tally.mirroredOutput();
    });
  }

  figures(): ObservationLogFigures {
    const files = this.filesOnDisk();
    const ended = ({ boot, segment, state }: SegmentFile): boolean => state === SEALED || (boot === this.settings.boot && segment !== this.current?.segment);
    return {
      bytesOnDisk: this.usedBytes, openBytes: this.current?.bytes ?? 0, oldestUnsentMs: this.oldestUnsent(files),
      sealedWaiting: files?.filter(ended).length ?? 0,
      shedObservations: this.shedObservations, shedMirrored: this.shedMirrored, shedding: this.shedding !== undefined, lastError: this.lastError,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    this.rotate();
    await Promise.all(this.sealing);
    await this.uploader?.close(UPLOAD_AT_CLOSE_MS);
  }

  /** @returns how many of the items were shed */
  private keep<T>(items: readonly T[], encode: (item: T, segment: OpenSegment) => void): number {
    if (items.length === 0) return 0;
    if (!this.mayWrite()) return items.length;
    let kept = 0;
    let pending = 0;
    try {
      const segment = this.openSegment();
      for (const item of items) {
        if (this.encode(item, segment, encode)) pending += 1;
        if (this.encoder.length < MAX_WRITE) continue;
        this.write(segment);
        kept += pending;
        pending = 0;
      }
      if (pending > 0) this.write(segment);
      kept += pending;
      this.resume();
      if (segment.bytes >= this.settings.sealBytes) this.rotate();
    } catch (error) {
      this.shed(error);
    }
    return items.length - kept;
  }

  private encode<T>(item: T, segment: OpenSegment, encode: (item: T, segment: OpenSegment) => void): boolean {
    try {
      encode(item, segment);
      return true;
    } catch (error) {
      this.lastError = causeOf(error).cause;
      if (!this.toldUnfit) this.log.error(causeOf(error), 'An observation cannot be encoded and is shed, as every further one like it');
      this.toldUnfit = true;
      return false;
    }
  }

  private openSegment(): OpenSegment {
    if (this.current) return this.current;
    const { gateway, boot } = this.settings;
    const segment = (this.segments += 1);
    this.current = new OpenSegment(this.folder, boot, segment);
    this.unsent.set(segment, this.current);
    this.encoder.startSegment({ gateway, boot, segment, openedAtMs: this.current.openedAtMs, writer: WRITER });
    return this.current;
  }

  private write(segment: OpenSegment): void {
    const { length } = this.encoder;
    if (this.usedBytes + length > this.settings.maxBytes) throw new OverBound(this.settings.maxBytes);
    segment.write(this.encoder.view(), this.settings.sync === 'always');
    this.encoder.clear();
    this.usedBytes += length;
  }

  private mayWrite(): boolean {
    if (this.stopping.signal.aborted) return false;
    if (this.shedding === undefined) return true;
    if (this.shedding === 'error') return performance.now() >= this.retryAt;
    return this.usedBytes <= this.settings.maxBytes * (1 - FREE_AGAIN);
  }

  /** Names that were given in bytes which are not in the file are lost: what follows goes to another segment. */
  private shed(error: unknown): void {
    this.encoder.clear();
    if (this.current) this.current.exact = false;
    this.rotate();
    this.retryAt = performance.now() + RETRY_MS;
    this.lastError = causeOf(error).cause;
    if (this.shedding === undefined) {
      this.shedBefore = this.shedObservations;
      this.log.error({ ...causeOf(error), bytesOnDisk: this.usedBytes, maxBytes: this.settings.maxBytes }, 'Observations cannot be kept and are shed until they can; answers go on');
    }
    this.shedding = error instanceof OverBound ? 'bound' : 'error';
  }

  private resume(): void {
    if (this.shedding === undefined) return;
    this.shedding = undefined;
    this.log.warn({ shedObservations: this.shedObservations - this.shedBefore, bytesOnDisk: this.usedBytes }, 'Observations are kept again');
  }

  private tick(): void {
    if (this.shedding !== undefined) this.measure();
    const { current } = this;
    if (!current) return;
    if (performance.now() - current.sinceMs >= this.settings.sealAfterMs) this.rotate();
    else current.flush().catch((error: unknown) => this.unsure(error, current));
  }

  /** What the disk could not flush may be lost at a lost power; this process cannot tell what of it. */
  private unsure(error: unknown, segment: OpenSegment): void {
    this.lastError = causeOf(error).cause;
    this.log.error(causeOf(error), 'Observations could not be flushed to the disk');
    if (this.current === segment) this.rotate();
  }

  /** Ends the open segment; the next frame opens another. */
  private rotate(): void {
    const segment = this.current;
    this.current = undefined;
    if (!segment) return;
    if (segment.bytes === 0) {
      this.unsent.delete(segment.segment);
      return segment.discard();
    }
    const sealing = this.seal(segment).finally(() => this.sealing.delete(sealing));
    this.sealing.add(sealing);
  }

  private async seal(segment: OpenSegment): Promise<void> {
    for (;;) {
      try {
        const path = await segment.seal();
        this.uploader?.offer(path, this.settings.gateway, segment);
        return;
      } catch (error) {
        this.lastError = causeOf(error).cause;
        this.log.error({ ...causeOf(error), segment: segment.segment }, 'A segment cannot be sealed yet');
        // The next start seals what this one could not.
        if (this.stopping.signal.aborted) return;
        await sleep(RETRY_MS, undefined, { ref: false, signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** A folder that has gone holds nothing; that it cannot be read must hide neither the metrics nor that observations are shed. */
  private filesOnDisk(): SegmentFile[] | null {
    try {
      return segmentsIn(this.folder);
    } catch (error) {
      this.lastError = causeOf(error).cause;
      return null;
    }
  }

  private oldestUnsent(files: readonly SegmentFile[] | null): number {
    const { boot } = this.settings;
    if (files === null || files.some((file) => file.boot !== boot)) return -Infinity;
    const here = new Set(files.map(({ segment }) => segment));
    // A sealed segment's file is removed when the record has it.
    for (const [number, segment] of this.unsent) if (segment.sealed && !here.has(number)) this.unsent.delete(number);
    return Math.min(...Array.from(this.unsent.values(), ({ tally }) => tally.firstReceivedMs));
  }

  private measure(): void {
    try {
      this.usedBytes = bytesIn(this.folder);
    } catch (error) {
      this.lastError = causeOf(error).cause;
    }
  }
}

const WRITER = thisWriter();

class OverBound extends Error {
  constructor(maxBytes: number) {
    super(`The observation log has reached its bound of ${maxBytes} bytes (OBSERVATION_MAX_BYTES)`);
  }
}
