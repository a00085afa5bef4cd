import { createPublicKey, type KeyObject } from 'node:crypto';
import { type CheckpointCopy, type CheckpointSink, sinkAlarmKey } from '../contracts/checkpoint-copies.js';
import { PerennialError } from '../contracts/failures.js';
import { openCheckpoint } from '../ledger/checkpoint.js';
import { keyId } from '../ledger/signed-note.js';
import type { AlarmsRepository } from '../registry/alarms.repository.js';
import type { CheckpointSinksRepository } from '../registry/checkpoint-sinks.repository.js';
import type { SequencerLine } from './audit-sequencer.js';
import type { CheckpointFolder } from './checkpoint-folder.js';
import type { LedgerIdentity } from './checkpoint-signer.js';

const PERIOD_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A place that fails for so long is an alarm. */
const ALARM_AFTER_MS = 300_000;
const NOBODY = { workflowId: null, runId: null };

export interface CourierRecord {
  readonly sinks: Pick<CheckpointSinksRepository, 'configure' | 'delivered' | 'recordDelivery' | 'recordFailure'>;
  readonly alarms: Pick<AlarmsRepository, 'raise' | 'endOpen'>;
}

/**
 * Brings the newest checkpoint of the folder to places outside, each at its own pace: one that is down holds up neither the others nor the ledger. What came while it was
 * down is not brought after, since the newest stands over all of it; the folder has every one.
 */
export class CheckpointCourier {
  private readonly rounds: readonly SinkRound[];
  private timer: NodeJS.Timeout | undefined;
  private configured = false;
  private readonly passing = new Set<SinkRound>();
  private readonly under = new Set<Promise<void>>();

  constructor(
    folder: CheckpointFolder,
    identity: LedgerIdentity,
    private readonly sinks: readonly CheckpointSink[],
    private readonly record: CourierRecord,
    log: (line: SequencerLine) => void,
    alarmAfterMs: number = ALARM_AFTER_MS,
  ) {
    const newest = new NewestCheckpoint(folder, identity);
    this.rounds = sinks.map((sink) => new SinkRound(sink, newest, record, log, alarmAfterMs));
  }

  start(): void {
    this.timer = setInterval(() => { this.look(); }, PERIOD_MS);
    this.look();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.under);
  }

  /** Which places are set, then one look at each. @throws when PostgreSQL or the folder cannot be used */
  async pass(): Promise<void> {
    await this.configure();
    await Promise.all(this.rounds.map((round) => round.pass()));
  }

  private look(): void {
    for (const round of this.rounds) {
      if (this.passing.has(round)) continue;
      this.passing.add(round);
      const under: Promise<void> = this.configure().then(() => round.pass()).catch(() => undefined).finally(() => {
        this.passing.delete(round);
        this.under.delete(under);
      });
      this.under.add(under);
    }
    // Places that were taken out of the settings are forgotten also where none is left.
    if (this.rounds.length === 0 && !this.configured) void this.configure().catch(() => undefined);
  }

  private async configure(): Promise<void> {
    if (this.configured) return;
    await this.record.sinks.configure(this.sinks.map(({ name }) => name));
    this.configured = true;
  }
}

/** What the folder has last, where it is of our key: anything else is the signer's to refuse. */
class NewestCheckpoint {
  private readonly publicKey: KeyObject;
  private readonly pem: string;

  constructor(
    private readonly folder: CheckpointFolder,
    private readonly identity: LedgerIdentity,
  ) {
    this.publicKey = createPublicKey(identity.key);
    this.pem = this.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  }

  async read(): Promise<CheckpointCopy | null> {
    const note = await this.folder.latest();
    if (note === null) return null;
    const { origin } = this.identity;
    try {
      const { size, at } = openCheckpoint(note, this.publicKey, origin);
      return { origin, size, at, note, keyId: keyId(origin, this.publicKey).toString('hex'), publicKey: this.pem };
    } catch (error) {
      if (error instanceof PerennialError) return null;
      throw error;
    }
  }
}

/** One place: what it has, and when it is tried again. */
class SinkRound {
  private delivered: number | undefined;
  private failures = 0;
  private dueAt = -Infinity;

  constructor(
    private readonly sink: CheckpointSink,
    private readonly newest: NewestCheckpoint,
    private readonly record: CourierRecord,
    private readonly log: (line: SequencerLine) => void,
    private readonly alarmAfterMs: number,
  ) {}

  async pass(): Promise<void> {
    if (performance.now() < this.dueAt) return;
    this.delivered ??= await this.record.sinks.delivered(this.sink.name);
    const copy = await this.newest.read();
    if (!copy || copy.size <= this.delivered) return;
    const outcome = await this.sink.send(copy);
    if (outcome.delivered) await this.arrived(copy.size);
    else await this.failed(outcome.reason);
  }

  private async arrived(size: number): Promise<void> {
    const { name } = this.sink;
    await this.record.sinks.recordDelivery(name, size, new Date());
    this.delivered = size;
    await this.record.alarms.endOpen(sinkAlarmKey(name), 'A checkpoint has arrived', new Date(), NOBODY);
    if (this.failures > 0) this.log({ level: 'warn', message: `Checkpoints reach ${name} again` });
    this.failures = 0;
  }

  private async failed(reason: string): Promise<void> {
    const { name } = this.sink;
    this.dueAt = performance.now() + Math.min(LONGEST_PAUSE_MS, PERIOD_MS * 2 ** this.failures);
    if (this.failures === 0) this.log({ level: 'error', message: `Checkpoints do not reach ${name}`, cause: reason });
    this.failures += 1;
    const now = new Date();
    const since = await this.record.sinks.recordFailure(name, reason, now);
    if (now.getTime() - since.getTime() < this.alarmAfterMs) return;
    await this.record.alarms.raise({
      kind: 'checkpointUndelivered', severity: 'warning', model: null, deployment: null, subject: `sink/${name}`, dedupKey: sinkAlarmKey(name), test: false,
      summary: `Checkpoints of the audit ledger have not reached ${name} since ${since.toISOString()}: ${reason}. They go on in the folder; see \`perennial audit sinks\`.`,
      details: { sink: name, since: since.toISOString(), reason },
    }, now, NOBODY);
  }
}
