import { heldOutText } from '../contracts/artifacts.js';
import { type ReplayPlan, type ReplayResultFigures, type ReplayRows, type SeenInTraining, trainingOverlap } from '../contracts/replays.js';
import { isoTime } from '../contracts/time.js';
import { addBlock, type ComparisonState, type Judgement, judge, type PairBlock, startComparison } from './comparison.js';
import { unlabelledPlan } from './release-figures.js';
import { addUnlabelled, judgeUnlabelled, startUnlabelled, type UnlabelledBlock, type UnlabelledJudgement, type UnlabelledState } from './unlabelled-comparison.js';

/** Carried from block to block: JSON-serialisable and of one size. */
export interface ReplayState {
  readonly labelled: ComparisonState;
  readonly unlabelled: UnlabelledState;
}

export interface ReplayStanding {
  readonly labelled: Judgement;
  readonly unlabelled: UnlabelledJudgement;
}

export const startReplay = (plan: ReplayPlan): ReplayState => ({ labelled: startComparison(plan.comparison), unlabelled: startUnlabelled(unlabelledPlan(plan)) });

/** Whether all labels of a block have had their horizon when the replay was asked for. */
export const isLabelled = ({ labelledUntilMs }: ReplayPlan, { untilMs }: { readonly untilMs: number }): boolean => labelledUntilMs !== null && untilMs <= labelledUntilMs;

/** The state after one more block. Where labels may still come it enters without them: those that come early are no fair sample. */
export function addReplayBlock(plan: ReplayPlan, state: ReplayState, block: PairBlock & UnlabelledBlock): ReplayState {
  return { labelled: isLabelled(plan, block) ? addBlock(state.labelled, block) : state.labelled, unlabelled: addUnlabelled(state.unlabelled, block) };
}

export const judgeReplay = ({ labelled, unlabelled }: ReplayState): ReplayStanding => ({ labelled: judge(labelled), unlabelled: judgeUnlabelled(unlabelled) });

/** What a replay says in the end, from its blocks together. */
export function replayFigures(plan: ReplayPlan, rows: ReplayRows, { labelled, unlabelled }: ReplayStanding, blocks: number): ReplayResultFigures {
  const overlap = trainingOverlap(plan);
  const seenInTraining: SeenInTraining | null = overlap && { ...overlap, pairs: rows.seenInTraining };
  return {
    outcome: labelled.outcome ?? 'inconclusive', reason: reasonOf(plan, rows, labelled, seenInTraining), rows, samples: labelled.n, missingLabels: labelled.missing,
    gain: labelled.gain, low: labelled.low, high: labelled.high, agreement: unlabelled.agreement.share, outputShift: unlabelled.outputs?.distance ?? null, blocks, seenInTraining,
  };
}

function reasonOf(plan: ReplayPlan, rows: ReplayRows, labelled: Judgement, seen: SeenInTraining | null): string {
  const late = labelled.blocks === 0 && plan.labelledUntilMs !== null && plan.labelledUntilMs < plan.untilMs ? ' The labels of the period have not had their horizon yet.' : '';
  const warning = seen === null ? '' : ` Beware: version ${plan.version} was trained on ${seen.start} to ${seen.end}${plan.heldOut ? ` but for blocks held out (${heldOutText(plan.heldOut)})` : ''}, where ${seen.pairs} of the ${rows.pairs} pairs lie.`;
  return `Version ${plan.version} on what was logged, against the champion of then: ${labelled.explanation}.${late}${warning} Nothing in service was changed.`;
}

/** Why no row of a period makes a pair, count by count. */
export function whyNoPair({ version, fromMs, untilMs }: ReplayPlan, rows: ReplayRows, lackingFeatures: readonly string[]): string {
  const reasons = [
    rows.ownAnswers > 0 ? `${rows.ownAnswers} were answered while version ${version} was the champion itself` : null,
    rows.withoutInputs > 0 ? `the inputs of ${rows.withoutInputs} were not kept` : null,
    rows.lackingFeatures > 0 ? `${rows.lackingFeatures} lack features that it takes${lackingFeatures.length > 0 ? ` (${lackingFeatures.join(', ')})` : ''}` : null,
    rows.withoutChampion > 0 ? `${rows.withoutChampion} have no output of the champion` : null,
    rows.failed > 0 ? `it gave no number on ${rows.failed}` : null,
  ].filter((reason) => reason !== null);
  const period = `between ${isoTime(fromMs)} and ${isoTime(untilMs)}`;
  if (rows.observed === 0) return `Nothing was observed ${period}; ask for another period`;
  return `None of the ${rows.observed} predictions ${period} can be replayed by version ${version}: ${reasons.join('; ')}`;
}
