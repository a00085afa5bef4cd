import { Injectable } from '@nestjs/common';
import type { ReleasePlan } from '../src/contracts/releases.js';
import { type Pairs, readPairs } from '../src/observations/pairs.js';
import { isMature } from '../src/observations/stream-time.js';
import type { ComparisonAnalysis, ComparisonBlock } from '../src/registry/entities/comparison.entity.js';
import type { Release } from '../src/registry/entities/release.entity.js';
import { ComparisonsRepository } from '../src/registry/comparisons.repository.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { addBlock, type ComparisonState, type Judgement, judge, startComparison } from '../src/rollout/comparison.js';
import { unlabelledPlan } from '../src/rollout/release-figures.js';
import { addUnlabelled, judgeUnlabelled, startUnlabelled, type UnlabelledJudgement, type UnlabelledState } from '../src/rollout/unlabelled-comparison.js';
import { ActivitySettings } from './activity-settings.js';
import { ObservedFiles } from './observed-files.js';

/** What is looked at: a phase of a release, and how far event time has come. */
export interface ComparisonLook {
  readonly release: Release;
  readonly plan: ReleasePlan;
  readonly phase: 'rollout' | 'watch';
  /** Event time at which the phase began. */
  readonly fromMs: number;
  readonly streamTimeMs: number;
  /** Wall time, milliseconds since 1970: what is not read by then is left to the next look. */
  readonly untilMs: number;
  readonly signal: AbortSignal;
}

export interface Compared {
  /** Whether every closed block has entered. */
  readonly complete: boolean;
  readonly planned: { readonly analysis: number; readonly judgement: Judgement };
  readonly revised: { readonly analysis: number; readonly judgement: Judgement } | null;
  readonly unlabelled: UnlabelledJudgement;
}

/** Brings the comparisons of a release to how far event time has come: each closed block is read and recorded once. */
@Injectable()
export class ComparisonRuns {
  constructor(
    private readonly comparisons: ComparisonsRepository,
    private readonly files: ObservedFiles,
    private readonly labels: LabelsRepository,
    private readonly settings: ActivitySettings,
  ) {}

  async compare(look: ComparisonLook): Promise<Compared> {
    const unlabelled = await this.extend(look, await this.analysis(look, 'unlabelled', null));
    const planned = await this.analysis(look, 'labelled', null);
    const labelled = await this.extend(look, planned);
    const revised = await this.revise(look, planned);
    return {
      complete: unlabelled.complete && labelled.complete && (revised?.complete ?? true),
      planned: { analysis: planned.number, judgement: judge((labelled.state ?? startComparison(look.plan.comparison)) as ComparisonState) },
      revised: revised?.state ? { analysis: revised.analysis.number, judgement: judge(revised.state as ComparisonState) } : null,
      unlabelled: judgeUnlabelled((unlabelled.state ?? startUnlabelled(unlabelledPlan(look.plan))) as UnlabelledState),
    };
  }

  /** The phase's analysis of a kind, opened where there is none. */
  private async analysis(look: ComparisonLook, kind: ComparisonAnalysis['kind'], revises: number | null): Promise<ComparisonAnalysis> {
    const { release, phase, fromMs } = look;
    const known = await this.comparisons.analyses(release);
    const found = known.find((one) => one.phase === phase && one.kind === kind && one.revises === revises);
    if (found && revises === null) return found;
    const first = known.find((one) => one.phase === phase && one.kind === kind && one.revises === null);
    const analysis = {
      model: release.model, release: release.number, number: known.length + 1, phase, kind, revises, planDigest: release.planDigest as string,
      fromEvent: first?.fromEvent ?? new Date(fromMs), openedAt: new Date(),
    };
    await this.comparisons.open(analysis);
    return (await this.comparisons.analyses(release)).find(({ number }) => number === analysis.number) as ComparisonAnalysis;
  }

  /** Adds the blocks that have closed since, as far as time allows. */
  private async extend(look: ComparisonLook, analysis: ComparisonAnalysis): Promise<Extended> {
    const { release, plan, streamTimeMs } = look;
    const last = await this.comparisons.lastBlock(release, analysis.number);
    const horizonMs = analysis.kind === 'labelled' ? plan.labelHorizonMs : 0;
    let state = (last?.state ?? null) as ComparisonState | UnlabelledState | null;
    let fromMs = (last?.untilEvent ?? analysis.fromEvent).getTime();
    for (let number = (last?.number ?? 0) + 1; isMature(fromMs + plan.comparison.blockMs, horizonMs, streamTimeMs); number += 1) {
      if (Date.now() >= look.untilMs) return { state, complete: false };
      const untilMs = fromMs + plan.comparison.blockMs;
      const revision = await this.labels.revision(release.model, release.deployment);
      const pairs = await this.pairs(look, fromMs, untilMs, revision);
      const added = analysis.kind === 'labelled' ? labelled(plan, state, { fromMs, untilMs, ...pairs }) : unlabelled(plan, state, pairs);
      state = added.state;
      await this.comparisons.add(blockOf(analysis, number, { fromMs, untilMs }, pairs, added, analysis.kind === 'labelled' ? revision : null));
      fromMs = untilMs;
    }
    return { state, complete: true };
  }

  private async pairs({ release, signal }: ComparisonLook, fromMs: number, untilMs: number, labelRevision: number): Promise<Pairs> {
    const files = await this.files.pathsOf({ model: release.model, deployment: release.deployment, fromMs, untilMs }, labelRevision);
    return readPairs({ champion: release.champion as number, challenger: release.version, fromMs, untilMs, files, scratch: this.settings.workDir, signal });
  }

  /**
   * Where labels came late or were corrected in blocks that were closed, all of them are read again under a new analysis;
   * the earlier figures stay. At most one is opened for each block that closes.
   */
  private async revise(look: ComparisonLook, planned: ComparisonAnalysis): Promise<(Extended & { readonly analysis: ComparisonAnalysis }) | null> {
    const { release } = look;
    const [analyses, blocks] = await Promise.all([this.comparisons.analyses(release), this.comparisons.blocks(release)]);
    const newest = analyses.findLast(({ revises }) => revises === planned.number);
    const standing = blocks.filter(({ analysis }) => analysis === (newest ?? planned).number);
    const due = !newest || standing.length < blocks.filter(({ analysis }) => analysis === planned.number).length;
    if (due && (await this.amended(release, standing))) {
      const analysis = await this.analysis(look, 'labelled', planned.number);
      return { analysis, ...(await this.extend(look, analysis)) };
    }
    return newest ? { analysis: newest, ...(await this.extend(look, newest)) } : null;
  }

  private async amended({ model, deployment }: Release, blocks: readonly ComparisonBlock[]): Promise<boolean> {
    const counted = blocks.flatMap(({ fromEvent, untilEvent, labelRevision }) => (labelRevision === null ? [] : [{ fromMs: fromEvent.getTime(), untilMs: untilEvent.getTime(), revision: labelRevision }]));
    return (await this.labels.firstChanged(model, deployment, counted)) !== null;
  }
}

interface Extended {
  /** After the last block; null before the first. */
  readonly state: ComparisonState | UnlabelledState | null;
  readonly complete: boolean;
}

interface Added {
  readonly state: ComparisonState | UnlabelledState;
  readonly standing: object;
}

function labelled(plan: ReleasePlan, state: unknown, block: Parameters<typeof addBlock>[1]): Added {
  const after = addBlock((state ?? startComparison(plan.comparison)) as ComparisonState, block);
  return { state: after, standing: judge(after) };
}

function unlabelled(plan: ReleasePlan, state: unknown, pairs: Pairs): Added {
  const after = addUnlabelled((state ?? startUnlabelled(unlabelledPlan(plan))) as UnlabelledState, pairs);
  return { state: after, standing: judgeUnlabelled(after) };
}

function blockOf(
  { model, release, number: analysis, kind }: ComparisonAnalysis, number: number, { fromMs, untilMs }: { fromMs: number; untilMs: number }, pairs: Pairs, { state, standing }: Added, labelRevision: number | null,
): ComparisonBlock {
  const missing = pairs.label.reduce((count, value) => (Number.isNaN(value) ? count + 1 : count), 0);
  return {
    model, release, analysis, number, fromEvent: new Date(fromMs), untilEvent: new Date(untilMs),
    samples: kind === 'labelled' ? pairs.label.length - missing : pairs.label.length, missingLabels: kind === 'labelled' ? missing : 0,
    mirrored: pairs.mirrored, standing: standing as ComparisonBlock['standing'], state: state as unknown as ComparisonBlock['state'], labelRevision, recordedAt: new Date(),
  };
}
