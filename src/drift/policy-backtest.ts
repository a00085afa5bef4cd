import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderStore } from '../artifacts/folder-store.js';
import type { PolicyBacktest } from '../contracts/policy-backtest.js';
import { PerennialError } from '../contracts/failures.js';
import type { AutomaticTrigger } from '../contracts/retraining-decisions.js';
import { durationMs, isoTime } from '../contracts/time.js';
import { stageRows } from '../data/staged-rows.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { parseSpec, withTriggers } from '../spec/parse-spec.js';
import { type BoundedLoss, policyFigures } from './backtest-figures.js';
import { BacktestTrainings, type BacktestPlace, type TrainOnce, type TrainingWatcher, versionFigures } from './backtest-trainings.js';
import { type AskedStretch, backtestWindows } from './backtest-windows.js';
import { BacktestWorld } from './backtest-world.js';
import { deploymentShare, labelledHarmTerms } from './harm-budgets.js';
import { followHarm } from './harm-course.js';
import { monitoringPlan } from './monitoring-plan.js';
import { replayPolicies, type ReplayPolicy, type ReplayWatcher, type ReplayWorld } from './policy-replay.js';
import { neverRetrain, retrainMonthly, retrainOnCusum, retrainOnStability } from './replay-policies.js';
import { specPolicy } from './spec-policy.js';

export interface BacktestRequest extends AskedStretch {
  /** The model spec, as YAML. */
  readonly source: string;
  /** In the place of `retraining.triggers`; null: what the spec lists. */
  readonly triggers: readonly AutomaticTrigger[] | null;
  readonly dataDir: string;
  /** A folder for files on the way; what is made in it is removed. */
  readonly workDir: string;
  readonly trainer: BacktestTrainer;
  readonly signal: AbortSignal;
}

export interface BacktestTrainer {
  /** Rejects where the trainer of the spec cannot be started on this machine. */
  readonly requireReady: (spec: ModelSpec) => Promise<unknown>;
  readonly train: TrainOnce;
}

/** What a backtest tells while it goes. */
export interface BacktestWatcher extends ReplayWatcher, TrainingWatcher {
  /** The source is read. */
  reading(source: string): void;
  /** Rows are those of the whole source. */
  playing(course: { readonly windows: number; readonly from: string; readonly until: string; readonly rows: number }): void;
}

/**
 * Plays the model's own history window by window for each of {@link BACKTEST_POLICIES}, and counts what each would have lost and spent. Nothing is looked at
 * before its time: rows when their window has closed, labels when their horizon has passed.
 * @throws PerennialError `SpecInvalid`, `InvalidRequest`, `NotEnoughData`; `VersionUnfit` where the first version does not pass the gate; what a data source,
 * a trainer or a model fails with; the reason of the signal
 */
export async function backtestPolicies(request: BacktestRequest, watcher: BacktestWatcher): Promise<PolicyBacktest> {
  const { spec: written, digest } = parseSpec(request.source);
  const spec = request.triggers ? withTriggers(written, [...request.triggers]) : written;
  const loss = boundedLoss(spec);
  await request.trainer.requireReady(spec);
  await mkdir(request.workDir, { recursive: true });
  const workDir = await mkdtemp(join(await realpath(request.workDir), 'backtest-'));
  try {
    const { dataDir, trainer: { train }, signal } = request;
    const place = { spec, specDigest: digest, dataDir, workDir, store: new FolderStore(join(workDir, 'artifacts')), train, signal };
    return { ...(await played(request, place, loss, watcher)), triggers: { listed: spec.retraining.triggers, by: request.triggers ? 'option' : 'spec' } };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function played(asked: AskedStretch, place: BacktestPlace, loss: BoundedLoss, watcher: BacktestWatcher): Promise<Omit<PolicyBacktest, 'triggers'>> {
  const { spec, specDigest, workDir } = place;
  watcher.reading(spec.data.source.path);
  const rows = await stageRows(place, join(workDir, 'rows.parquet'));
  const { beginMs, windows } = backtestWindows(spec, rows, asked);
  const [from, until] = [isoTime(windows[0]!.fromMs), isoTime(windows.at(-1)!.untilMs)];
  watcher.playing({ windows: windows.length, from, until, rows: rows.eventTimesMs.length });
  const trainings = new BacktestTrainings(place, watcher);
  const world = new BacktestWorld(place, trainings, { rows, windows, first: await trainings.first(beginMs) });
  const courses = await replayPolicies(world, policiesOf(spec), watcher);
  const { costs } = spec.retraining;
  const priced = costs ? { perLossUnit: costs.perLossUnit, training: costs.training, release: costs.release } : null;
  return {
    model: spec.model, specDigest, source: spec.data.source.path, from, until, window: spec.monitoring.window, labelHorizon: spec.data.labelHorizon, loss,
    costs: priced, warnings: warningsOf(spec, world), versions: trainings.versions.map(versionFigures), policies: await policyFigures(world, courses, loss, priced),
  };
}

function warningsOf({ retraining, evaluation, monitoring, rollout: { comparison }, serving }: ModelSpec, { first: { figures }, windows }: ReplayWorld): string[] {
  const none = { losses: new Float64Array(0), eventTimesMs: new Float64Array(0), resolved: false };
  const harmless = retraining.triggers.includes('performance') && followHarm(null, { ...windows[0]!, ...none, figures, terms: labelledHarmTerms(monitoring, deploymentShare(1)) }) === null;
  return [
    ...(harmless ? [`No harm can be told, so that \`performance\` never asks: evaluation.window (${evaluation.window}${evaluation.holdOutEvery > 1 ? `, evaluation.holdOutEvery ${evaluation.holdOutEvery}` : ''}) gives too few blocks of ${comparison.block} that differ to bound the loss of version 1; eight are the fewest.`] : []),
    ...(serving.observe.inputs ? [] : ['serving.observe.inputs is false: inputs are compared with nothing, so that `psi` never asks and neither does drift.']),
    ...(retraining.budget.trainingHours === undefined ? [] : ['retraining.budget.trainingHours is not played: how long a training takes on this machine decides nothing here.']),
  ];
}

function policiesOf(spec: ModelSpec) {
  const cooldownMs = durationMs(spec.retraining.cooldown) as number;
  return [neverRetrain, retrainMonthly(cooldownMs), retrainOnStability(cooldownMs), retrainOnCusum(cooldownMs), specPolicy(spec)] as const satisfies readonly ReplayPolicy[];
}

/** @throws PerennialError `SpecInvalid` where losses have no bound */
function boundedLoss(spec: ModelSpec): BoundedLoss {
  const { metric, bound } = monitoringPlan(spec);
  if (bound !== null) return { metric, bound };
  throw new PerennialError('SpecInvalid', 'The losses of a regression are counted up to a bound, and the spec gives none; set rollout.comparison.bound to the largest absolute error that matters', {
    faults: [{ path: 'rollout.comparison.bound', message: 'is missing: the largest absolute error that is counted, in the units of the label' }],
  });
}
