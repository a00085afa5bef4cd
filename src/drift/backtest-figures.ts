import type { BacktestCosts, BacktestDecision, BacktestPolicy, BacktestStep, PolicyFigures } from '../contracts/policy-backtest.js';
import { type EventWindow, isoTime } from '../contracts/time.js';
import { rowLoss } from '../evaluation/row-loss.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import type { AnsweredRows, PolicyCourse, ReplayedDecision, ReplayWorld } from './policy-replay.js';
import type { EventStretch } from './window-grid.js';

/** How the loss of a row is counted. */
export type BoundedLoss = Pick<MonitoringPlan, 'metric'> & { readonly bound: number };

type AnsweringWorld = Pick<ReplayWorld, 'windows' | 'answer'>;

/**
 * What each policy's decisions came to, over all rows whose label is known. An output that is no number loses the bound, so that policies are compared on
 * the same rows.
 * @param costs of the spec; null where it gives none
 */
export async function policyFigures(world: AnsweringWorld, courses: readonly PolicyCourse<BacktestPolicy>[], loss: BoundedLoss, costs: BacktestCosts | null): Promise<PolicyFigures[]> {
  const played: Played[] = [];
  for (const course of courses) played.push({ course, steps: await stepsOf(world, course, loss) });
  const never = played.find(({ course }) => course.policy === 'never');
  return played.map((one) => figuresOf(one, totalOf(never?.steps ?? []), costs));
}

interface LossOfStep extends BacktestStep {
  readonly totalLoss: number;
}

interface Played {
  readonly course: PolicyCourse<BacktestPolicy>;
  readonly steps: readonly LossOfStep[];
}

async function stepsOf(world: AnsweringWorld, { answered }: PolicyCourse, loss: BoundedLoss): Promise<LossOfStep[]> {
  const steps: LossOfStep[] = [];
  for (const [place, window] of world.windows.entries()) {
    const version = answered[place]!;
    const rows = await world.answer(version, window);
    const { labelled, totalLoss } = lossOf(rows, loss);
    steps.push({ ...eventWindow(window), version: version.number, rows: rows.outputs.length, labelled, meanLoss: labelled === 0 ? null : totalLoss / labelled, totalLoss });
  }
  return steps;
}

function lossOf({ outputs, labels }: AnsweredRows, { metric, bound }: BoundedLoss): { labelled: number; totalLoss: number } {
  let [labelled, totalLoss] = [0, 0];
  for (const [row, label] of labels.entries()) {
    if (Number.isNaN(label)) continue;
    labelled += 1;
    totalLoss += rowLoss(metric, bound, outputs[row]!, label);
  }
  return { labelled, totalLoss };
}

function figuresOf({ course: { policy, decisions }, steps }: Played, neverLoss: number, costs: BacktestCosts | null): PolicyFigures {
  const judged = decisions.flatMap(({ retrain }) => retrain ?? []);
  const trained = judged.filter(({ version }) => version !== null).length;
  const promoted = judged.filter(({ outcome }) => outcome === 'promoted').length;
  const [labelled, totalLoss] = [steps.reduce((sum, step) => sum + step.labelled, 0), totalOf(steps)];
  const lossAvoided = neverLoss - totalLoss;
  const cost = costs && trained * costs.training + promoted * costs.release;
  return {
    policy, retrains: judged.length, promoted, rows: steps.reduce((sum, { rows }) => sum + rows, 0), labelled, totalLoss, meanLoss: labelled === 0 ? null : totalLoss / labelled,
    lossAvoided, lossAvoidedPer1000Rows: labelled === 0 ? null : (1_000 * lossAvoided) / labelled, cost, net: costs && cost !== null ? lossAvoided * costs.perLossUnit - cost : null,
    steps: steps.map(({ totalLoss: _, ...step }) => step), decisions: decisions.map(decisionOf),
  };
}

const totalOf = (steps: readonly LossOfStep[]): number => steps.reduce((sum, step) => sum + step.totalLoss, 0);

const decisionOf = ({ atMs, window, outcome, reason, trigger, because, retrain }: ReplayedDecision): BacktestDecision => ({
  at: isoTime(atMs), window: eventWindow(window), outcome, reason, trigger, because,
  retrain: retrain && { outcome: retrain.outcome, version: retrain.version?.number ?? null, because: retrain.because },
});

const eventWindow = ({ fromMs, untilMs }: EventStretch): EventWindow => ({ start: isoTime(fromMs), end: isoTime(untilMs) });
