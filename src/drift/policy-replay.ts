import type { BacktestOutcome } from '../contracts/policy-backtest.js';
import type { DecisionOutcome } from '../contracts/retraining-decisions.js';
import type { ChampionFigures } from './champion-figures.js';
import type { WindowDrift } from './window-drift.js';
import type { EventStretch } from './window-grid.js';

/** A version that was trained in a replay. */
export interface ReplayVersion {
  /** From 1, in the order of training. */
  readonly number: number;
  /** Event time up to which data was looked at. */
  readonly asOfMs: number;
  /** Labelled rows that it was trained on. */
  readonly trainedRows: number;
  /** What its windows are held against. */
  readonly figures: ChampionFigures;
}

/** Rows of a window as a version answers them, by event time; of one length. */
export interface AnsweredRows {
  readonly outputs: Float32Array;
  /** 1 and 0 for a class; NaN where it is not known. */
  readonly labels: Float64Array;
  readonly eventTimesMs: Float64Array;
}

export interface AskedTraining {
  /** Event time up to which data may be looked at, labels less their horizon. */
  readonly asOfMs: number;
  readonly champion: ReplayVersion;
  /** Windows whose rows neither train nor judge. */
  readonly without: readonly EventStretch[];
}

/** What a retrain came to. */
export interface JudgedTraining {
  readonly outcome: BacktestOutcome;
  readonly because: string;
  /** Null where it failed before it had trained. */
  readonly version: ReplayVersion | null;
}

/** The past, as far as it is asked for. */
export interface ReplayWorld {
  /** Those that have rows, in their order; labels of all of them are complete. */
  readonly windows: readonly EventStretch[];
  readonly labelHorizonMs: number;
  /** Answers from the first window on. */
  readonly first: ReplayVersion;
  answer(version: ReplayVersion, window: EventStretch): Promise<AnsweredRows>;
  /** The window's inputs beside the version's baseline, and beside those of a window before. */
  drift(version: ReplayVersion, window: EventStretch, before: EventStretch | null): Promise<WindowDrift>;
  retrain(asked: AskedTraining): Promise<JudgedTraining>;
}

/** When policies are asked: once as a window has closed, and once more as the horizon of its labels has passed. */
export interface ReplayMoment {
  readonly atMs: number;
  readonly occasion: 'closed' | 'matured';
  readonly window: EventStretch;
}

/** What a policy may see at a moment: nothing that is later. */
export interface ReplayLook extends ReplayMoment {
  /** That answered the window. */
  readonly answered: ReplayVersion;
  /** That was promoted last; it answers from the next window on at the latest. */
  readonly champion: ReplayVersion;
  /** Event times of the data that retrains looked at, the newest first: that of the first version is the last of them. */
  readonly retrainsMs: readonly number[];
  /** Of the window; without a label before these are complete. */
  rows(): Promise<AnsweredRows>;
  /** Of the window, beside the champion's baseline. */
  drift(before: EventStretch | null): Promise<WindowDrift>;
}

/** What a policy decides. */
export interface PolicyDecision {
  readonly outcome: DecisionOutcome;
  readonly reason: string | null;
  /** What asks for a retrain. */
  readonly trigger: string | null;
  /** One sentence with its numbers. */
  readonly because: string;
  /** Windows that a retrain leaves out. */
  readonly without: readonly EventStretch[];
}

export interface ReplayPolicy<Name extends string = string> {
  readonly name: Name;
  /** Begins a replay. What it returns is asked at each moment in their order, and may keep state; null: there is nothing to tell. */
  readonly start: () => (look: ReplayLook) => Promise<PolicyDecision | null>;
}

export interface ReplayedDecision extends PolicyDecision, ReplayMoment {
  readonly retrain: JudgedTraining | null;
}

/** What became of a policy. */
export interface PolicyCourse<Name extends string = string> {
  readonly policy: Name;
  readonly decisions: readonly ReplayedDecision[];
  /** The version that answered each window of the world, in their order. */
  readonly answered: readonly ReplayVersion[];
}

export interface ReplayWatcher {
  /** A moment is over. */
  passed(moment: ReplayMoment, done: number, of: number): void;
  decided(policy: string, decision: ReplayedDecision): void;
}

/**
 * Plays the past for each policy, all under the same terms: the data, the gate and the trainer are the same, and only what is decided differs. A
 * candidate that the gate promotes answers from the next window on; a release takes longer.
 *
 * Moments come in the order of event time, of one time the older window first, and end with the beginning of the last window: what is decided
 * later answers nothing.
 * @returns in the order of the policies @throws what the world throws
 */
export async function replayPolicies<Name extends string>(world: ReplayWorld, policies: readonly ReplayPolicy<Name>[], watcher: ReplayWatcher): Promise<PolicyCourse<Name>[]> {
  const runs = policies.map((policy) => new PolicyRun(policy, world, watcher));
  const moments = replayMoments(world);
  for (const [place, moment] of moments.entries()) {
    for (const run of runs) await run.pass(moment);
    watcher.passed(moment, place + 1, moments.length);
  }
  return runs.map((run) => run.course());
}

/** Of one time that of the older window first: what is known of it counts for the newer one. */
export function replayMoments({ windows, labelHorizonMs }: Pick<ReplayWorld, 'windows' | 'labelHorizonMs'>): ReplayMoment[] {
  const lastMs = windows.at(-1)?.fromMs ?? -Infinity;
  return windows.flatMap((window): ReplayMoment[] => [
    { atMs: window.untilMs, occasion: 'closed', window }, { atMs: window.untilMs + labelHorizonMs, occasion: 'matured', window },
  ]).filter(({ atMs }) => atMs <= lastMs).sort((one, other) => one.atMs - other.atMs || one.window.fromMs - other.window.fromMs);
}

/** One policy on its way. */
class PolicyRun<Name extends string> {
  private readonly decide: ReturnType<ReplayPolicy['start']>;
  private readonly decisions: ReplayedDecision[] = [];
  /** The newest first. */
  private readonly champions: { readonly version: ReplayVersion; readonly fromMs: number }[];
  private readonly retrainsMs: number[];

  constructor(private readonly policy: ReplayPolicy<Name>, private readonly world: ReplayWorld, private readonly watcher: ReplayWatcher) {
    this.decide = policy.start();
    this.champions = [{ version: world.first, fromMs: -Infinity }];
    this.retrainsMs = [world.first.asOfMs];
  }

  async pass(moment: ReplayMoment): Promise<void> {
    const decision = await this.decide(this.look(moment));
    if (!decision) return;
    const retrain = decision.outcome === 'retrain' ? await this.retrain(moment, decision) : null;
    const made = { ...decision, ...moment, retrain };
    this.decisions.push(made);
    this.watcher.decided(this.policy.name, made);
  }

  course(): PolicyCourse<Name> {
    return { policy: this.policy.name, decisions: this.decisions, answered: this.world.windows.map((window) => this.versionAt(window.fromMs)) };
  }

  private look(moment: ReplayMoment): ReplayLook {
    const { window, occasion } = moment;
    const [answered, champion] = [this.versionAt(window.fromMs), this.champions[0]!.version];
    return {
      ...moment, answered, champion, retrainsMs: [...this.retrainsMs],
      rows: async () => {
        const rows = await this.world.answer(answered, window);
        return occasion === 'matured' ? rows : { ...rows, labels: new Float64Array(rows.labels.length).fill(NaN) };
      },
      drift: (before) => this.world.drift(champion, window, before),
    };
  }

  private async retrain({ atMs }: ReplayMoment, { without }: PolicyDecision): Promise<JudgedTraining> {
    const judged = await this.world.retrain({ asOfMs: atMs, champion: this.champions[0]!.version, without });
    this.retrainsMs.unshift(atMs);
    if (judged.outcome === 'promoted' && judged.version) this.champions.unshift({ version: judged.version, fromMs: atMs });
    return judged;
  }

  private versionAt(ms: number): ReplayVersion {
    return this.champions.find(({ fromMs }) => fromMs <= ms)!.version;
  }
}
