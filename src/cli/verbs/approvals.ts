import type { ApprovalAnswer, ApprovalOpened, Voted } from '../../api/approvals/approvals.dto.js';
import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { VoteChoice } from '../../contracts/approvals.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { type Style, styled, type Terminal } from '../terminal.js';

export interface ApprovalsOptions {
  /** Asks anew for what was rejected or has expired, and why. */
  readonly request?: string;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/approvals`;

/** `perennial approvals <model> [number]` */
export async function approvals(session: Session, model: string, number: number | undefined, { request }: ApprovalsOptions): Promise<ExitCode> {
  if (request !== undefined) return askAgain(session, model, request);
  if (number !== undefined) {
    const one = await session.api.get<ApprovalAnswer>(`${base(model)}/${number}`);
    session.show(one, () => report(session.terminal, one));
    return EXIT.done;
  }
  const list = await session.api.get<{ items: ApprovalAnswer[] }>(base(model));
  session.show(list, () => table(
    session.terminal,
    [{ title: 'Approval', align: 'right' }, { title: 'What' }, { title: 'Digest' }, { title: 'Tier' }, { title: 'Until' }, { title: 'Votes' }, { title: 'Outcome' }, { title: 'Why' }],
    list.items.map((one) => [String(one.number), what(one), one.digest.slice(0, 19), one.tier, moment(one.expiresAt), String(one.votes.length), one.outcome ?? 'open', one.reason ?? one.rule]),
    `${model} has had nothing to approve: its spec states no use case`,
  ));
  return EXIT.done;
}

async function askAgain(session: Session, model: string, reason: string): Promise<ExitCode> {
  const answer = await session.api.command<ApprovalOpened | AcceptedBody>(base(model), jsonBody({ reason }));
  session.show(answer, () => (isAccepted(answer) ? later(answer) : `approval ${answer.number} of ${model} ${answer.outcome === null ? 'is open' : `was ${answer.outcome}`}\n${answer.temporalUrl}\n`));
  return EXIT.done;
}

/** `perennial vote <model> <number> <choice>`: for what the approval is of when it is read here. */
export async function vote(session: Session, model: string, number: number, choice: VoteChoice, reason: string): Promise<ExitCode> {
  const { digest } = await session.api.get<ApprovalAnswer>(`${base(model)}/${number}`);
  const answer = await session.api.command<Voted | AcceptedBody>(`${base(model)}/${number}/votes`, jsonBody({ choice, digest, reason }));
  session.show(answer, () => {
    if (isAccepted(answer)) return later(answer);
    return answer.outcome === null ? `your vote counts (${choice}); approval ${number} of ${model} waits for more\n` : `approval ${number} of ${model} is ${answer.outcome}: ${answer.reason ?? ''}\n`;
  });
  return EXIT.done;
}

const later = (answer: AcceptedBody): string => `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`;

const what = ({ kind, version }: Pick<ApprovalAnswer, 'kind' | 'version'>): string => (kind === 'version' ? `version ${version}` : kind === 'useCase' ? 'use case' : 'retirement');

const STYLES: Readonly<Record<string, Style>> = { approved: 'green', rejected: 'red', expired: 'yellow', voided: 'yellow' };

function report(terminal: Terminal, one: ApprovalAnswer): string {
  const head = one.outcome === null ? 'OPEN' : styled(terminal, STYLES[one.outcome] ?? 'dim', one.outcome.toUpperCase());
  const about = facts(terminal, [
    ['approval', `${one.model} ${one.number}, tier ${one.tier}`],
    ['what', what(one)],
    ['digest', one.digest],
    ...Object.entries(one.evidence).map(([name, digest]): [string, string] => [name, digest]),
    ['rule', one.rule],
    ['may not vote', Object.entries(one.barred).map(([name, did]) => `${name}, who ${did}`).join('; ')],
    ['opened', moment(one.openedAt)],
    ['until', moment(one.expiresAt)],
    ['decided', one.decidedAt && moment(one.decidedAt)],
    ['why', one.reason],
    ['Temporal', one.links.temporal],
  ]);
  const votes = table(terminal, [{ title: 'Who' }, { title: 'Vote' }, { title: 'When' }, { title: 'Why' }], one.votes.map(({ actor, choice, at, reason }) => [actor, choice, moment(at), reason]), 'Nobody has voted');
  return [`${head}\n`, about, votes].join('\n');
}
