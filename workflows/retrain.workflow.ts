import { CancellationScope, condition, isCancellation, ParentClosePolicy, proxyActivities, setHandler, startChild, upsertSearchAttributes, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { type RetrainInput, validationWorkflowId } from '../src/contracts/motion.js';
import type { GateSummary, RetrainId, RetrainOutcome, RetrainPlan, ScoreSummary } from '../src/contracts/retrains.js';
import { modelAttributes } from '../src/contracts/search-attributes.js';
import type { ValidationId } from '../src/contracts/validations.js';
import { developmentLines } from './development-lines.js';
import { cancelled, storedFailure, typedFailure } from './failures.js';
import { changedSignal } from './messages.js';
import { data, gateways, record, trainingOptions } from './policies.js';
import { StageBoard } from './stage-board.js';
import { startOnce } from './start-once.js';
import { tellLifecycle, tellWorkflow } from './tell.js';
import { validation } from './validation.workflow.js';

export interface RetrainResult {
  readonly outcome: RetrainOutcome;
  readonly reason: string;
  readonly version: number | null;
  readonly epoch: number | null;
}

const STEPS = ['snapshot', 'validate', 'train', 'admit', 'score', 'gate', 'promote'];
/** Promotion is done when the record says so; how long operators are kept waiting for gateways to follow. */
const GATEWAYS_WITHIN_MS = 10_000;
/** A word that development goes on may have been lost. */
const LOOK_AGAIN_MS = 60 * 60 * 1_000;

/**
 * One retrain: snapshot → validate data → train → admit → score → gate → promote. Each step is recorded by its activity,
 * so that the workflow can be started anew at any point and goes on from there.
 */
export async function retrain(input: RetrainInput): Promise<RetrainResult> {
  // Until development is paused nothing waits for it.
  setHandler(changedSignal, () => undefined);
  const id: RetrainId = { model: input.model, number: input.number };
  const board = new StageBoard(`Retrain ${id.number} of ${id.model}`, STEPS);
  board.say(developmentLines(id.model));
  try {
    const plan = await record.beginRetrain(id);
    if (plan.outcome) return { outcome: plan.outcome, reason: 'It had ended before.', version: null, epoch: null };
    upsertSearchAttributes({ PerennialTier: [plan.tier], PerennialTrigger: [plan.trigger], PerennialDeployment: [plan.deployment] });
    return await end(id, board, await takeSteps(id, plan, board));
  } catch (error) {
    await CancellationScope.nonCancellable(() => endBadly(id, board, error));
    throw isCancellation(error) ? cancelled() : typedFailure(storedFailure(error));
  } finally {
    await CancellationScope.nonCancellable(() => tellLifecycle(id.model));
  }
}

async function takeSteps(id: RetrainId, plan: RetrainPlan, board: StageBoard): Promise<RetrainResult> {
  const candidate = await makeCandidate(id, plan, board);
  const score = await judge(id, board, candidate);
  board.begin('gate', 'The gate decides by the thresholds of the spec and the paired comparison with the champion.');
  const gate = await record.decideGate.executeWithOptions({ summary: 'Decide over the candidate' }, [id, score]);
  board.note(gate.reason);
  board.say(developmentLines(id.model, gate.development));
  if (gate.verdict !== 'pass') return notPromoted(score, gate);
  return promote(id, plan, board, score, gate);
}

async function makeCandidate(id: RetrainId, plan: RetrainPlan, board: StageBoard): Promise<number> {
  board.begin('snapshot', 'Freezing the rows of the training and evaluation windows.');
  const snapshot = await data.takeSnapshot.executeWithOptions({ summary: 'Freeze the data' }, [id]);
  board.note(`${snapshot.trainRows} rows to train, ${snapshot.evaluationRows} to judge`);
  board.begin('validate', 'Checking the rows against the spec.');
  await data.validateData.executeWithOptions({ summary: 'Validate the data' }, [id]);
  board.begin('train', 'The trainer works; its progress is in the heartbeat of the pending activity. Cancelling ends it.');
  const { train } = proxyActivities<Activities['train']>(trainingOptions(plan.trainingTimeoutMs, plan.heartbeatTimeoutMs));
  const training = await train.executeWithOptions({ summary: 'Train the candidate' }, [id]);
  board.note(`on ${training.device}, ${training.attempts} attempt${training.attempts === 1 ? '' : 's'}`);
  board.begin('admit', 'Looking at the ONNX file before any runtime opens it, then comparing its answers with the trainer\'s.');
  const version = await data.admit.executeWithOptions({ summary: 'Admit the model file' }, [id]);
  upsertSearchAttributes({ PerennialVersion: [version] });
  board.note(`version ${version}`);
  return version;
}

async function judge(id: RetrainId, board: StageBoard, version: number): Promise<ScoreSummary> {
  board.begin('score', 'Scoring candidate and champion on rows that neither has seen.');
  const score = await data.score.executeWithOptions({ summary: `Score version ${version}` }, [id]);
  board.note(`${score.rows} rows, champion ${score.championVersion === null ? 'none' : `version ${score.championVersion}, epoch ${score.epoch}`}`);
  return score;
}

async function promote(id: RetrainId, plan: RetrainPlan, board: StageBoard, score: ScoreSummary, gate: GateSummary): Promise<RetrainResult> {
  board.begin('promote', 'Changing the champion, if the epoch that was judged against is still current; or beginning a release, as the spec says.');
  try {
    const change = await record.promote.executeWithOptions({ summary: `Promote version ${score.version}` }, [id]);
    if ('validating' in change) return { outcome: 'validating', reason: `${gate.reason} Its validation decides whether it serves.`, version: score.version, epoch: null };
    if (change.release !== null) {
      board.note(`release ${change.release}`);
      await Promise.all((change.superseded ?? []).map(tellWorkflow));
      return { outcome: 'releasing', reason: `${gate.reason} Release ${change.release} brings it into service step by step.`, version: score.version, epoch: null };
    }
    const behind = await gateways.awaitGateways.executeWithOptions(
      { summary: 'Wait for the gateways' },
      [id.model, plan.deployment, change.revision, GATEWAYS_WITHIN_MS],
    );
    board.note(`epoch ${change.epoch}${behind.length > 0 ? `; not yet served by ${behind.join(', ')}` : ''}`);
    return { outcome: 'promoted', reason: gate.reason, version: score.version, epoch: change.epoch };
  } catch (error) {
    const failure = storedFailure(error);
    if (failure.type !== 'ChampionMoved' && failure.type !== 'ModelStopped') throw error;
    return { outcome: 'aborted', reason: failure.message, version: score.version, epoch: null };
  }
}

const OUTCOME_OF = { fail: 'rejected', inconclusive: 'inconclusive', error: 'failed' } as const;

const notPromoted = (score: ScoreSummary, gate: GateSummary): RetrainResult => ({
  outcome: OUTCOME_OF[gate.verdict as keyof typeof OUTCOME_OF],
  reason: gate.reason,
  version: score.version,
  epoch: null,
});

async function end(id: RetrainId, board: StageBoard, result: RetrainResult): Promise<RetrainResult> {
  const { outcome, reason, epoch } = result;
  if (outcome === 'validating') await startValidation(await openValidation(id, board, reason));
  else await record.endRetrain.executeWithOptions({ summary: `End: ${outcome}` }, [id, { outcome, reason, failure: null, promotedEpoch: epoch }]);
  board.end(outcome === 'promoted' || outcome === 'releasing' || outcome === 'validating', outcome, reason);
  return result;
}

/** While development is paused nothing follows it. */
async function openValidation(id: RetrainId, board: StageBoard, reason: string): Promise<ValidationId> {
  let woken = false;
  setHandler(changedSignal, () => {
    woken = true;
  });
  for (;;) {
    woken = false;
    const opened = await record.openValidation.executeWithOptions({ summary: 'End, and open the validation' }, [id, reason]);
    if (opened) return opened;
    board.note(`Development is paused, and its validation waits: \`perennial stage resume ${id.model} development\` lets it go on.`);
    await condition(() => woken, LOOK_AGAIN_MS);
  }
}

/** It outlives the retrain; one that does not come to be started is reconciliation's. */
async function startValidation({ model, version }: ValidationId): Promise<void> {
  await startOnce(() =>
    startChild(validation, {
      workflowId: validationWorkflowId(model, version), args: [{ inputVersion: 1, model, version }], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `Validation of version ${version} of ${model}`, typedSearchAttributes: modelAttributes({ model, stage: 'validation' }),
    }),
  );
}

async function endBadly(id: RetrainId, board: StageBoard, error: unknown): Promise<void> {
  const failure = storedFailure(error);
  const outcome = failure.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
  await record.endRetrain.executeWithOptions({ summary: `End: ${outcome}` }, [id, { outcome, reason: failure.message, failure, promotedEpoch: null }]);
  board.end(false, outcome, failure.message);
}
