import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { ComparisonStanding, ReleaseId, ReleaseMeasurement, ReleaseOutcome, ReleasePlan, ReleaseStage, ReleaseState, ReleaseTurn } from '../src/contracts/releases.js';
import { stageLines, type StageMarks } from '../src/contracts/stage-criteria.js';

const MAX_DETAILS = 20_000;

/** What an operator sees of a release in the Temporal UI: where it stands and why, the comparison, what it waits for, who can move it. */
export class ReleaseBoard {
  private stage = '';
  private behind: readonly string[] = [];
  private last: ReleaseTurn | undefined;
  private measured: ReleaseMeasurement | null = null;
  private ending = '';

  constructor(
    private readonly id: ReleaseId,
    private readonly version: number,
  ) {}

  show(turn: ReleaseTurn, measurement: ReleaseMeasurement | null): void {
    this.last = turn;
    this.measured = measurement ?? this.measured;
    const { stage, step, plan, tier, deployment } = turn.state;
    const name = stage === 'canary' && plan ? `canary-${plan.canary.steps[step ?? 0]}` : stage;
    if (name !== this.stage) upsertSearchAttributes({ PerennialStage: [name], PerennialTier: [tier], PerennialDeployment: [deployment] });
    this.stage = name;
    this.render();
  }

  gatewaysBehind(behind: readonly string[]): void {
    this.behind = behind;
    this.render();
  }

  end(outcome: ReleaseOutcome, reason: string): void {
    upsertSearchAttributes({ PerennialStage: ['finished'], PerennialOutcome: [outcome] });
    this.ending = `**${outcome}** — ${reason}`;
    this.render();
  }

  private render(): void {
    const turn = this.last;
    const lines = [`### Release ${this.id.number} of ${this.id.model}: version ${this.version}`, ''];
    if (this.ending) lines.push(this.ending, '');
    else if (turn) lines.push(turn.decision.reason, '', waitsFor(turn), '');
    if (this.behind.length > 0) lines.push(`Not yet served by ${this.behind.join(', ')}.`, '');
    if (turn?.state.plan) lines.push(...stageTable(turn.state, turn.state.plan, this.ending !== ''), '', boundTo(turn.state, turn.state.plan), '', ...(this.measured ? measurementLines(this.measured) : []));
    lines.push('', ...stageLines('deployment', turn ? marksOf(turn.state, this.ending !== '') : {}));
    setCurrentDetails(lines.join('\n').slice(0, MAX_DETAILS));
  }
}

/** It leaves the queue, and begins each step, when monitoring was proven to work. What the spec and the owner say of it is on the record, not in the workflow. */
function marksOf({ plan, promotedEpoch, outcome }: ReleaseState, over: boolean): StageMarks {
  const begun = plan !== null;
  return { validated: true, steps: begun, alarm: begun, champion: over && outcome !== 'promoted' ? undefined : promotedEpoch !== null, watched: outcome === 'promoted' };
}

function waitsFor({ state, decision }: ReleaseTurn): string {
  const { model, number } = state.id;
  if (state.paused) return `Paused. \`perennial resume ${model} ${number}\` lets it go on.`;
  if (decision.action === 'wait-for-person') return `**Waits for a person**: ${waysOut(state.stage, model, number)}.`;
  return `Goes on by itself; \`perennial pause|advance|abort ${model} ${number}\` steers it.`;
}

/** What a person may do about a release that waits for one. */
export const waysOut = (stage: ReleaseStage, model: string, number: number): string =>
  stage === 'watch'
    ? `make an earlier version fit the spec in force, and it goes back by itself; or accept the version with \`perennial advance ${model} ${number}\` and release another`
    : `\`perennial advance ${model} ${number}\` or \`perennial abort ${model} ${number}\``;

function stageTable({ stage, step }: ReleaseState, plan: ReleasePlan, over: boolean): string[] {
  const { shadow, canary, watch } = plan;
  const names = ['shadow', ...canary.steps.map((percent) => `canary ${percent} %`), 'promotion', 'watch'];
  const needs = [
    `${days(shadow.minimumTimeMs)} and ${shadow.minimumSamples} mature labels at least`,
    ...canary.steps.map(() => `${days(canary.minimumTimeMs)} and ${canary.minimumSamples} answers at least`), 'no breach until then', days(watch.timeMs),
  ];
  const here = stage === 'shadow' ? 0 : stage === 'canary' ? 1 + (step ?? 0) : stage === 'watch' ? names.length - 1 : -1;
  const mark = (index: number): string => (here < 0 ? '·' : index < here ? '✔' : index === here && !over ? '▶' : '·');
  return ['| | step | takes |', '|---|---|---|', ...names.map((name, index) => `| ${mark(index)} | ${name} | ${needs[index]} |`)];
}

const boundTo = ({ planDigest }: ReleaseState, { champion, epoch, comparison: terms }: ReleasePlan): string =>
  `Bound to champion ${champion} at epoch ${epoch}. The plan ${planDigest?.slice(0, 19)} compares ${terms.metric} at alpha ${terms.alpha}, margin ${terms.margin}, ${terms.method}.`;

/** The numbers of the newest look, as a table. */
function measurementLines({ comparison, revised, unlabelled, traffic }: ReleaseMeasurement): string[] {
  const rows: [string, string][] = [];
  if (comparison) rows.push(['pairs with a mature label', standingText(comparison)]);
  if (revised) rows.push(['with labels that came later', standingText(revised)]);
  if (unlabelled) rows.push(['before labels', `${unlabelled.pairs} pairs, agreement ${figure(unlabelled.agreement)}, output shift ${figure(unlabelled.outputShift)}`]);
  if (traffic) rows.push(['of the version in this step', `${traffic.requests} requests, ${traffic.errors} errors, ${traffic.slow} slow; mirrored ${traffic.mirrored.executed}, dropped ${traffic.mirrored.dropped}, failed ${traffic.mirrored.failed}`]);
  return rows.length === 0 ? [] : ['| | measured |', '|---|---|', ...rows.map(([name, text]) => `| ${name} | ${text} |`)];
}

const standingText = ({ samples, missingLabels, gain, low, high, outcome, blocks }: ComparisonStanding): string =>
  `n = ${samples} in ${blocks} blocks, ${missingLabels} labels missing; gain ${figure(gain)} [${figure(low)}, ${figure(high)}]: ${outcome}`;

const figure = (value: number | null): string => (value === null ? '–' : value.toPrecision(4));
const DAY_MS = 86_400_000;
const days = (ms: number): string => (ms >= DAY_MS ? `${Math.round((ms / DAY_MS) * 10) / 10} days` : `${Math.round(ms / 1_000)} s`);
