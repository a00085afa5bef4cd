import type { EvaluationAnswer } from '../../api/evaluations/evaluations.dto.js';
import type { VersionAnswer } from '../../api/versions/versions.dto.js';
import { figure, interval, moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';

/** `perennial versions <model>` */
export async function versions(session: Session, model: string): Promise<ExitCode> {
  const path = `/v1/models/${encodeURIComponent(model)}`;
  const [found, evaluations] = await Promise.all([
    session.api.get<{ items: VersionAnswer[] }>(`${path}/versions?limit=500`),
    session.api.get<{ items: EvaluationAnswer[] }>(`${path}/evaluations?limit=500`),
  ]);
  const byVersion = new Map(evaluations.items.map((evaluation) => [evaluation.version, evaluation]));
  const metric = comparedBy(evaluations.items) ?? Object.keys(evaluations.items[0]?.metrics ?? {})[0] ?? 'metric';
  session.show({ items: found.items.map((version) => ({ ...version, evaluation: byVersion.get(version.version) ?? null })) }, () => table(
    session.terminal,
    [{ title: 'Version', align: 'right' }, { title: 'Status' }, { title: 'Verdict' }, { title: metric }, { title: 'Champion then' }, { title: 'Retrain', align: 'right' }, { title: 'Created' }, { title: 'By' }],
    found.items.map((version) => rowOf(version, byVersion.get(version.version), metric)),
    `${model} has no version yet; train one with \`perennial retrain ${model}\``,
  ));
  return EXIT.done;
}

/** The metric that the gate compares by, whether or not there was a champion to compare with; the losses of the newest rows are no metric of a version. */
const comparedBy = (evaluations: readonly EvaluationAnswer[]): string | undefined =>
  evaluations.flatMap(({ checks }) => checks).map(({ name }) => /^comparison:(?!recentLoss$)(.+)$/.exec(name)?.[1]).find((metric) => metric !== undefined);

const rowOf = (version: VersionAnswer, evaluation: EvaluationAnswer | undefined, metric: string): string[] => [
  String(version.version),
  version.status,
  evaluation?.verdict ?? '–',
  interval(evaluation?.metrics[metric]),
  evaluation?.championVersion == null ? '–' : `v${evaluation.championVersion} ${figure(evaluation.championMetrics?.[metric]?.value)}`,
  String(version.retrain),
  moment(version.createdAt),
  version.createdBy,
];
