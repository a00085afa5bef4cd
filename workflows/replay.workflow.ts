import { CancellationScope, isCancellation, upsertSearchAttributes } from '@temporalio/workflow';
import type { ReplayInput } from '../src/contracts/motion.js';
import type { ReplayId, ReplayOutcome, ReplayResultFigures } from '../src/contracts/replays.js';
import { cancelled, storedFailure, typedFailure } from './failures.js';
import { data, record } from './policies.js';
import { StageBoard } from './stage-board.js';

export interface ReplayResult {
  readonly outcome: ReplayOutcome;
  readonly reason: string;
}

/**
 * A version over the logged predictions of a past period: scored, compared with what the champion of then answered, and
 * recorded block by block, so that it can be started anew at any point and goes on from there. It changes nothing in service.
 */
export async function replay(input: ReplayInput): Promise<ReplayResult> {
  const id: ReplayId = { model: input.model, number: input.number };
  const board = new StageBoard(`Replay ${id.number} of ${id.model}`, ['plan', 'compare']);
  try {
    board.begin('plan', 'Reading what was fixed when it was asked for.');
    const begin = await record.beginReplay.executeWithOptions({ summary: 'See what was asked for' }, [id]);
    if (begin.outcome) return { outcome: begin.outcome, reason: 'It had ended before.' };
    upsertSearchAttributes({ PerennialTier: [begin.tier], PerennialDeployment: [begin.deployment], PerennialVersion: [begin.version] });
    board.note(`version ${begin.version}, ${begin.period.start} to ${begin.period.end}; ${begin.planDigest}`);
    board.begin('compare', 'Scoring what was logged and comparing it with what the champion of then answered; how far it is stands in the heartbeat of the pending activity. Nothing in service changes. Cancelling ends it.');
    const figures = await data.replayObservations.executeWithOptions({ summary: `Run version ${begin.version} over what was logged` }, [id]);
    return await end(id, board, figures);
  } catch (error) {
    await CancellationScope.nonCancellable(() => endBadly(id, board, error));
    throw isCancellation(error) ? cancelled() : typedFailure(storedFailure(error));
  }
}

async function end(id: ReplayId, board: StageBoard, figures: ReplayResultFigures): Promise<ReplayResult> {
  const { outcome, reason } = figures;
  board.note(`${figures.rows.pairs} pairs in ${figures.blocks} blocks`);
  await record.endReplay.executeWithOptions({ summary: `End: ${outcome}` }, [id, { outcome, reason, failure: null }]);
  board.end(true, outcome, [reason, '', ...figureLines(figures)].join('\n'));
  return { outcome, reason };
}

async function endBadly(id: ReplayId, board: StageBoard, error: unknown): Promise<void> {
  const failure = storedFailure(error);
  const outcome = failure.type === 'WorkflowCancelled' ? 'cancelled' : 'failed';
  await record.endReplay.executeWithOptions({ summary: `End: ${outcome}` }, [id, { outcome, reason: failure.message, failure }]);
  board.end(false, outcome, failure.message);
}

function figureLines({ rows, samples, missingLabels, gain, low, high, agreement, outputShift, seenInTraining }: ReplayResultFigures): string[] {
  const left = [
    [rows.withoutInputs, 'without inputs'], [rows.lackingFeatures, 'lacking features'], [rows.ownAnswers, 'answered by itself'], [rows.withoutChampion, 'without the champion'], [rows.failed, 'without a number'],
  ].flatMap(([count, what]) => (count ? [`${count} ${what}`] : []));
  return [
    '| | |', '|---|---|',
    `| predictions observed | ${rows.observed}, of which ${rows.pairs} are pairs${left.length > 0 ? ` (${left.join(', ')})` : ''} |`,
    `| mature labels | ${samples}; ${missingLabels} missing |`,
    `| mean gain | ${figure(gain)} [${figure(low)}, ${figure(high)}] |`,
    `| before labels | agreement ${figure(agreement)}, output shift ${figure(outputShift)} |`,
    ...(seenInTraining ? [`| seen in training | ${seenInTraining.pairs} pairs, ${seenInTraining.start} to ${seenInTraining.end} |`] : []),
  ];
}

const figure = (value: number | null): string => (value === null ? '–' : value.toPrecision(4));
