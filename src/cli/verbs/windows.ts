import type { RetrainingDecisionAnswer, WindowAssessmentAnswer } from '../../api/windows/window-assessments.dto.js';
import type { QuarantinedWindowAnswer } from '../../api/windows/window-release.controller.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { type Column, table } from '../table.js';

export interface WindowsOptions {
  readonly deployment: string;
  readonly all: boolean;
}

/** `perennial windows <model>`: what the newest windows come to, and what was decided after them. */
export async function windows(session: Session, model: string, { deployment, all }: WindowsOptions): Promise<ExitCode> {
  const [base, where] = [`/v1/models/${encodeURIComponent(model)}`, `deployment=${encodeURIComponent(deployment)}`];
  const { items } = await session.api.get<{ items: WindowAssessmentAnswer[] }>(`${base}/windows/assessments?limit=30&revisions=${all ? 'all' : 'latest'}&${where}`);
  const { items: decisions } = await session.api.get<{ items: RetrainingDecisionAnswer[] }>(`${base}/retraining-decisions?limit=500&${where}`);
  const { items: quarantine } = await session.api.get<{ items: QuarantinedWindowAnswer[] }>(`${base}/windows/quarantine?${where}`);
  const released = new Set(quarantine.filter((one) => one.released !== null).map(({ from }) => from));
  const shown = items.map((window) => ({ ...window, decision: decisionAfter(window, decisions, all), released: released.has(window.from) }));
  session.show({ items: shown }, () => table(session.terminal, columnsFor(all, shown.find(({ metric }) => metric !== null)?.metric ?? 'metric'), shown.map((window) => rowOf(window, all)), `No window of ${model} has been assessed yet`) + foot(shown));
  return EXIT.done;
}

type Shown = WindowAssessmentAnswer & { readonly decision: RetrainingDecisionAnswer | null; readonly released: boolean };

/** A quarantine is decided when a window closes and holds from then on. */
function decisionAfter({ from, revision }: WindowAssessmentAnswer, decisions: readonly RetrainingDecisionAnswer[], all: boolean): RetrainingDecisionAnswer | null {
  const ofWindow = decisions.filter((decision) => decision.from === from);
  const own = ofWindow.find((decision) => decision.revision === revision) ?? null;
  return all ? own : (ofWindow.find(({ outcome }) => outcome === 'quarantine') ?? own ?? ofWindow[0] ?? null);
}

const columnsFor = (all: boolean, metric: string): Column[] => [
  { title: 'From' }, ...(all ? [{ title: 'Occasion' }] : []), { title: 'Verdict' }, { title: 'Version', align: 'right' }, { title: metric, align: 'right' }, { title: 'estimated', align: 'right' },
  { title: 'baseline', align: 'right' }, { title: 'Harm', align: 'right' }, { title: 'Retraining' },
];

function rowOf({ from, occasion, verdict, version, baseline, estimated, measured, harm, decision, released }: Shown, all: boolean): string[] {
  return [
    from.replace('T00:00:00.000Z', '').slice(0, 16), ...(all ? [occasion] : []), verdict, version === null ? '–' : String(version), value(measured), value(estimated), value(baseline),
    harm === null ? '–' : `${short(harm.evidence)}/${short(harm.threshold)}`, decided(decision, released),
  ];
}

function decided(decision: RetrainingDecisionAnswer | null, released: boolean): string {
  if (decision === null) return '–';
  if (decision.outcome === 'quarantine') return released ? 'quarantine, released' : 'quarantine';
  return decision.outcome + (decision.reason === null ? '' : ` (${decision.reason})`);
}

/** Why the newest decision is what it is. */
function foot(shown: readonly Shown[]): string {
  const newest = shown.find(({ decision }) => decision !== null)?.decision;
  return newest ? `\n${newest.because}\n` : '';
}

const short = (amount: number): string => (amount >= 1e4 ? amount.toExponential(0) : String(Number(amount.toPrecision(2))));
const value = (estimate: { readonly value: number } | null): string => (estimate === null ? '–' : estimate.value.toPrecision(3));
