import { CancellationScope, isCancellation, upsertSearchAttributes } from '@temporalio/workflow';
import type { LookOutcome } from '../activities/window-looks.js';
import type { MonitorWindowInput } from '../src/contracts/motion.js';
import type { DecisionSummary } from '../src/contracts/retraining-decisions.js';
import type { Estimate } from '../src/contracts/verdict.js';
import { type AssessmentHeadline, type AssessmentSummary, type HarmStanding, windowName } from '../src/contracts/window-assessment.js';
import type { WindowVerdict } from '../src/contracts/window-summary.js';
import { cancelled, storedFailure, typedFailure } from './failures.js';
import { data, record } from './policies.js';
import { StageBoard } from './stage-board.js';
import { deliverAlarms } from './tell.js';

export interface MonitorWindowResult {
  readonly verdict: WindowVerdict['verdict'];
  readonly revision: number;
}

/** For 40 seconds, in which Postgres may start again. A window that cannot be read then is tried again at the next look; meanwhile others wait. */
const WINDOW_WORK = { retry: { initialInterval: '1 second', backoffCoefficient: 3, maximumAttempts: 5 }, startToCloseTimeout: '1 hour' } as const;

/** Two for each of eight workers. */
const PARTS_AT_ONCE = 16;

/**
 * One window of a deployment assessed: its inputs and their distributions when it has closed, its quality and the evidence of harm when its labels
 * are there, and again when those change. All that it finds is on the record.
 */
export async function monitorWindow(input: MonitorWindowInput): Promise<MonitorWindowResult> {
  const { model, deployment, occasion, revision } = input;
  const board = new StageBoard(`${model}/${deployment}: ${windowName(input)}, revision ${revision} (${occasion})`, [...LOOKS[occasion], 'assess', ...(DECIDES[occasion] ? ['decide'] : [])]);
  upsertSearchAttributes({ PerennialTier: [input.tier] });
  try {
    const raised = await look(input, board);
    board.begin('assess', 'Measuring outputs and quality against the rows on which the version was judged before it came into service.');
    const summary = await data.assessWindow.executeWithOptions({ summary: 'Say what the window comes to', ...WINDOW_WORK }, [input]);
    const back = await rollBackUnfair(input, summary);
    const decision = await decide(input, board);
    if (raised || summary.raised || decision?.raised) await deliverAlarms();
    board.end(summary.verdict !== 'fail', summary.verdict, [...summaryLines(summary), ...(back ? ['| fairness | **the champion before was asked for** |'] : []), ...decisionLines(decision)].join('\n'));
    if (summary.headline.version !== null) upsertSearchAttributes({ PerennialVersion: [summary.headline.version] });
    return { verdict: summary.verdict, revision };
  } catch (error) {
    if (isCancellation(error)) {
      board.end(false, 'cancelled', 'It is assessed again at the next look.');
      throw cancelled();
    }
    const failure = storedFailure(error);
    await CancellationScope.nonCancellable(async () => {
      if (await record.tellUnreadable.executeWithOptions({ summary: 'Tell that the window cannot be assessed' }, [input, failure])) await deliverAlarms();
    });
    board.end(false, 'error', `${failure.type}: ${failure.message}\n\nIt is tried again at the next look; the windows after it wait.`);
    throw typedFailure(failure);
  }
}

const LOOKS = { closed: ['inputs', 'drift'], matured: ['loss'], amended: [], backfilled: [] } as const;
/** Figures of the past that change later change no decision that was made. */
const DECIDES = { closed: true, matured: true, amended: false, backfilled: false } as const;

/** @returns whether an alarm was raised */
async function look(input: MonitorWindowInput, board: StageBoard): Promise<boolean> {
  let raised = false;
  for (const name of LOOKS[input.occasion]) {
    board.begin(name, DOING[name]);
    const found: LookedAt = await (name === 'drift'
      ? compare(input, board)
      : data.checkWindow.executeWithOptions({ summary: `Hold the ${name} against the spec`, ...WINDOW_WORK }, [input, name]));
    raised ||= found.raised;
    board.note(name === 'drift' ? `${found.rows} rows${found.parts === undefined ? '' : `, counted in ${found.parts} parts`}, ${found.found} features are found to drift` : `${found.verdict}: ${found.rows} rows, ${found.found} limits broken`);
  }
  return raised;
}

interface LookedAt extends LookOutcome {
  /** In which the rows of a large window were counted. */
  readonly parts?: number;
}

/** A large window is profiled in parts, by all workers of the queue; a small one is compared at once. */
async function compare(input: MonitorWindowInput, board: StageBoard): Promise<LookedAt> {
  const found = await data.compareWindow.executeWithOptions({ summary: "Compare the inputs with the champion's baseline", ...WINDOW_WORK }, [input, 'in parts']);
  if (!('plan' in found)) return found;
  const { plan, parts } = found;
  board.note(`its rows are counted in ${parts} parts`);
  const profiles = await profileParts(plan, parts);
  const summary = `Add up ${parts} parts and compare them with the champion's baseline`;
  return { ...(await data.compareParts.executeWithOptions({ summary, ...WINDOW_WORK }, [input, { plan, profiles }])), parts };
}

/** More wait in the workflow, so that other windows get their turn. Where one cannot be profiled, the others are called off. */
async function profileParts(plan: string, parts: number): Promise<string[]> {
  const [profiles, waiting] = [new Array<string>(parts), Array.from({ length: parts }, (_, part) => part)];
  const lane = async (): Promise<void> => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      profiles[part] = await data.profileWindowPart.executeWithOptions({ summary: `Profile part ${part + 1} of ${parts}`, ...WINDOW_WORK }, [plan, part]);
    }
  };
  const scope = new CancellationScope();
  try {
    await scope.run(() => Promise.all(Array.from({ length: Math.min(parts, PARTS_AT_ONCE) }, lane)));
  } catch (error) {
    scope.cancel();
    throw error;
  }
  return profiles;
}

/** A limit of fairness that is broken may cost the version its place, as the spec says; figures of the past do not. @returns whether it was asked for */
async function rollBackUnfair(input: MonitorWindowInput, { findings }: AssessmentSummary): Promise<boolean> {
  if (!DECIDES[input.occasion] || findings.every(({ check }) => check !== 'fairness')) return false;
  return record.rollBackUnfair.executeWithOptions({ summary: 'Roll back where the spec says so' }, [input]);
}

async function decide(input: MonitorWindowInput, board: StageBoard): Promise<DecisionSummary | null> {
  if (!DECIDES[input.occasion]) return null;
  board.begin('decide', 'Weighing whether to train the model anew.');
  const decision = await data.decideRetraining.executeWithOptions({ summary: 'Decide whether to retrain', ...WINDOW_WORK }, [input]);
  board.note(decision.outcome);
  return decision;
}

function decisionLines(decision: DecisionSummary | null): string[] {
  if (decision === null) return [];
  const { outcome, trigger, because, wouldHaveRetrained } = decision;
  const others = wouldHaveRetrained.length === 0 ? '' : ` (${wouldHaveRetrained.join(', ')} would have retrained)`;
  return [`| retraining | **${outcome}**${trigger === null ? '' : ` on ${trigger}`}: ${because.replaceAll('|', '\\|')}${others} |`];
}

const DOING = {
  inputs: 'Counting what is missing, unknown and out of range.', drift: "Comparing distributions with the champion's baseline: an observation, no judgement.", loss: 'Holding the mean loss against the spec.',
} as const;

function summaryLines({ rows, findings, headline }: AssessmentSummary): string[] {
  const { version, labelled, metric, measured, baseline, estimated, meanLoss, harm, drifted, complete } = headline;
  return [
    findings.map(({ message }) => message).join('. ') || 'No limit of the spec is broken.', '',
    '| | |', '|---|---|',
    `| rows | ${rows}${version === null ? '' : `, most answered by version ${version}`}${complete ? '' : '; not all that gateways answered had come'} |`,
    ...(drifted === null ? [] : [`| features that are found to drift | ${drifted.length === 0 ? 'none' : drifted.join(', ')} |`]),
    ...(metric === null ? [] : [`| ${metric} on the baseline | ${estimate(baseline)} |`, `| ${metric} as estimated before labels | ${estimate(estimated)} |`]),
    ...(metric === null || labelled === 0 ? [] : [`| ${metric} on ${labelled} labelled rows | ${estimate(measured)} |`, `| mean loss | ${figure(meanLoss)} |`]),
    ...harmLines(harm),
  ];
}

function harmLines(harm: AssessmentHeadline['harm']): string[] {
  if (harm === null) return [];
  return [
    `| mean loss since ${harm.rows} labelled rows | ${figure(harm.mean)}, surely above ${figure(harm.lower)}; harm begins above ${figure(harm.limit)} |`,
    `| evidence of harm | ${figure(harm.evidence)} of ${figure(harm.threshold)}${alarmOf(harm)} |`,
  ];
}

const alarmOf = ({ alarm }: HarmStanding): string => (alarm === null ? '' : `; **harm** by ${alarm.by}, most likely since ${new Date(alarm.sinceMs).toISOString()}`);
const figure = (value: number | null): string => (value === null ? '–' : String(Number(value.toPrecision(3))));
const estimate = (value: Estimate | null): string => (value === null ? '–' : `${figure(value.value)} [${figure(value.low)}, ${figure(value.high)}]`);
