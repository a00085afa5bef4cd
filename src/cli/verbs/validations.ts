import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { ValidationAnswer, ValidationDecided } from '../../api/validations/validations.dto.js';
import type { ValidationDecision, ValidationReport } from '../../contracts/validations.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { moment } from '../numbers.js';
import { glossary, heading, paragraph } from '../prose.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';
import { type Style, styled, type Terminal } from '../terminal.js';

export interface ValidateOptions {
  readonly reason: string;
  /** Files. */
  readonly findings?: string;
  readonly answers?: string;
}

const base = (model: string, version: number): string => `/v1/models/${encodeURIComponent(model)}/versions/${version}/validation`;

/** `perennial validations <model> [version]` */
export async function validations(session: Session, model: string, version: number | undefined): Promise<ExitCode> {
  if (version !== undefined) return validation(session, model, version);
  const list = await session.api.get<{ items: ValidationAnswer[] }>(`/v1/models/${encodeURIComponent(model)}/validations`);
  session.show(list, () => table(
    session.terminal,
    [{ title: 'Version', align: 'right' }, { title: 'Tier' }, { title: 'Opened' }, { title: 'Checks' }, { title: 'Decision' }, { title: 'Outcome' }, { title: 'Why' }],
    list.items.map((one) => [String(one.version), one.tier, moment(one.openedAt), one.checks.map(({ name, verdict }) => `${name} ${verdict}`).join(', '), one.decision ? `${one.decision.choice} by ${one.decision.actor}` : '–', one.outcome ?? 'open', one.reason ?? `waits for ${one.waitsFor ?? 'nobody'}`]),
    `${model} has had nothing to validate: its spec states no use case, or no version has passed its gate`,
  ));
  return EXIT.done;
}

async function validation(session: Session, model: string, version: number): Promise<ExitCode> {
  const one = await session.api.get<ValidationAnswer>(base(model, version));
  const report = one.reportDigest === null ? null : await session.api.get<ValidationReport>(`${base(model, version)}/report`);
  session.show({ ...one, report }, () => page(session.terminal, one, report));
  return EXIT.done;
}

/** `perennial validate <model> <version> <decision>`: over the report as it is when it is read here. @throws ProblemError where a file cannot be read, or there is no report yet */
export async function validate(session: Session, model: string, version: number, decision: ValidationDecision, { reason, findings, answers }: ValidateOptions): Promise<ExitCode> {
  const said = { ...(findings !== undefined && { findings: readYaml(findings) }), ...(answers !== undefined && { answers: readYaml(answers) }) };
  const { reportDigest } = await session.api.get<ValidationAnswer>(base(model, version));
  if (reportDigest === null) throw ProblemError.of('ValidationNotOpen', `The validation of version ${version} of ${model} has no report yet: its checks are being made`, base(model, version));
  const answer = await session.api.command<ValidationDecided | AcceptedBody>(`${base(model, version)}/decision`, jsonBody({ decision, reportDigest, reason, ...said }));
  session.show(answer, () => {
    if (isAccepted(answer)) return `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`;
    const opened = answer.findings.length > 0 ? `, with ${answer.findings.length === 1 ? 'finding' : 'findings'} ${answer.findings.join(', ')}` : '';
    return `version ${version} of ${model}: ${decision}${opened}${answer.approval === null ? '' : `; approval ${answer.approval} waits for votes`}\n`;
  });
  return EXIT.done;
}

/** JSON is YAML too. */
function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    throw ProblemError.of('InvalidRequest', `${file} cannot be read as YAML or JSON: ${error instanceof Error ? error.message : String(error)}`, file);
  }
}

const STYLES: Readonly<Record<string, Style>> = { promoted: 'green', releasing: 'green', rejected: 'red', failed: 'red' };

function page(terminal: Terminal, one: ValidationAnswer, report: ValidationReport | null): string {
  const head = one.outcome === null ? `OPEN  It waits for ${one.waitsFor === 'checks' ? 'its checks' : `the ${one.waitsFor}`}.` : `${styled(terminal, STYLES[one.outcome] ?? 'yellow', one.outcome.toUpperCase())}  ${one.reason ?? ''}`;
  const { decision } = one;
  return [
    `${head}\n`,
    glossary(terminal, [
      ['validation', `${one.model}, version ${one.version}, tier ${one.tier}, retrain ${one.retrain}`],
      ['opened', moment(one.openedAt)],
      ['until', moment(one.expiresAt)],
      ['report', one.reportDigest],
      ['decision', decision && `${decision.choice} by ${decision.actor} at ${moment(decision.at)}: ${decision.reason}`],
      ['findings', decision && decision.findings.length > 0 ? decision.findings.join(', ') : null],
      ['approval', one.approval === null ? null : String(one.approval)],
      ['Temporal', one.links.temporal],
    ]),
    table(terminal, [{ title: 'Check' }, { title: 'Verdict' }, { title: 'Why' }], one.checks.map(({ name, verdict, explanation }) => [name, verdict, explanation]), 'No check is done yet'),
    ...(report && Object.keys(report.questions).length > 0 && !decision ? [heading(terminal, 'To be answered'), glossary(terminal, Object.entries(report.questions))] : []),
    ...(report && !decision && one.outcome === null ? [paragraph(terminal, report.decidedBy)] : []),
  ].join('\n');
}
