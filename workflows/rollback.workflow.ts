import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { RollbackInput } from '../src/contracts/motion.js';
import type { RollbackId, StoredFailure } from '../src/contracts/retrains.js';
import { cancelled, storedFailure, typedFailure } from './failures.js';
import { gateways, record } from './policies.js';
import { StageBoard } from './stage-board.js';
import { deliverAlarms, tellLifecycle, tellWorkflow } from './tell.js';

export interface RollbackResult {
  readonly outcome: 'done' | 'aborted';
  readonly toEpoch: number | null;
  /** Live gateways that had not followed when it ended. */
  readonly gatewaysBehind: readonly string[];
}

const GATEWAYS_WITHIN_MS = 30_000;

/** The champion back to a version that has served before; done when every live gateway serves it. */
export async function rollback(input: RollbackInput): Promise<RollbackResult> {
  const id: RollbackId = { model: input.model, deployment: input.deployment, fromEpoch: input.fromEpoch };
  const board = new StageBoard(`Rollback of ${id.model}/${id.deployment} from epoch ${id.fromEpoch}`, ['change champion', 'gateways follow']);
  try {
    return await changeBack(id, board);
  } catch (error) {
    const failure = storedFailure(error);
    await CancellationScope.nonCancellable(() => endBadly(id, board, failure.message, failure.type === 'ChampionMoved'));
    if (failure.type === 'ChampionMoved') return { outcome: 'aborted', toEpoch: null, gatewaysBehind: [] };
    throw isCancellation(error) ? cancelled() : typedFailure(failure);
  } finally {
    await CancellationScope.nonCancellable(() => tellLifecycle(id.model));
  }
}

async function changeBack(id: RollbackId, board: StageBoard): Promise<RollbackResult> {
  board.begin('change champion', 'Changing the champion, if nobody else has since the request.');
  const change = await record.rollBack.executeWithOptions({ summary: `Change the champion, if epoch ${id.fromEpoch} still stands` }, [id]);
  if (change.ended !== undefined) await tellWorkflow(change.ended);
  board.begin('gateways follow', 'Waiting until every live gateway serves the version.');
  const behind = await gateways.awaitGateways.executeWithOptions(
    { summary: 'Wait for the gateways' },
    [id.model, id.deployment, change.revision, GATEWAYS_WITHIN_MS],
  );
  const explanation = behind.length === 0 ? `Epoch ${change.epoch} is served everywhere.` : `Epoch ${change.epoch} is on the record, but not yet served by ${behind.join(', ')}.`;
  await record.endRollback.executeWithOptions({ summary: 'End: done' }, [id, { outcome: 'done', explanation, toEpoch: change.epoch, gatewaysBehind: behind }]);
  board.end(true, 'done', explanation);
  return { outcome: 'done', toEpoch: change.epoch, gatewaysBehind: behind };
}

async function endBadly(id: RollbackId, board: StageBoard, explanation: string, moved: boolean): Promise<void> {
  const outcome = moved ? 'aborted' : 'failed';
  await record.endRollback.executeWithOptions({ summary: `End: ${outcome}` }, [id, { outcome, explanation, toEpoch: null, gatewaysBehind: [] }]);
  board.end(false, outcome, explanation);
  if (!moved) await deliverAlarms();
}

/** A terminated rollback has no say any more: whoever started it records its end, and tells a person. */
export async function recordRollbackEnd(id: RollbackId, { type, message }: StoredFailure): Promise<void> {
  await record.endRollback.executeWithOptions({ summary: `Record how the rollback from epoch ${id.fromEpoch} ended` }, [id, {
    outcome: type === 'WorkflowTerminated' ? 'terminated' : 'failed', explanation: message, toEpoch: null, gatewaysBehind: [],
  }]);
  await deliverAlarms();
}
