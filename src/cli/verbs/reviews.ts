import { readFileSync } from 'node:fs';
import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { ReviewListAnswer, ReviewRecorded } from '../../api/reviews/reviews.dto.js';
import type { ReviewOutcome } from '../../contracts/reviews.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { moment } from '../numbers.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';

export interface ReviewOptions {
  readonly reason: string;
  /** A JSON file with the list of what was found. */
  readonly findings?: string;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/reviews`;

/** `perennial reviews <model>` */
export async function reviews(session: Session, model: string): Promise<ExitCode> {
  const list = await session.api.get<ReviewListAnswer>(base(model));
  session.show(list, () => `${table(
    session.terminal,
    [{ title: 'Review', align: 'right' }, { title: 'Outcome' }, { title: 'Champion', align: 'right' }, { title: 'Due' }, { title: 'When' }, { title: 'By' }, { title: 'Findings' }, { title: 'Why' }],
    list.items.map((one) => [String(one.number), one.outcome, `v${one.champion}`, moment(one.dueAt), moment(one.at), one.reviewedBy, one.findings.map((link) => link.split('/').at(-1)).join(', '), one.reason]),
    `${model} was never reviewed`,
  )}\n${due(list)}\n`);
  return EXIT.done;
}

function due({ every, nextDueAt }: ReviewListAnswer): string {
  if (every === null) return 'No review is due: its spec states no use case.';
  return nextDueAt === null ? `The first review is due ${every} after the first champion.` : `The next review is due at ${moment(nextDueAt)}.`;
}

/** `perennial review <model> <outcome>` */
export async function review(session: Session, model: string, outcome: ReviewOutcome, { reason, findings }: ReviewOptions): Promise<ExitCode> {
  const body = { outcome, reason, ...(findings !== undefined && { findings: read(findings) }) };
  const answer = await session.api.command<ReviewRecorded | AcceptedBody>(base(model), jsonBody(body));
  session.show(answer, () => {
    if (isAccepted(answer)) return `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`;
    const found = answer.findings.length === 0 ? '' : ` with ${answer.findings.length === 1 ? 'one finding' : `${answer.findings.length} findings`}`;
    return `review ${answer.number} of ${model} is on record (${answer.outcome}${found}); the next one is due at ${moment(answer.nextDueAt)}\n`;
  });
  return EXIT.done;
}

function read(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw ProblemError.of('InvalidRequest', `${path} cannot be read as JSON (${error instanceof Error ? error.message : 'unknown'}); name a file that holds a list of findings`, path);
  }
}
