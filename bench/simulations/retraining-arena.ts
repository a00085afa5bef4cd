import type { DriftStream } from './drift-streams.js';
import { brierLoss, type Tree, trainTree, type TreeOptions, TREE_DEFAULTS, treeScore } from './histogram-tree.js';

/**
 * Runs retraining policies on a stream, all under the same terms, so that only the decision to retrain differs.
 *
 * The first `trainingWindows` windows are history: the first model is trained on them. After that, at the end of each window w:
 * its rows have been scored by the deployed model, the labels of window w − 1 come in, and the policy decides. A new model
 * is trained on the `trainingWindows` newest windows whose labels are known, up to w − 1, and scores from window w + 1 on. So
 * right after a change most of what it is trained on is from before; a policy may ask again once labels show what that gave.
 * A request in the `cooldownWindows` windows after a retraining is not granted and not kept.
 *
 * Time is counted in rows and windows, windows from 0 at the end of history. The loss is Brier's.
 */
export interface ArenaPlan {
  readonly rowsPerWindow: number;
  readonly trainingWindows: number;
  readonly cooldownWindows: number;
  readonly tree: TreeOptions;
}

/** A year of 48 weeks needs 52 × 250 rows. */
export const ARENA_DEFAULTS: ArenaPlan = { rowsPerWindow: 250, trainingWindows: 4, cooldownWindows: 1, tree: TREE_DEFAULTS };

/**
 * Every fifth row of a training stretch is held out: its losses are those of rows that the model has not seen. Windows have a multiple of five rows, so
 * that each row is held out from all models or from none, as blocks of event time are in service (docs/SPEC.md).
 */
export const HOLD_OUT_EVERY = 5;

/** @param place of a row in a training stretch */
export const isHeldOut = (place: number): boolean => place % HOLD_OUT_EVERY === HOLD_OUT_EVERY - 1;

/** Rows with the deployed model's scores, the chances of label 1. */
export interface ScoredRows {
  /** Row by row, `width` numbers each. */
  readonly features: Float64Array;
  readonly scores: Float64Array;
}

export interface JudgedRows extends ScoredRows {
  readonly labels: Float64Array;
  /** Brier loss of each row. */
  readonly losses: Float64Array;
}

/** All that a policy knows at the end of a window. */
export interface WindowFacts {
  readonly window: number;
  readonly width: number;
  /** Models deployed before this one: where it rises, what was measured of another model is to be forgotten. */
  readonly deployment: number;
  /** The features that the deployed model was trained on. */
  readonly trainingFeatures: Float64Array;
  /** Rows of the training stretch that were held out. */
  readonly heldOut: JudgedRows;
  /** This window's rows; their labels are not known. */
  readonly current: ScoredRows;
  /** The rows whose labels have come now; null where another model scored them, as after each deployment. */
  readonly labelled: JudgedRows | null;
  /** Rows that a retraining decided now would learn from, oldest first, as the deployed model judges them; made when it is asked for. */
  readonly stretch: () => JudgedRows;
  readonly plan: ArenaPlan;
}

export interface RetrainingPolicy {
  readonly name: string;
  /** Begins a run. What it returns is asked once at the end of each window, in order, and may keep state: true asks for a retraining. */
  readonly start: () => (facts: WindowFacts) => boolean;
  /** Candidates that it has trained and not released, in all runs so far; none without. */
  readonly candidates?: () => number;
}

export interface PolicyOutcome {
  readonly policy: string;
  readonly retrains: number;
  /** Retrainings on a stream without harm, or at the end of a window that harm has not reached. */
  readonly falseAlarms: number;
  /** From where harm starts to the first retraining after it; null without harm or without one. Luck counts: a calendar has a delay too. */
  readonly delayRows: number | null;
  readonly delayWindows: number | null;
  /** Of all rows after history; null of no rows. */
  readonly meanLoss: number | null;
  /** Mean loss of never retraining less this one; 0 for never, below 0 where retraining did damage. */
  readonly lossAvoided: number | null;
}

interface Deployed {
  readonly number: number;
  readonly tree: Tree;
  readonly sinceWindow: number;
  readonly trainingFeatures: Float64Array;
  readonly heldOut: JudgedRows;
}

interface Run {
  /** The row at the end of the window after which each retraining was decided. */
  readonly decidedAt: readonly number[];
  readonly meanLoss: number | null;
}

/**
 * @returns one outcome for each policy, in their order
 * @throws RangeError where a number of the plan is not a whole number from 1 (from 0 for the cooldown)
 */
export function retrainingOutcomes(stream: DriftStream, policies: readonly RetrainingPolicy[], plan: ArenaPlan = ARENA_DEFAULTS): PolicyOutcome[] {
  for (const whole of [plan.rowsPerWindow, plan.trainingWindows, plan.cooldownWindows + 1]) {
    if (!Number.isInteger(whole) || whole < 1) throw new RangeError(`${whole} windows or rows make no plan`);
  }
  const never = runPolicy(stream, () => false, plan);
  return policies.map(({ name, start }) => outcomeOf(name, stream, plan, runPolicy(stream, start(), plan), never));
}

function outcomeOf(policy: string, { harmStart }: DriftStream, { rowsPerWindow }: ArenaPlan, { decidedAt, meanLoss }: Run, never: Run): PolicyOutcome {
  const first = decidedAt.find((row) => harmStart !== null && row > harmStart);
  const delayRows = first === undefined ? null : first - harmStart!;
  return {
    policy,
    retrains: decidedAt.length,
    falseAlarms: decidedAt.filter((row) => harmStart === null || row <= harmStart).length,
    delayRows,
    delayWindows: delayRows === null ? null : delayRows / rowsPerWindow,
    meanLoss,
    lossAvoided: meanLoss === null ? null : never.meanLoss! - meanLoss,
  };
}

function runPolicy(stream: DriftStream, decide: (facts: WindowFacts) => boolean, plan: ArenaPlan): Run {
  const { rowsPerWindow, trainingWindows, cooldownWindows } = plan;
  const history = trainingWindows * rowsPerWindow;
  const windows = Math.max(0, Math.floor((stream.rows - history) / rowsPerWindow));
  let deployed = deploy(stream, 0, history, 0, 0, plan.tree);
  const decidedAt: number[] = [];
  let [before, total] = [null as JudgedRows | null, 0];
  for (let window = 0; window < windows; window++) {
    const from = history + window * rowsPerWindow;
    const judged = judgedRows(stream, rangeOf(from, from + rowsPerWindow), deployed.tree);
    for (const loss of judged.losses) total += loss;
    const { tree } = deployed;
    const stretch = (): JudgedRows => judgedRows(stream, rangeOf(from - history, from), tree);
    const asked = decide({ ...factsOf(stream.width, window, deployed, judged, window > deployed.sinceWindow ? before : null), stretch, plan });
    before = judged;
    if (!asked || (deployed.number > 0 && window < deployed.sinceWindow + cooldownWindows)) continue;
    decidedAt.push(from + rowsPerWindow);
    deployed = deploy(stream, from - history, from, deployed.number + 1, window + 1, plan.tree);
  }
  return { decidedAt, meanLoss: windows === 0 ? null : total / (windows * rowsPerWindow) };
}

function factsOf(width: number, window: number, { number, trainingFeatures, heldOut }: Deployed, judged: JudgedRows, labelled: JudgedRows | null) {
  return { window, width, deployment: number, trainingFeatures, heldOut, current: { features: judged.features, scores: judged.scores }, labelled };
}

function deploy(stream: DriftStream, from: number, until: number, number: number, sinceWindow: number, options: TreeOptions): Deployed {
  const stretch = rangeOf(from, Math.min(until, stream.rows));
  const training = stretch.filter((_, place) => !isHeldOut(place));
  const tree = trainTree(stream, training, options);
  const heldOut = judgedRows(stream, stretch.filter((_, place) => isHeldOut(place)), tree);
  return { number, tree, sinceWindow, trainingFeatures: featuresOf(stream, training), heldOut };
}

function judgedRows(stream: DriftStream, rows: Int32Array, tree: Tree): JudgedRows {
  const count = rows.length;
  const [scores, labels, losses] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  for (let place = 0; place < count; place++) {
    scores[place] = treeScore(tree, stream.features, rows[place]! * stream.width);
    labels[place] = stream.labels[rows[place]!]!;
    losses[place] = brierLoss(scores[place]!, labels[place]!);
  }
  return { features: featuresOf(stream, rows), scores, labels, losses };
}

const rangeOf = (from: number, until: number): Int32Array => Int32Array.from({ length: Math.max(0, until - from) }, (_, place) => from + place);

function featuresOf({ features, width }: DriftStream, rows: Int32Array): Float64Array {
  const gathered = new Float64Array(rows.length * width);
  for (let place = 0; place < rows.length; place++) gathered.set(features.subarray(rows[place]! * width, (rows[place]! + 1) * width), place * width);
  return gathered;
}
