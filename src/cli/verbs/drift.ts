import type { WindowDriftAnswer, WindowDriftReportAnswer } from '../../api/windows/window-drift.dto.js';
import { figure } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';

export interface DriftOptions {
  readonly deployment: string;
}

type Feature = WindowDriftReportAnswer['features'][number];

/** `perennial drift <model>`: the newest window beside the champion's baseline, the features that differ most first. */
export async function drift(session: Session, model: string, { deployment }: DriftOptions): Promise<ExitCode> {
  const windows = `/v1/models/${encodeURIComponent(model)}/windows/drift?limit=1&deployment=${encodeURIComponent(deployment)}`;
  const { items: [newest] } = await session.api.get<{ items: WindowDriftAnswer[] }>(windows);
  const report = newest ? await session.api.get<WindowDriftReportAnswer>(newest.links.report) : null;
  session.show(report, () => (report ? shown(session, report) : `No window of ${model} has been compared with its champion's baseline yet\n`));
  return EXIT.done;
}

function shown(session: Session, { model, from, until, rows, baseline, features, drifted, level }: WindowDriftReportAnswer): string {
  const found = new Set(drifted);
  const sorted = [...features].sort((one, other) => (other.psi ?? -1) - (one.psi ?? -1));
  const head = `${model}: ${rows} rows from ${from} until ${until}, beside the ${baseline.rows} on which version ${baseline.version} was judged\n\n`;
  const foot = level === null ? '' : `\nFound: ${drifted.length === 0 ? 'none' : drifted.join(', ')} (p-values up to ${level.toExponential(1)} in this window). Drift is an observation, and raises no alarm.\n`;
  return head + table(session.terminal, COLUMNS, sorted.map((feature) => rowOf(feature, found.has(feature.name))), 'The window has no feature') + foot;
}

const COLUMNS = [
  { title: 'Feature' }, { title: 'PSI', align: 'right' }, { title: 'Jensen–Shannon', align: 'right' }, { title: 'KS or chi²', align: 'right' }, { title: 'p-value', align: 'right' },
  { title: 'Missing', align: 'right' }, { title: 'before', align: 'right' }, { title: 'Found' },
] as const;

function rowOf({ name, psi, jensenShannon, ks, chiSquared, window, baseline, newCategoryCount }: Feature, found: boolean): string[] {
  const test = ks ?? chiSquared;
  const added = newCategoryCount > 0 ? `${newCategoryCount} new` : '';
  return [
    name, number(psi), number(jensenShannon), number(test?.statistic ?? null), test ? test.pValue.toPrecision(2) : '–', shareOf(window), shareOf(baseline),
    [found ? 'drifts' : '', added].filter(Boolean).join(', '),
  ];
}

const number = (value: number | null): string => (value === null ? '–' : figure(value));
const shareOf = ({ missing, rows }: { readonly missing: number; readonly rows: number }): string => (rows === 0 ? '–' : `${((100 * missing) / rows).toFixed(1)} %`);
