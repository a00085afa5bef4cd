import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import type { AdmittedModel } from '../../contracts/admitted-model.js';
import type { ApprovalKind } from '../../contracts/approvals.js';
import type { SnapshotPart, SnapshotRef } from '../../contracts/artifacts.js';
import { canonicalJson, sha256 } from '../../contracts/canonical.js';
import type { EvaluationResult } from '../../contracts/evaluations.js';
import type { ComparisonStanding, ReleaseMeasurement } from '../../contracts/releases.js';
import type { RetirementStepName, RetirementTerms } from '../../contracts/retirements.js';
import type { AutomaticTrigger } from '../../contracts/retraining-decisions.js';
import { parseSpec } from '../../spec/parse-spec.js';
import { AlarmsRepository } from '../alarms.repository.js';
import { ApprovalsRepository } from '../approvals.repository.js';
import { AssessmentsRepository } from '../assessments.repository.js';
import { AuditLedger, type Origin } from '../audit-ledger.js';
import { CommandsRepository } from '../commands.repository.js';
import { ComparisonAnalysis, ComparisonBlock } from '../entities/comparison.entity.js';
import type { Release } from '../entities/release.entity.js';
import type { WindowAssessment } from '../entities/window-assessment.entity.js';
import { ModelsRepository } from '../models.repository.js';
import { ReleasesRepository } from '../releases.repository.js';
import { RetirementsRepository } from '../retirements.repository.js';
import { RetrainingDecisionsRepository } from '../retraining-decisions.repository.js';
import { RetrainsRepository } from '../retrains.repository.js';
import { RoutingRepository } from '../routing.repository.js';
import { TrainingRepository } from '../training.repository.js';
import { VersionsRepository } from '../versions.repository.js';

const YAML = readFileSync(join(import.meta.dirname, '../../../models/flight-delay/model.yaml'), 'utf8');
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
const DEPLOYMENT = 'default';
const originOf = (workflowId: string): Origin => ({ workflowId, runId: 'run' });

/** The life of a model as activities write it, each step a minute of wall time after the one before. */
export class ModelCourse {
  readonly commands: CommandsRepository;
  readonly routing: RoutingRepository;
  readonly alarms: AlarmsRepository;
  readonly assessments: AssessmentsRepository;
  private readonly audit: AuditLedger;
  private readonly models: ModelsRepository;
  private readonly retrains: RetrainsRepository;
  private readonly decisions: RetrainingDecisionsRepository;
  private readonly releases: ReleasesRepository;
  private readonly training: TrainingRepository;
  private readonly versions: VersionsRepository;
  /** What evaluations find by slice and group. */
  found: Pick<EvaluationResult, 'slices' | 'fairness'> = { slices: [] };
  /** The rows that snapshots judge by; null for some that are nowhere. */
  evaluation: SnapshotPart | null = null;
  /** Of the spec in force. */
  specDigest = '';
  private minutes = 0;

  constructor(private readonly dataSource: DataSource, readonly model: string) {
    this.audit = new AuditLedger(dataSource);
    this.commands = new CommandsRepository(dataSource, this.audit);
    this.routing = new RoutingRepository(dataSource, this.audit);
    this.alarms = new AlarmsRepository(dataSource, this.audit);
    this.assessments = new AssessmentsRepository(dataSource);
    this.models = new ModelsRepository(dataSource);
    this.retrains = new RetrainsRepository(dataSource, this.audit);
    this.decisions = new RetrainingDecisionsRepository(dataSource, this.commands, this.retrains, this.audit);
    this.releases = new ReleasesRepository(dataSource, this.audit, this.routing);
    this.training = new TrainingRepository(dataSource, this.audit);
    this.versions = new VersionsRepository(dataSource, this.audit);
  }

  /** The next minute. */
  next(): Date {
    this.minutes += 1;
    return this.now();
  }

  now(): Date {
    return new Date(START_MS + this.minutes * 60_000);
  }

  /** Its spec, or another one when it is there. @param edit what is changed of the flights' */
  async register(actor: string, edit: (source: string) => string = (source) => source): Promise<void> {
    const source = edit(YAML.replace('model: flight-delay', `model: ${this.model}`));
    const parsed = parseSpec(source);
    this.specDigest = parsed.digest;
    const { command } = await this.commands.accept({ actor, idempotencyKey: randomUUID(), kind: 'apply', model: this.model, body: { source } }, this.next());
    const at = this.next();
    await this.commands.settle(command.id, at, originOf(`model/${this.model}`), async (manager) => ({ kind: 'apply', specDigest: parsed.digest, changed: await this.models.apply(manager, source, parsed, actor, at) }));
  }

  /** A version that its gate has passed, asked for by a person. */
  async trained(actor: string, reason: string): Promise<number> {
    const body = { deployment: DEPLOYMENT, asOf: null, reason };
    const { command } = await this.commands.accept({ actor, idempotencyKey: randomUUID(), kind: 'retrain', model: this.model, body }, this.next());
    return this.train(command.id, actor, 'request');
  }

  /** The same, decided on after a window that was assessed. */
  async triggered(trigger: AutomaticTrigger, because: string): Promise<number> {
    const { fromEvent, revision } = await this.assessed('fail');
    const decided = await this.decisions.add({
      model: this.model, deployment: DEPLOYMENT, fromEvent, revision, outcome: 'retrain', reason: null, trigger, because, counterfactual: { retrained: [], memory: null }, decisionDigest: sha256(because), decidedAt: this.next(),
    }, { deployment: DEPLOYMENT, asOf: null, reason: because, trigger }, originOf('monitor'));
    return this.train(decided?.decision.commandId as string, 'perennial', trigger);
  }

  /** The gate's promotion of a version, and the end of its retrain. */
  async promote(version: number, actor: string): Promise<void> {
    const { retrain } = await this.versions.get(this.model, version);
    const { epoch } = await this.routing.get(this.model, DEPLOYMENT);
    const origin = originOf(`retrain/${this.model}/${retrain}`);
    const change = await this.routing.moveChampion({ model: this.model, deployment: DEPLOYMENT, expectedEpoch: epoch, version, reason: 'promotion', actor }, this.next(), origin);
    await this.retrains.end({ model: this.model, number: retrain }, { outcome: 'promoted', reason: 'It was better.', failure: null, promotedEpoch: change.epoch }, this.next(), origin);
  }

  /** A release of a version up to the first step of its canary, 20 %. @returns its number */
  async shadowed(version: number, actor: string, reason: string): Promise<number> {
    const { retrain } = await this.versions.get(this.model, version);
    const origin = originOf(`model/${this.model}/deployment/${version}`);
    await this.retrains.end({ model: this.model, number: retrain }, { outcome: 'releasing', reason: 'It passed.', failure: null, promotedEpoch: null }, this.next(), origin);
    const request = { model: this.model, deployment: DEPLOYMENT, version, retrain, commandId: null, specDigest: this.specDigest, requestedBy: actor, requestReason: reason };
    const number = await this.releases.inTurn(this.model, (manager) => this.releases.add(manager, request, this.next(), origin));
    const routing = await this.routing.get(this.model, DEPLOYMENT);
    const plan = Buffer.from(canonicalJson({ version, canary: { steps: [20] } }));
    await this.releases.inTurn(this.model, async (manager) => {
      const at = this.next();
      const revision = await this.routing.changeTraffic(manager, routing, { challengers: [version], weights: { [version]: 20 }, paused: false }, at);
      const changes = { stage: 'canary', step: 0, champion: routing.champion, epoch: routing.epoch, plan, planDigest: sha256(plan), beganAt: at } as const;
      await this.releases.transit(manager, await this.releases.lock(manager, { model: this.model, number }), { changes, action: 'begin', reason: 'Its turn has come.', actor: 'perennial', measurement: null, revision }, at, origin);
    });
    return number;
  }

  /** Its promotion on a comparison, and its end. */
  async released(number: number, standing: Partial<ComparisonStanding>): Promise<void> {
    const { version } = await this.watched(number, standing);
    await this.releases.end({ model: this.model, number }, { outcome: 'promoted', reason: 'Its watch is over.', failure: null }, this.next(), originOf(`model/${this.model}/deployment/${version}`));
  }

  /** Its promotion alone: it is watched. */
  async watched(number: number, standing: Partial<ComparisonStanding>): Promise<Release> {
    const release = await this.releases.get({ model: this.model, number });
    const origin = originOf(`model/${this.model}/deployment/${release.version}`);
    const at = this.next();
    await this.compared(number, standing, at);
    const move = { model: this.model, deployment: DEPLOYMENT, expectedEpoch: release.epoch as number, version: release.version, reason: 'promotion', actor: release.requestedBy, challengers: [] } as const;
    await this.releases.inTurn(this.model, async (manager) => {
      const { epoch, revision } = await this.routing.moveChampionWithin(manager, move, at, origin);
      const measurement = { transitions: 1, streamTimeMs: START_MS, comparison: standing } as unknown as ReleaseMeasurement;
      await this.releases.transit(manager, await this.releases.lock(manager, { model: this.model, number }), { changes: { stage: 'watch', step: null, promotedEpoch: epoch }, action: 'promote', reason: 'It is better.', actor: 'perennial', measurement, revision }, at, origin);
    });
    return release;
  }

  async rolledBack(to: number, actor: string, reason: string): Promise<void> {
    const routing = await this.routing.get(this.model, DEPLOYMENT);
    const id = { model: this.model, deployment: DEPLOYMENT, fromEpoch: routing.epoch };
    const origin = originOf(`rollback/${this.model}/${DEPLOYMENT}/${routing.epoch}`);
    const { command } = await this.commands.accept({ actor, idempotencyKey: randomUUID(), kind: 'rollback', model: this.model, body: { deployment: DEPLOYMENT, toVersion: to, reason } }, this.next());
    const requestedAt = this.next();
    await this.commands.settle(command.id, requestedAt, origin, async (manager) => {
      await this.routing.beginRollback(manager, { ...id, commandId: command.id, fromVersion: routing.champion as number, toVersion: to, reason, requestedBy: actor, requestedAt });
      return { kind: 'rollback', deployment: DEPLOYMENT, fromEpoch: routing.epoch, toVersion: to, workflowId: origin.workflowId as string, joined: false };
    });
    const change = await this.routing.moveChampion({ model: this.model, deployment: DEPLOYMENT, expectedEpoch: routing.epoch, version: to, reason: 'rollback', actor }, this.next(), origin);
    await this.routing.endRollback(id, { outcome: 'done', explanation: 'Every gateway follows.', toEpoch: change.epoch, gatewaysBehind: [] }, undefined, this.next(), origin);
  }

  /** What an approval of the use case that the spec in force states came to. @returns its number */
  async useCase(author: string, outcome: 'approved' | 'rejected'): Promise<number> {
    const approvals = new ApprovalsRepository(this.dataSource, this.audit);
    const number = await this.approval(author, 'useCase');
    await this.dataSource.transaction((manager) => approvals.end(manager, { model: this.model, number }, { outcome, reason: 'Voted on.', at: this.next() }, originOf('approval')));
    return number;
  }

  /** A retirement up to its approval or the first steps after. @returns its number */
  async retiring(actor: string, steps: readonly RetirementStepName[]): Promise<number> {
    const retirements = new RetirementsRepository(this.dataSource, this.audit);
    const approval = await this.approval(actor, 'retirement');
    const { command } = await this.commands.accept({ actor, idempotencyKey: randomUUID(), kind: 'retire', model: this.model, body: { trigger: 'unused', replacement: null, answers: null, reason: 'nobody asks' } }, this.next());
    const requestedAt = this.next();
    let number = 0;
    await this.commands.settle(command.id, requestedAt, originOf('model'), async (manager) => {
      number = await retirements.add(manager, {
        model: this.model, trigger: 'unused', replacement: null, reason: 'nobody asks', terms: {} as RetirementTerms, digest: sha256('retirement'), specDigest: this.specDigest, approval, requestedBy: actor, requestedAt, commandId: command.id,
      });
      return { kind: 'retire', number, approval: { number: approval, outcome: null, workflowId: 'retirement' }, workflowId: 'retirement', ended: [], cancels: null };
    });
    for (const step of steps) await this.dataSource.transaction((manager) => retirements.take(manager, { model: this.model, number }, { step, at: this.next() }, originOf('retirement')));
    return number;
  }

  private async approval(author: string, kind: ApprovalKind): Promise<number> {
    const approvals = new ApprovalsRepository(this.dataSource, this.audit);
    const { command } = await this.commands.accept({ actor: author, idempotencyKey: randomUUID(), kind: 'requestApproval', model: this.model, body: { reason: 'It is to begin.' } }, this.next());
    const openedAt = this.next();
    return this.dataSource.transaction((manager) => approvals.add(manager, {
      kind, model: this.model, version: null, digest: this.specDigest, evidence: {}, specDigest: this.specDigest, tier: 'low', rule: { kind: 'none' }, barred: {}, author, commandId: command.id,
      openedAt, expiresAt: new Date(openedAt.getTime() + 86_400_000), remindEveryMs: 3_600_000,
    }, originOf('approval')));
  }

  /** A window that the champion answered, of the day that wall time stands at in minutes. */
  async assessed(verdict: WindowAssessment['verdict']): Promise<WindowAssessment> {
    const { champion } = await this.routing.get(this.model, DEPLOYMENT);
    const assessedAt = this.next();
    const fromEvent = new Date(Date.parse('2013-01-01T00:00:00.000Z') + this.minutes * 86_400_000);
    const window = {
      model: this.model, deployment: DEPLOYMENT, fromEvent, untilEvent: new Date(fromEvent.getTime() + 86_400_000), revision: 1, occasion: 'closed', specDigest: this.specDigest, labelRevision: 0, filesDigest: 'sha256:f', rows: 10, verdict,
      findings: verdict === 'fail' ? [{ check: 'missing', feature: 'temperature', measured: 0.5, low: 0.4, limit: 0.1, rows: 10, message: 'half of the temperatures are missing' }] : [],
      headline: { version: champion, labelled: 0, harm: null }, reportDigest: null, harm: null, estimatedHarm: null, alarmId: null, workflowId: 'monitor', assessedAt,
    } as unknown as WindowAssessment;
    await this.assessments.add(window);
    return window;
  }

  async alarmed(summary: string): Promise<string> {
    const notice = { kind: 'windowHarmful', severity: 'critical', model: this.model, deployment: DEPLOYMENT, subject: 'window/x', dedupKey: `${this.model}/${summary}`, summary, details: {}, test: false } as const;
    return (await this.alarms.raise(notice, this.next(), originOf('monitor'))).id;
  }

  private async train(commandId: string, actor: string, trigger: AutomaticTrigger | 'request'): Promise<number> {
    const at = this.next();
    let number = 0;
    await this.commands.settle(commandId, at, originOf(`model/${this.model}`), async (manager) => {
      number = await this.retrains.add(manager, { model: this.model, commandId, deployment: DEPLOYMENT, trigger, asOf: null, specDigest: this.specDigest, requestedBy: actor, requestedAt: at });
      return { kind: 'retrain', number, workflowId: `retrain/${this.model}/${number}`, joined: false };
    });
    const id = { model: this.model, number };
    const origin = originOf(`retrain/${this.model}/${number}`);
    const snapshot = this.snapshot(number);
    await this.retrains.recordSnapshot(id, snapshot, this.next(), origin);
    const begun = await this.training.begin(id, { trainer: 'xgboost', parameters: { rounds: number }, seed: 7, specDigest: this.specDigest, snapshotDigest: snapshot.digest, codeDigest: sha256('code') }, 'worker', this.next());
    const environment = { requirementsDigest: sha256('requirements'), device: 'cpu', libraries: { xgboost: '3.0' }, host: 'h' };
    await this.training.publish(begun.lease, { model: { digest: sha256(`model ${number}`), bytes: 5 }, parity: { digest: sha256('parity'), bytes: 5 }, metrics: {}, environment }, this.next(), origin);
    const admission: AdmittedModel = { digest: sha256(`model ${number}`), bytes: 5, irVersion: 8, opset: {}, operators: {}, producer: 'p', inputs: [], outputs: [] };
    const version = await this.versions.add(await this.retrains.get(id), admission, this.next(), origin);
    await this.judge(id, version.number, snapshot.digest, origin);
    return version.number;
  }

  private async judge(id: { model: string; number: number }, version: number, snapshotDigest: string, origin: Origin): Promise<void> {
    const { champion, epoch } = await this.routing.get(this.model, DEPLOYMENT);
    const metrics = { metrics: { auc: { value: 0.7, low: 0.69, high: 0.71 } }, undefinedBecause: {} };
    const comparison = champion === null ? null : { metric: 'auc', rows: 100, blocks: 4, candidate: 0.7, champion: 0.68, gain: { value: 0.02, low: 0.01, high: 0.03 } } as const;
    await this.versions.recordEvaluation(id, {
      version, deployment: DEPLOYMENT, championVersion: champion, epoch, snapshotDigest,
      result: { rows: 100, window: { start: '2013-01-01T00:00:00.000Z', end: '2013-02-01T00:00:00.000Z' }, candidate: metrics, champion: champion === null ? null : metrics, comparison, ...this.found },
      gate: { verdict: 'pass', checks: [{ name: 'absolute:auc', verdict: 'pass', explanation: 'It is.', measured: { value: 0.7, low: 0.69, high: 0.71 }, required: 'at least 0.6' }] },
    }, this.next(), origin);
  }

  private async compared(release: number, standing: Partial<ComparisonStanding>, at: Date): Promise<void> {
    const analysis = { model: this.model, release, number: 1, phase: 'rollout', kind: 'labelled', revises: null, planDigest: 'sha256:p', fromEvent: new Date(0), openedAt: at } as const;
    await this.dataSource.manager.insert(ComparisonAnalysis, analysis);
    for (const number of [1, 2]) {
      const block = { fromEvent: new Date(number), untilEvent: new Date(number + 1), samples: 10, missingLabels: 0, mirrored: { executed: 1, dropped: 0, failed: 0 }, state: {}, labelRevision: null, recordedAt: at };
      await this.dataSource.manager.insert(ComparisonBlock, { model: this.model, release, analysis: 1, number, ...block, standing: { ...standing, blocks: number } } as object);
    }
  }

  private snapshot(retrain: number): SnapshotRef {
    const part = { artifact: { digest: sha256(`rows ${retrain}`), bytes: 1 }, rows: 10, labelledRows: 9, window: { start: '2013-01-01T00:00:00.000Z', end: '2013-02-01T00:00:00.000Z' } };
    const manifest = { model: this.model, specDigest: this.specDigest, asOf: '2013-02-01T00:00:00.000Z', source: { path: 'flights/*.parquet', format: 'parquet', files: [{ name: 'flights/a.parquet', bytes: 10, digest: sha256('a') }] }, columns: [], train: part, evaluation: this.evaluation ?? part } as const;
    return { digest: sha256(`${this.model} ${retrain}`), manifest };
  }

  async release(number: number): Promise<Release> {
    return this.releases.get({ model: this.model, number });
  }
}
