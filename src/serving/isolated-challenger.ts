import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { MirroredOutput, ObservationContext } from '../observations/segment-format.js';
import type { Challenger, ChallengerFigures, MirroredRequest } from './challenger.js';
import { ChallengerChild } from './challenger-child.js';
import { bytesOf, decodeTensors, type Frame, sliceTensors } from './challenger-frames.js';
import { QueueRoom } from './challenger-queue.js';
import type { EncodedRows } from './infer-request.js';
import type { OutputTensor } from './scoring-session.js';
import type { VersionFacts } from './served-version.js';

export interface ChallengerBounds {
  /** What may wait and run at once; beyond it, requests are dropped. */
  readonly maxQueuedRows: number;
  readonly maxQueuedBytes: number;
  /** Rows of one run; a request that has more is a run of its own. */
  readonly maxRunRows: number;
  /** A run, or a start, that takes longer ends the process. */
  readonly runTimeoutMs: number;
  readonly startTimeoutMs: number;
  /** Resident memory of the process. */
  readonly maxRssBytes: number;
  readonly restartFirstMs: number;
  readonly restartMaxMs: number;
  /** How long what was asked before may take after `retire`. */
  readonly drainMs: number;
}

export const CHALLENGER_BOUNDS: ChallengerBounds = {
  maxQueuedRows: 16_384, maxQueuedBytes: 32 * 1024 ** 2, maxRunRows: 1_024, runTimeoutMs: 5_000, startTimeoutMs: 60_000,
  maxRssBytes: 1024 ** 3, restartFirstMs: 500, restartMaxMs: 60_000, drainMs: 2_000,
};

export interface ChallengerStart extends VersionFacts {
  /** The model's file. */
  readonly path: string;
  /** Takes each mirrored request's output, once; must not throw. */
  readonly sink: (outputs: readonly MirroredOutput[]) => void;
  readonly bounds?: Partial<ChallengerBounds> | undefined;
}

/** A mirrored request that waits. */
interface Waiting extends MirroredRequest {
  readonly context: ObservationContext;
}

interface MirrorRun {
  readonly kind: 'mirror';
  readonly requests: readonly Waiting[];
}
interface AnswerRun {
  readonly kind: 'answer';
  readonly requests: readonly { readonly rows: EncodedRows }[];
  readonly settle: (outputs: readonly OutputTensor[] | null) => void;
}
type Run = (MirrorRun | AnswerRun) & { readonly id: number; readonly rows: number };

/** One run is scored while the next one lies in the pipe. */
const IN_FLIGHT = 2;
const WATCH_EVERY_MS = 100;
/**
 * Mirrored requests are gathered for so long, or until so many rows wait: a run costs either process as much as several
 * rows, the gateway's time is its callers', and nobody waits for what is mirrored.
 */
const GATHER_MS = 5;
const GATHER_ROWS = 256;
/** Requests whose outcome is told in one turn of the event loop: a full queue told at once would hold up the champion's. */
const TELL_AT_ONCE = 256;
/** An answer's body: outputs of the largest run, in bytes. */
const MAX_BODY_BYTES = 256 * 1024 ** 2;

const rowsOf = (requests: readonly { readonly rows: EncodedRows }[]): number => requests.reduce((sum, { rows }) => sum + rows.rows, 0);

/**
 * A challenger in a process of its own behind a bounded queue. The gateway's thread only ever hands rows to a pipe: a model
 * that sleeps, throws, swells, ends its process or answers with another shape costs the requests that it was given, which
 * are counted, and is started again after a pause that doubles.
 */
export class IsolatedChallenger implements Challenger {
  readonly version: number;
  readonly specDigest: string;
  readonly task: VersionFacts['task'];
  readonly policy: VersionFacts['policy'];
  readonly signature: VersionFacts['signature'];
  private readonly bounds: ChallengerBounds;
  private readonly room: QueueRoom;
  private readonly answers: AnswerRun[] = [];
  private readonly mirrors: Waiting[] = [];
  private mirrorRows = 0;
  /** Whether what was gathered is to go. */
  private due = false;
  private gathering: NodeJS.Timeout | undefined;
  /** Requests of runs that failed: only the one that made a run fail shall. */
  private readonly alone: Waiting[] = [];
  private readonly running: Run[] = [];
  private readonly counts = { executed: 0, dropped: 0, failed: 0 };
  private readonly attempted = new Set<() => void>();
  private child: ChallengerChild | undefined;
  private state: ChallengerFigures['state'] = 'starting';
  private headSinceMs = performance.now();
  private memoryBytes: number | null = null;
  private restarts = 0;
  private failuresInARow = 0;
  private lastError: string | null = null;
  /** Whether a row is scored the same in company as alone. */
  private inCompany = true;
  private nextRun = 1;
  private retiring: Promise<void> | undefined;
  private telling: Promise<void> = Promise.resolve();
  private gone = false;
  private restartTimer: NodeJS.Timeout | undefined;
  private readonly watch: NodeJS.Timeout;

  constructor(private readonly start: ChallengerStart) {
    ({ version: this.version, specDigest: this.specDigest, task: this.task, policy: this.policy, signature: this.signature } = start);
    this.bounds = { ...CHALLENGER_BOUNDS, ...start.bounds };
    this.room = new QueueRoom({ maxRows: this.bounds.maxQueuedRows, maxBytes: this.bounds.maxQueuedBytes });
    this.watch = setInterval(() => this.endLate(), WATCH_EVERY_MS).unref();
    this.spawn();
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async attempt(withinMs: number): Promise<void> {
    if (this.state !== 'starting') return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, withinMs);
      const attempted = this.attempted;
      attempted.add(done);
      function done(): void {
        clearTimeout(timer);
        attempted.delete(done);
        resolve();
      }
    });
  }

  mirror(requests: readonly MirroredRequest[], context: ObservationContext): void {
    const refused: MirroredOutput[] = [];
    for (const { sequence, rows } of requests) {
      const waiting: Waiting = { sequence, rows, context };
      const fault = this.fault(rows);
      if (fault) refused.push(this.outcome(waiting, 'failed', fault));
      else if (this.state !== 'ready' || this.retiring) refused.push(this.outcome(waiting, 'dropped', this.retiring ? 'retired' : this.state));
      else if (!this.room.take([rows], rows.rows)) refused.push(this.outcome(waiting, 'dropped', 'queue full'));
      else {
        this.mirrors.push(waiting);
        this.mirrorRows += rows.rows;
      }
    }
    if (refused.length > 0) this.start.sink(refused);
    this.gather();
  }

  private gather(): void {
    if (this.mirrorRows >= GATHER_ROWS) this.letGo();
    else if (this.mirrorRows > 0 && !this.due) this.gathering ??= setTimeout(() => this.letGo(), GATHER_MS);
  }

  private letGo(): void {
    clearTimeout(this.gathering);
    this.gathering = undefined;
    this.due = true;
    this.pump();
  }

  async answer(requests: readonly EncodedRows[], withinMs: number): Promise<readonly (readonly OutputTensor[] | null)[]> {
    const given = requests.map((rows) => (this.fault(rows) ? null : { rows }));
    const sound = given.filter((request) => request !== null);
    const runs = this.inCompany ? [sound] : sound.map((request) => [request]);
    const parts = await Promise.all(runs.map((run) => this.answerRun(run, withinMs)));
    const answers = parts.flat();
    return given.map((request) => (request ? (answers.shift() ?? null) : null));
  }

  private async answerRun(requests: AnswerRun['requests'], withinMs: number): Promise<(readonly OutputTensor[] | null)[]> {
    const deadlineMs = performance.now() + withinMs;
    const room = requests.length > 0 && this.state === 'ready' && !this.retiring && this.room.take(requests.map(({ rows }) => rows), rowsOf(requests));
    const outputs = room ? await this.runWithin(requests, withinMs) : null;
    const leftMs = deadlineMs - performance.now();
    if (room && !outputs && requests.length > 1 && leftMs > 0) return (await Promise.all(requests.map((request) => this.answerRun([request], leftMs)))).flat();
    let from = 0;
    return requests.map(({ rows: { rows } }) => {
      from += rows;
      return outputs && sliceTensors(outputs, from - rows, rows);
    });
  }

  figures(): ChallengerFigures {
    const { state, memoryBytes, restarts, lastError } = this;
    return { queuedRows: this.room.usedRows, ...this.counts, memoryBytes, state, restarts, lastError };
  }

  retire(): Promise<void> {
    this.retiring ??= this.end();
    return this.retiring;
  }

  private async end(): Promise<void> {
    // So that `retiring` is set before anything else is looked at.
    await Promise.resolve();
    const deadline = performance.now() + this.bounds.drainMs;
    while (this.state === 'ready' && this.room.usedRows > 0 && performance.now() < deadline) await sleep(5);
    clearInterval(this.watch);
    clearTimeout(this.restartTimer);
    clearTimeout(this.gathering);
    const { child } = this;
    const ended = child && new Promise<void>((resolve) => this.attempted.add(resolve));
    this.gone = true;
    child?.kill('retired');
    await ended;
    await this.telling;
  }

  private runWithin(requests: AnswerRun['requests'], withinMs: number): Promise<readonly OutputTensor[] | null> {
    return new Promise((resolve) => {
      const run: AnswerRun = {
        kind: 'answer', requests,
        settle: (outputs) => {
          clearTimeout(timer);
          resolve(outputs);
        },
      };
      const timer = setTimeout(() => {
        const at = this.answers.indexOf(run);
        // What the process has already is scored in vain; what still waits is not.
        if (at >= 0) {
          this.answers.splice(at, 1);
          this.release(requests);
        }
        resolve(null);
      }, withinMs);
      this.answers.push(run);
      this.pump();
    });
  }

  private fault({ rows, features }: EncodedRows): string | null {
    return features.length === rows * this.signature.features.length && rows > 0 ? null : 'the rows do not fit its features';
  }

  /** Hands runs to the process as long as it may have more: answers first, then mirrored requests that are due, as many as fit a run. */
  private pump(): void {
    while (this.child && this.state === 'ready' && this.running.length < IN_FLIGHT) {
      const next = this.answers.shift() ?? this.nextMirrors();
      if (!next) return;
      const run: Run = { ...next, id: this.nextRun, rows: rowsOf(next.requests) };
      this.nextRun = (this.nextRun % 0xffff_fffe) + 1;
      if (this.running.length === 0) this.headSinceMs = performance.now();
      this.running.push(run);
      this.child.send(run.kind, run.id, run.rows, run.requests.map(({ rows }) => bytesOf(rows.features)));
    }
  }

  private nextMirrors(): MirrorRun | undefined {
    const alone = this.alone.shift();
    if (alone) return { kind: 'mirror', requests: [alone] };
    if (!this.due) return undefined;
    let rows = 0;
    let count = 0;
    for (; count < this.mirrors.length; count++) {
      const more = rows + this.mirrors[count]!.rows.rows;
      if (count > 0 && (more > this.bounds.maxRunRows || !this.inCompany)) break;
      rows = more;
    }
    this.mirrorRows -= rows;
    this.due = count < this.mirrors.length;
    return count > 0 ? { kind: 'mirror', requests: this.mirrors.splice(0, count) } : undefined;
  }

  private spawn(): void {
    const { path, task } = this.start;
    this.headSinceMs = performance.now();
    const child = new ChallengerChild({
      path, task, width: this.signature.features.length, maxBodyBytes: MAX_BODY_BYTES,
      watchdog: { parentPid: process.pid, maxRssBytes: this.bounds.maxRssBytes, everyMs: 20 },
    }, { onFrame: (frame) => this.take(child, frame), onEnd: (why) => this.ended(why) });
    this.child = child;
  }

  private take(child: ChallengerChild, frame: Frame): void {
    if (frame.memoryKiB > 0) this.memoryBytes = frame.memoryKiB * 1024;
    if (frame.kind === 'ready' && this.state !== 'ready') {
      this.state = 'ready';
      this.inCompany = frame.rows > 0;
      this.tellAttempted();
      return;
    }
    if (frame.kind === 'refused') {
      child.kill(`refused the model: ${(JSON.parse(Buffer.from(frame.body).toString()) as { message: string }).message}`);
      return;
    }
    const run = this.running[0];
    if (!run || run.id !== frame.run || run.rows !== frame.rows) throw new Error('an answer came to a run that was not asked for');
    const again = frame.kind === 'failed' && run.kind === 'mirror' && run.requests.length > 1;
    if (again) this.alone.push(...run.requests);
    else this.settle(run, frame);
    this.running.shift();
    this.headSinceMs = performance.now();
    if (!again) this.release(run.requests);
    this.pump();
  }

  /** @throws Error when the body is not what the kind promises; the run then fails with the process */
  private settle(run: Run, { kind, rows, body, runMs }: Frame): void {
    if (kind === 'failed') {
      this.lastError = Buffer.from(body).toString();
      this.fail(run, this.lastError);
    } else if (kind === 'tensors' && run.kind === 'answer') {
      run.settle(decodeTensors(body, rows));
      this.failuresInARow = 0;
    } else if (kind === 'values' && run.kind === 'mirror') {
      if (body.length !== rows * 4) throw new Error(`${body.length} bytes came for ${rows} rows`);
      this.executed(run, new Float32Array(body.buffer as ArrayBuffer, 0, rows), runMs);
      this.failuresInARow = 0;
    } else throw new Error(`a frame \`${kind}\` came to a run of kind ${run.kind}`);
  }

  private executed({ requests }: MirrorRun, values: Float32Array, runMs: number): void {
    let from = 0;
    this.counts.executed += requests.length;
    this.start.sink(requests.map(({ sequence, context: { model, deployment, revision }, rows: { rows } }) => {
      from += rows;
      return {
        sequence, model, deployment, revision, version: this.version, outcome: 'executed', reason: null,
        latencyMs: runMs, rows, outputs: values.subarray(from - rows, from),
      };
    }));
  }

  private fail(run: Run, reason: string): void {
    if (run.kind === 'answer') run.settle(null);
    else this.tell(run.requests, 'failed', reason);
  }

  private tell(requests: readonly Waiting[], outcome: 'dropped' | 'failed', reason: string): void {
    this.telling = Promise.all([this.telling, this.tellInSlices(requests, outcome, reason)]).then(() => undefined);
  }

  private async tellInSlices(requests: readonly Waiting[], outcome: 'dropped' | 'failed', reason: string): Promise<void> {
    for (let from = 0; from < requests.length; from += TELL_AT_ONCE) {
      if (from > 0) await nextTurn();
      this.start.sink(requests.slice(from, from + TELL_AT_ONCE).map((waiting) => this.outcome(waiting, outcome, reason)));
    }
  }

  private outcome({ sequence, context: { model, deployment, revision }, rows: { rows } }: Waiting, outcome: 'dropped' | 'failed', reason: string): MirroredOutput {
    this.counts[outcome] += 1;
    return { sequence, model, deployment, revision, version: this.version, outcome, reason, latencyMs: null, rows, outputs: null };
  }

  private release(requests: readonly { readonly rows: EncodedRows }[]): void {
    for (const { rows } of requests) this.room.give([rows], rows.rows);
  }

  private endLate(): void {
    const waiting = this.state === 'ready' ? this.running.length > 0 : this.child !== undefined;
    const boundMs = this.state === 'ready' ? this.bounds.runTimeoutMs : this.bounds.startTimeoutMs;
    if (waiting && performance.now() - this.headSinceMs > boundMs) this.child?.kill(`gave no answer within ${boundMs} ms`);
  }

  /** The process has gone: what it had failed, what waited is dropped, and it is started again after a pause. */
  private ended(why: string): void {
    const [had, waited, asked] = [this.running.splice(0), [...this.alone.splice(0), ...this.mirrors.splice(0)], this.answers.splice(0)];
    Object.assign(this, { mirrorRows: 0, due: false, child: undefined, memoryBytes: null, state: 'restarting', lastError: this.gone ? this.lastError : why });
    for (const run of had) {
      this.fail(run, why);
      this.release(run.requests);
    }
    this.tell(waited, 'dropped', 'restarting');
    this.release(waited);
    for (const run of asked) {
      run.settle(null);
      this.release(run.requests);
    }
    this.tellAttempted();
    if (this.gone) return;
    const pauseMs = Math.min(this.bounds.restartFirstMs * 2 ** this.failuresInARow, this.bounds.restartMaxMs);
    this.failuresInARow += 1;
    this.restartTimer = setTimeout(() => {
      this.restarts += 1;
      this.spawn();
    }, pauseMs).unref();
  }

  private tellAttempted(): void {
    for (const tell of [...this.attempted]) tell();
    this.attempted.clear();
  }
}
