import { modelSpecSchema, type ModelSpec } from '../spec/model-spec.js';
import { championFigures } from './champion-figures.js';
import { monitoringPlan } from './monitoring-plan.js';
import { numericDrift } from './numeric-drift.js';
import type { AnsweredRows, AskedTraining, JudgedTraining, ReplayVersion, ReplayWorld } from './policy-replay.js';
import type { WindowDrift } from './window-drift.js';
import type { EventStretch } from './window-grid.js';

export const DAY = 86_400_000;

/** A row of a made-up stream; NaN is no label. */
export interface MadeRow {
  readonly ms: number;
  readonly x: number;
  readonly label: number;
}

export interface MadePlan {
  /** By time. */
  readonly rows: readonly MadeRow[];
  readonly spec: ModelSpec;
  /** Where the first window begins, and how many of `windowDays` follow. */
  readonly beginMs: number;
  readonly windows: number;
  readonly windowDays?: number;
  readonly horizonMs?: number;
  readonly trainingDays?: number;
  readonly judgingDays?: number;
  /** In the place of a lower mean loss than the champion's on the candidate's rows. */
  readonly gate?: () => boolean;
}

type MadeSections = Readonly<Partial<Record<'retraining' | 'monitoring' | 'training' | 'evaluation', object>>> & { readonly by?: 'metric' | 'recentLoss' };

/** A spec of one number `x` and weekly windows. */
export const madeSpec = (sections: MadeSections = {}): ModelSpec => modelSpecSchema.parse({
  apiVersion: 'perennial/v1', model: 'made', purpose: 'Is made up in tests.', owner: 'tests', tier: 'low', task: 'binary-classification',
  data: { source: { path: 'made/*.parquet' }, eventTime: 'at', key: ['id'], label: 'y', labelHorizon: 'P1D', features: [{ name: 'x', type: 'number', maxMissing: 0.5 }] },
  training: { trainer: 'xgboost', minimumRows: 1, ...sections.training }, evaluation: { window: 'P14D', minimumRows: 1, ...sections.evaluation }, gates: { comparison: { metric: 'brier', by: sections.by } }, rollout: { strategy: 'immediate' },
  monitoring: { window: 'P7D', ...sections.monitoring }, retraining: { cooldown: 'P0D', minimumSinceChange: 0, ...sections.retraining },
});

interface MadeVersion extends ReplayVersion {
  readonly chances: readonly [below: number, above: number];
  readonly judged: readonly MadeRow[];
}

const horizon = ({ horizonMs = DAY }: MadePlan): number => horizonMs;

/**
 * A world whose models are two shares: of the label 1 among the rows with x below 0, and among the others. It keeps the times of a retrain: rows judge that come in the
 * last `judgingDays` (14) whose labels are complete, and those of `trainingDays` (28) before them train; with `evaluation.holdOutEvery` so do days that are not held out.
 */
export class MadeWorld implements ReplayWorld {
  readonly windows: readonly EventStretch[];
  readonly labelHorizonMs: number;
  readonly first: MadeVersion;
  readonly versions: MadeVersion[] = [];
  /** What was asked for, in order. */
  readonly asked: AskedTraining[] = [];

  constructor(private readonly plan: MadePlan) {
    const { beginMs, windows, windowDays = 7 } = plan;
    this.labelHorizonMs = horizon(plan);
    this.windows = Array.from({ length: windows }, (_, place) => ({ fromMs: beginMs + place * windowDays * DAY, untilMs: beginMs + (place + 1) * windowDays * DAY }));
    this.first = this.train(beginMs, [])!;
  }

  answer({ number }: ReplayVersion, window: EventStretch): Promise<AnsweredRows> {
    const rows = this.within(window);
    return Promise.resolve({ outputs: outputsOf(this.versions[number - 1]!, rows), labels: Float64Array.from(rows, ({ label }) => label), eventTimesMs: Float64Array.from(rows, ({ ms }) => ms) });
  }

  drift({ number }: ReplayVersion, window: EventStretch, before: EventStretch | null): Promise<WindowDrift> {
    const [now, baseline] = [xsOf(this.within(window)), xsOf(this.versions[number - 1]!.judged)];
    return Promise.resolve({ features: [numericDrift('x', baseline, now)], changes: before && [numericDrift('x', xsOf(this.within(before)), now)] });
  }

  retrain(asked: AskedTraining): Promise<JudgedTraining> {
    this.asked.push(asked);
    const candidate = this.train(asked.asOfMs, asked.without);
    if (!candidate) return Promise.resolve({ outcome: 'failed', because: 'There is no row to train on.', version: null });
    const passes = this.plan.gate?.() ?? meanLoss(candidate, candidate.judged) < meanLoss(this.versions[asked.champion.number - 1]!, candidate.judged);
    return Promise.resolve({ outcome: passes ? 'promoted' : 'rejected', because: '', version: candidate });
  }

  private train(asOfMs: number, without: readonly EventStretch[]): MadeVersion | null {
    const { spec, trainingDays = 28, judgingDays = 14 } = this.plan;
    const [untilMs, judgedMs] = [asOfMs - horizon(this.plan), asOfMs - horizon(this.plan) - judgingDays * DAY];
    const taken = (fromMs: number, toMs: number): MadeRow[] =>
      this.within({ fromMs, untilMs: toMs }).filter(({ ms, label }) => !Number.isNaN(label) && !without.some((left) => ms >= left.fromMs && ms < left.untilMs));
    const [newest, judges] = [taken(judgedMs, untilMs), ({ ms }: MadeRow): boolean => isHeldOut(ms, spec.evaluation.holdOutEvery)];
    const [rows, judged] = [[...taken(judgedMs - trainingDays * DAY, judgedMs), ...newest.filter((row) => !judges(row))], newest.filter(judges)];
    if (rows.length === 0 || judged.length === 0) return null;
    const share = (of: readonly MadeRow[]): number => (of.length === 0 ? 0.5 : of.reduce((sum, { label }) => sum + label, 0) / of.length);
    const number = this.versions.length + 1;
    const chances = [share(rows.filter(({ x }) => x < 0)), share(rows.filter(({ x }) => x >= 0))] as const;
    const figures = championFigures({
      task: 'binary-classification', predictions: outputsOf({ chances }, judged), labels: Float64Array.from(judged, ({ label }) => label), eventTimesMs: Float64Array.from(judged, ({ ms }) => ms),
    }, monitoringPlan(spec), { alpha: 0.05 });
    const version: MadeVersion = { number, asOfMs, trainedRows: rows.length, chances, judged, figures: { version: number, snapshot: `as of ${asOfMs}`, from: '', until: '', outputsDigest: '', ...figures } };
    this.versions.push(version);
    return version;
  }

  private within({ fromMs, untilMs }: EventStretch): MadeRow[] {
    return this.plan.rows.filter(({ ms }) => ms >= fromMs && ms < untilMs);
  }
}

const isHeldOut = (ms: number, every: number): boolean => Math.floor(ms / DAY) % every === every - 1;
const xsOf = (rows: readonly MadeRow[]): Float64Array => Float64Array.from(rows, ({ x }) => x);
const outputsOf = ({ chances }: Pick<MadeVersion, 'chances'>, rows: readonly MadeRow[]): Float32Array => Float32Array.from(rows, ({ x }) => chances[x < 0 ? 0 : 1]);

function meanLoss(version: MadeVersion, rows: readonly MadeRow[]): number {
  const outputs = outputsOf(version, rows);
  return rows.reduce((sum, { label }, row) => sum + (outputs[row]! - label) ** 2, 0) / rows.length;
}
