import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { alarmEvent } from '../src/alarms/cloud-event.js';
import { deliver, type DeliveryOutcome } from '../src/alarms/webhook.js';
import { windowAlarm } from '../src/alarms/window-alarm.js';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import type { AlarmNotice, MonitoringProof, ProofOccasion, RaisedAlarm } from '../src/contracts/alarms.js';
import { PerennialError } from '../src/contracts/failures.js';
import { JUDGING_LOOKS, type WindowFinding, type WindowVerdict } from '../src/contracts/window-summary.js';
import { type SyntheticRequest, writeSyntheticWindow } from '../src/drift/synthetic-files.js';
import { type BrokenLimit, brokenLimits } from '../src/drift/synthetic-window.js';
import { joinVerdicts } from '../src/drift/window-check.js';
import { lookAtWindow } from '../src/drift/window-look.js';
import { type AlarmStory, AlarmsRepository, type ProofId } from '../src/registry/alarms.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { AlarmReceiver } from './alarm-receiver.js';
import { StoreProvider } from './store-provider.js';

/** So many a round, and begun for so long: what is left is sent in the next one. */
const SENT_A_ROUND = 50;
const ROUND_MS = 15_000;

export interface DeliveryRound {
  readonly delivered: number;
  /** Why alarms are still undelivered, each reason once; empty when none is. */
  readonly reasons: readonly string[];
}

/** Alarms: raised once, sent until they arrive, and proven to work before anything depends on them. */
@Injectable()
export class AlarmActivities {
  private readonly store: ArtifactStore;

  constructor(
    private readonly alarms: AlarmsRepository,
    private readonly models: ModelsRepository,
    private readonly receiver: AlarmReceiver,
    private readonly settings: ActivitySettings,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /** Puts an alarm on the record, unless one is open under its key. It is sent by `deliverAlarms`. */
  async raiseAlarm(notice: AlarmNotice): Promise<RaisedAlarm> {
    return this.alarms.raise(notice, new Date(), origin());
  }

  /** Ends the alarm that is open under a key, if there is one. @returns whether there was */
  async endAlarm(dedupKey: string, reason: string): Promise<boolean> {
    return this.alarms.endOpen(dedupKey, reason, new Date(), origin());
  }

  /**
   * Sends what the receiver has not acknowledged yet, and once more what is open when its snooze has passed. @returns how many arrived.
   * Fails with `AlarmUndelivered`, which is tried again, when some did not.
   */
  async deliverAlarms(): Promise<number> {
    const { delivered, reasons } = await heartbeating(() => this.sendUndelivered());
    if (reasons.length === 0) return delivered;
    throw new PerennialError('AlarmUndelivered', `Alarms wait to be delivered: ${reasons.join('; ')}`, { delivered, reasons });
  }

  /** Sends an alarm that somebody asked for as a test, and ends it when it has arrived, or when this was the last try. @returns whether it has ended */
  async sendTestAlarm(id: string, last: boolean): Promise<boolean> {
    const story = await this.alarms.get(id);
    const arrived = story.delivery.deliveredAt !== null || (await this.send(story)).delivered;
    if (arrived || last) await this.alarms.end(id, arrived ? ARRIVED : 'The test alarm did not arrive', new Date(), origin());
    return arrived || last;
  }

  /** Tries each once; one that is not taken does not hold up the others, a receiver that is away does. */
  async sendUndelivered(): Promise<DeliveryRound> {
    const reasons = new Set<string>();
    let delivered = 0;
    const until = Date.now() + ROUND_MS;
    for (const { id } of await this.alarms.undelivered(SENT_A_ROUND, new Date())) {
      if (Date.now() > until) {
        reasons.add('the receiver is slow, and more are waiting');
        break;
      }
      const outcome = await this.send(await this.alarms.get(id));
      if (outcome.delivered) delivered += 1;
      else reasons.add(outcome.reason);
      if (!outcome.delivered && outcome.status === null) break;
    }
    return { delivered, reasons: [...reasons] };
  }

  /**
   * Proves, once for each key, that a bad window would be noticed: a made-up one goes through the same conversion, count,
   * check, record and webhook as any other, and the receiver must acknowledge it; a good one must pass.
   * Fails with `MonitoringNotOperational`, which is tried again, and names what is missing and how to mend it.
   */
  async proveMonitoring(model: string, deployment: string, proofKey: string, occasion: ProofOccasion = { release: null, step: null }): Promise<MonitoringProof> {
    const id: ProofId = { model, deployment, proofKey };
    const known = await this.alarms.findProof(id);
    if (known) return known;
    if (this.receiver.webhook === null) throw notOperational('no receiver of alarms is set; set ALARM_WEBHOOK_URL and ALARM_WEBHOOK_SECRET on the workers', ['receiver']);
    const { specDigest } = await this.models.get(model);
    const spec = await this.models.spec(model, specDigest);
    const { verdict, windowDigest } = await heartbeating((signal) => this.checkMadeUpWindows(spec, specDigest, deployment, signal));
    const { alarmId, sentAt, arrivedAt } = await this.sendTest(id, verdict);
    const proof: MonitoringProof = { alarmId, windowDigest, findings: verdict.findings.slice(0, KEPT_FINDINGS), sentAt: sentAt.toISOString(), arrivedAt: arrivedAt.toISOString() };
    await this.alarms.recordProof(id, occasion, proof);
    await this.alarms.end(alarmId, ARRIVED, new Date(), origin());
    return (await this.alarms.findProof(id)) ?? proof;
  }

  private async checkMadeUpWindows(spec: ModelSpec, specDigest: string, deployment: string, signal: AbortSignal): Promise<{ verdict: WindowVerdict; windowDigest: string }> {
    const expected = brokenLimits(spec);
    if (expected.length === 0) throw notOperational('the spec has no limit that a window could break; limit maxMissing, min or max of a feature, or set monitoring.maximumLoss (where inputs may not be kept, only that one watches)', ['limits']);
    await mkdir(this.settings.workDir, { recursive: true });
    const folder = await mkdtemp(join(this.settings.workDir, 'windows-'));
    try {
      const good = await this.checkMadeUp({ spec, specDigest, deployment, quality: 'good', folder: join(folder, 'good'), signal });
      if (good.verdict.verdict !== 'pass') throw notOperational(`a good window does not pass: ${good.verdict.findings.map(({ message }) => message).slice(0, 3).join('; ')}`, ['goodWindow']);
      const bad = await this.checkMadeUp({ spec, specDigest, deployment, quality: 'bad', folder: join(folder, 'bad'), signal });
      const unseen = expected.filter((limit) => !bad.verdict.findings.some((finding) => isOf(finding, limit)));
      if (unseen.length > 0) throw notOperational(`a bad window is not found to be bad: ${unseen.slice(0, 3).map(nameOf).join(', ')}`, unseen.slice(0, KEPT_FINDINGS).map(nameOf));
      return { verdict: bad.verdict, windowDigest: (await this.store.putFile(bad.path)).digest };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Takes the way of a real window: a segment is made into Parquet, labels are joined to it, and both looks are taken. */
  private async checkMadeUp(request: SyntheticRequest & { readonly signal: AbortSignal }): Promise<{ verdict: WindowVerdict; path: string }> {
    const window = await writeSyntheticWindow(request);
    const verdicts: WindowVerdict[] = [];
    for (const look of JUDGING_LOOKS) verdicts.push((await lookAtWindow(request.spec, look, { ...window, scratch: request.folder, signal: request.signal })).verdict);
    return { verdict: joinVerdicts(verdicts), path: window.files.observations[0] as string };
  }

  private async sendTest({ model, deployment, proofKey }: ProofId, verdict: WindowVerdict): Promise<{ alarmId: string; sentAt: Date; arrivedAt: Date }> {
    const window = { model, deployment, name: 'made-up', occasion: `proof/${proofKey}`, synthetic: true };
    const { id } = await this.raiseAlarm(windowAlarm(window, verdict));
    const before = await this.alarms.get(id);
    // An attempt that died after the alarm had arrived has proven as much.
    if (!before.delivery.deliveredAt) {
      const outcome = await this.send(before);
      if (!outcome.delivered) throw notOperational(`the alarm did not arrive: ${outcome.reason}`, ['arrival']);
    }
    const { delivery, alarm } = await this.alarms.get(id);
    return { alarmId: id, sentAt: alarm.raisedAt, arrivedAt: delivery.deliveredAt as Date };
  }

  private async send({ alarm, snooze }: AlarmStory): Promise<DeliveryOutcome> {
    const { webhook, timeoutMs } = this.receiver;
    if (webhook === null) return { delivered: false, status: null, reason: 'no receiver of alarms is set; set ALARM_WEBHOOK_URL and ALARM_WEBHOOK_SECRET on the workers' };
    const now = new Date();
    const passed = snooze?.until && snooze.until <= now ? snooze.number : undefined;
    const outcome = await deliver(webhook, alarmEvent(alarm, passed), now, timeoutMs);
    await this.alarms.recordAttempt(alarm.id, { delivered: outcome.delivered, status: outcome.status, reason: outcome.delivered ? null : outcome.reason }, new Date());
    return outcome;
  }
}

const KEPT_FINDINGS = 50;
const ARRIVED = 'The test alarm arrived';

const notOperational = (what: string, missing: readonly string[]): PerennialError =>
  new PerennialError('MonitoringNotOperational', `Monitoring is not operational: ${what}`, { missing });

const isOf = (finding: WindowFinding, limit: BrokenLimit): boolean => finding.check === limit.check && finding.feature === limit.feature;
const nameOf = ({ check, feature }: BrokenLimit): string => (feature === null ? check : `${check} of ${feature}`);
