import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { FindingAnswer, FindingChanged } from '../../api/findings/findings.dto.js';
import type { FindingRequest, FindingSeverity } from '../../contracts/findings.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { styled, type Terminal } from '../terminal.js';

export interface FindingsOptions {
  /** Also those that are closed. */
  readonly all: boolean;
}

export interface FindingOpenOptions {
  readonly severity: FindingSeverity;
  readonly title: string;
  readonly evidence: string;
  readonly owner: string;
  readonly due: string;
  readonly version?: number;
}

export interface FindingCloseOptions {
  readonly evidence: string;
  readonly artifact?: string;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/findings`;

/** `perennial findings <model> [number] [--all]` */
export async function findings(session: Session, model: string, number: number | undefined, { all }: FindingsOptions): Promise<ExitCode> {
  if (number !== undefined) {
    const one = await session.api.get<FindingAnswer>(`${base(model)}/${number}`);
    session.show(one, () => report(session.terminal, one));
    return EXIT.done;
  }
  const list = await session.api.get<{ items: FindingAnswer[] }>(`${base(model)}${all ? '' : '?open=true'}`);
  session.show(list, () => table(
    session.terminal,
    [{ title: 'Finding', align: 'right' }, { title: 'Severity' }, { title: 'Of' }, { title: 'Source' }, { title: 'Owner' }, { title: 'Due' }, { title: 'State' }, { title: 'What' }],
    list.items.map((one) => [String(one.number), one.severity, whose(one), one.source, one.owner, moment(one.dueAt), state(one), one.title]),
    all ? `Nothing was found wrong with ${model}` : `No finding of ${model} is open; --all shows those that are closed`,
  ));
  return EXIT.done;
}

/** `perennial finding open <model>` */
export async function openFinding(session: Session, model: string, { severity, title, evidence, owner, due, version }: FindingOpenOptions): Promise<ExitCode> {
  const body: FindingRequest = { version: version ?? null, severity, title, evidenceNeeded: evidence, owner, dueAt: due };
  const answer = await session.api.command<FindingChanged | AcceptedBody>(base(model), jsonBody(body));
  session.show(answer, () => (isAccepted(answer) ? later(answer) : `finding ${answer.number} of ${model} is open\n`));
  return EXIT.done;
}

/** `perennial finding close <model> <number>` */
export async function closeFinding(session: Session, model: string, number: number, { evidence, artifact }: FindingCloseOptions): Promise<ExitCode> {
  const answer = await session.api.command<FindingChanged | AcceptedBody>(`${base(model)}/${number}/close`, jsonBody({ evidence, artifactDigest: artifact ?? null }));
  session.show(answer, () => (isAccepted(answer) ? later(answer) : `finding ${number} of ${model} is closed\n`));
  return EXIT.done;
}

const later = (answer: AcceptedBody): string => `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`;

const whose = ({ version }: Pick<FindingAnswer, 'version'>): string => (version === null ? 'the model' : `version ${version}`);

const state = ({ closed, escalated }: FindingAnswer): string => (closed ? 'closed' : escalated ? `overdue, told ${escalated.times} times` : 'open');

function report(terminal: Terminal, one: FindingAnswer): string {
  const { closed, escalated } = one;
  const about = facts(terminal, [
    ['finding', `${one.model} ${one.number}, of ${whose(one)}`],
    ['what', one.title],
    ['severity', one.severity],
    ['source', one.source],
    ['owner', one.owner],
    ['due', moment(one.dueAt)],
    ['evidence needed', one.evidenceNeeded],
    ['opened', `by ${one.openedBy} at ${moment(one.openedAt)}`],
    ['escalated', escalated && `${escalated.times} times, last at ${moment(escalated.lastAt)}`],
    ['closed', closed && `by ${closed.by} at ${moment(closed.at)}`],
    ['evidence', closed && closed.evidence],
    ['artifact', closed && closed.artifactDigest],
  ]);
  return `${closed ? styled(terminal, 'green', 'CLOSED') : styled(terminal, escalated ? 'red' : 'yellow', 'OPEN')}\n\n${about}`;
}
