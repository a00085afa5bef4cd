import {
  CancellationScope, condition, continueAsNew, executeChild, isCancellation, ParentClosePolicy, patched, setHandler, upsertSearchAttributes,
  workflowInfo, WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { type AlarmNotice, releaseAlarmKey } from '../src/contracts/alarms.js';
import { type DeploymentInput, rollbackWorkflowId } from '../src/contracts/motion.js';
import type { MonitoringState, ReleaseId, ReleaseMeasurement, ReleaseOutcome, ReleasePlan, ReleaseTurn } from '../src/contracts/releases.js';
import { modelAttributes } from '../src/contracts/search-attributes.js';
import { cancelled, storedFailure, typedFailure } from './failures.js';
import { changedSignal } from './messages.js';
import { data, gateways, record } from './policies.js';
import { proveMonitoring } from './prove-monitoring.js';
import { ReleaseBoard, waysOut } from './release-board.js';
import { handlersFinished } from './strangers.js';
import { recordRollbackEnd, rollback } from './rollback.workflow.js';
import { GO_LIVE_PATCH, tellLifecycle, tellOwner, tellPerson } from './tell.js';

export interface DeploymentResult {
  readonly outcome: ReleaseOutcome;
  readonly reason: string;
}

/** A run's history stays far below Temporal's limits; a look takes about twenty events. */
const LOOKS_A_RUN = 200;
/** Before the release leaves the queue it has no plan, and no time between looks of its own. */
const QUEUED_CHECK_MS = 10_000;
const GATEWAYS_WITHIN_MS = 30_000;

/**
 * One version on its way into a deployment: shadow, canary steps, promotion, watch. Again and again it measures, and the
 * record decides and acts in one transaction; all that it knows is on the record, so that it can be started anew at any point.
 */
export async function deployment(input: DeploymentInput): Promise<DeploymentResult> {
  const release = new Release(input);
  setHandler(changedSignal, () => release.wake());
  try {
    const result = await release.run();
    if (result) return result;
  } catch (error) {
    await CancellationScope.nonCancellable(() => release.endBadly(error));
    throw isCancellation(error) ? cancelled() : typedFailure(storedFailure(error));
  } finally {
    if (release.isOver) await CancellationScope.nonCancellable(() => tellLifecycle(input.model));
  }
  await handlersFinished();
  return continueAsNew<typeof deployment>({ ...input, awaitedRevision: release.awaited, held: release.held });
}

/** `news`: there is something to follow and to show. */
type Turn = ReleaseTurn & { readonly news: boolean };

class Release {
  isOver = false;
  awaited: number;
  /** A person was told that it waits for one. */
  held: boolean;
  private readonly id: ReleaseId;
  private readonly board: ReleaseBoard;
  private woken = true;
  private measured: ReleaseMeasurement | null = null;
  private measuredAtMs = 0;
  private transitions = -1;

  constructor(input: DeploymentInput) {
    this.id = { model: input.model, number: input.number };
    this.awaited = input.awaitedRevision;
    this.held = input.held ?? false;
    this.board = new ReleaseBoard(this.id, input.version);
    upsertSearchAttributes({ PerennialVersion: [input.version] });
  }

  wake(): void {
    this.woken = true;
  }

  /** @returns undefined when it is time for a new run */
  async run(): Promise<DeploymentResult | undefined> {
    for (let looks = 0; looks < LOOKS_A_RUN && !workflowInfo().continueAsNewSuggested; looks += 1) {
      const turn = await this.look();
      if (turn.news) await this.follow(turn);
      const { outcome, plan } = turn.state;
      if (outcome !== null) return this.over(outcome, turn.state.reason ?? turn.decision.reason);
      if (this.measured?.complete !== false) await condition(() => this.woken, plan ? Math.max(1, this.measureAtMs(plan) - Date.now()) : QUEUED_CHECK_MS);
    }
    return undefined;
  }

  /** What a person asked for is done at once; between two measurements lies the time that the spec asks for. */
  private async look(): Promise<Turn> {
    this.woken = false;
    const before = await this.decide('See what was asked for', null, null);
    const { outcome, plan, transitions } = before.state;
    const news = transitions !== this.transitions;
    this.transitions = transitions;
    if (outcome !== null || before.needsProof) return { ...(await this.withProof(before, null)), news: true };
    if (plan === null) return { ...before, news: true };
    if (this.measured?.complete !== false && Date.now() < this.measureAtMs(plan)) return { ...before, news };
    this.measuredAtMs = Date.now();
    this.measured = null;
    const measurement = await this.measure();
    if (typeof measurement === 'string') return { ...before, news: true, decision: { action: 'hold', reason: `It cannot be measured: ${measurement}` } };
    this.measured = measurement;
    return { ...(await this.withProof(await this.decide('Decide over what was measured', measurement, null), measurement)), news: true };
  }

  private measureAtMs({ checkEveryMs }: ReleasePlan): number {
    return this.measuredAtMs + checkEveryMs;
  }

  private decide(summary: string, measurement: ReleaseMeasurement | null, monitoring: MonitoringState | null): Promise<ReleaseTurn> {
    return record.decideRelease.executeWithOptions({ summary }, [this.id, measurement, monitoring]);
  }

  /** A step only begins when a bad window that was made up has raised an alarm that arrived. */
  private async withProof(turn: ReleaseTurn, measurement: ReleaseMeasurement | null): Promise<ReleaseTurn> {
    if (!turn.needsProof) return turn;
    return this.decide('Begin the step, if monitoring works', measurement, await this.prove(turn));
  }

  private prove({ state }: ReleaseTurn): Promise<MonitoringState> {
    const step = `${state.transitions}`;
    return proveMonitoring(this.id.model, state.deployment, `release/${this.id.number}/${step}`, { release: this.id.number, step });
  }

  /** @returns why not, where it could not be measured: it is tried again at the next look */
  private async measure(): Promise<ReleaseMeasurement | string> {
    try {
      return await data.measureRelease.executeWithOptions(
        { summary: 'Compare both versions on what was observed', retry: { maximumAttempts: 3 }, startToCloseTimeout: '1 hour' }, [this.id],
      );
    } catch (error) {
      if (isCancellation(error)) throw error;
      return storedFailure(error).message;
    }
  }

  /** The world follows the record: rollback, gateways, alarms, what operators see. */
  private async follow(turn: ReleaseTurn): Promise<void> {
    const { state, decision, rollbackFromEpoch } = turn;
    const rollingBack = rollbackFromEpoch === null ? undefined : this.rollBack(state.deployment, rollbackFromEpoch);
    this.board.show(turn, this.measured);
    await Promise.all([rollingBack, this.gatewaysFollow(turn), this.alarm(turn)]);
    if (decision.action === 'promote' && patched(GO_LIVE_PATCH)) await tellOwner(this.id.model);
    if (state.outcome === null) this.held = decision.action === 'wait-for-person';
  }

  private async rollBack(deploymentName: string, fromEpoch: number): Promise<void> {
    const { model } = this.id;
    try {
      await executeChild(rollback, {
        workflowId: rollbackWorkflowId(model, deploymentName, fromEpoch), args: [{ inputVersion: 1, model, deployment: deploymentName, fromEpoch }],
        parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        staticSummary: `Rollback of ${model}/${deploymentName} from epoch ${fromEpoch}, by release ${this.id.number}`,
        typedSearchAttributes: modelAttributes({ model, deployment: deploymentName, stage: 'requested' }),
      });
    } catch (error) {
      // Whoever started it brings it to its end.
      if (error instanceof WorkflowExecutionAlreadyStartedError) return;
      if (isCancellation(error)) throw error;
      await recordRollbackEnd({ model, deployment: deploymentName, fromEpoch }, storedFailure(error));
    }
  }

  private async gatewaysFollow({ state, revision, rollbackFromEpoch }: ReleaseTurn): Promise<void> {
    if (revision <= this.awaited || rollbackFromEpoch !== null) return;
    const behind = await gateways.awaitGateways.executeWithOptions({ summary: `Wait until gateways serve revision ${revision}` }, [
      this.id.model, state.deployment, revision, GATEWAYS_WITHIN_MS,
    ]);
    this.awaited = revision;
    this.board.gatewaysBehind(behind);
  }

  /** A person is told once of what waits for one, and of what went back. */
  private async alarm(turn: ReleaseTurn): Promise<void> {
    const { state: { version }, decision, rollbackFromEpoch } = turn;
    const { model, number } = this.id;
    if (rollbackFromEpoch !== null) {
      await tellPerson(this.notice(turn, { kind: 'rolledBack', severity: 'critical', dedupKey: `release/${model}/${number}/rolled-back`, summary: `Version ${version} of ${model} is taken back. ${decision.reason}` }));
    } else if (decision.action === 'wait-for-person' && !this.held) {
      await tellPerson(this.notice(turn, { ...waiting(turn), dedupKey: releaseAlarmKey(model, number) }));
    } else if (decision.action !== 'wait-for-person' && this.held) {
      await record.endAlarm.executeWithOptions({ summary: 'It waits no longer' }, [releaseAlarmKey(model, number), decision.reason]);
    }
  }

  private notice({ state, decision }: ReleaseTurn, alarm: Pick<AlarmNotice, 'kind' | 'severity' | 'dedupKey' | 'summary'>): AlarmNotice {
    const details = { version: state.version, stage: state.stage, reason: decision.reason };
    return { ...alarm, model: this.id.model, deployment: state.deployment, subject: `release/${this.id.number}`, test: false, details };
  }

  private over(outcome: ReleaseOutcome, reason: string): DeploymentResult {
    this.isOver = true;
    this.board.end(outcome, reason);
    return { outcome, reason };
  }

  async endBadly(error: unknown): Promise<void> {
    const failure = storedFailure(error);
    const outcome = failure.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
    await record.endRelease.executeWithOptions({ summary: `End: ${outcome}` }, [this.id, { outcome, reason: failure.message, failure }]);
    this.over(outcome, failure.message);
  }
}

/** In the watch only one thing waits for a person: what should go back and cannot. */
function waiting({ state: { id: { model, number }, stage, version }, decision }: ReleaseTurn): Pick<AlarmNotice, 'kind' | 'severity' | 'summary'> {
  const summary = `Release ${number} of ${model} waits for a person: ${waysOut(stage, model, number)}. ${decision.reason}`;
  if (stage !== 'watch') return { kind: 'releaseHeld', severity: 'warning', summary };
  return { kind: 'noRollbackTarget', severity: 'critical', summary: `Version ${version} of ${model} should be taken back, and stays in service. ${summary}` };
}
