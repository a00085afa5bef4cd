import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { CertificateAnswer, HoldAnswer, HoldChanged, RetirementAnswer, RetirementChanged } from '../../api/retirement/retirement.dto.js';
import type { RetirementAnswers, RetirementTrigger, RetirementWaiver } from '../../contracts/retirements.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import type { Terminal } from '../terminal.js';

export interface RetireOptions {
  readonly reason: string;
  readonly trigger: RetirementTrigger;
  /** The model to ask instead. */
  readonly replacement?: string;
  readonly answers?: RetirementAnswers;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/retirement`;
const holdsOf = (model: string): string => `/v1/models/${encodeURIComponent(model)}/legal-holds`;

/** `perennial retire <model>` */
export async function retire(session: Session, model: string, { reason, trigger, replacement, answers }: RetireOptions): Promise<ExitCode> {
  return change(session, base(model), { reason, trigger, replacement: replacement ?? null, answers: answers ?? null }, ({ number, approval }) =>
    `retirement ${number} of ${model} is asked for: nothing new begins. ${approval?.outcome === null ? `Approval ${approval.number} waits: perennial vote ${model} ${approval.number} approve` : `Approval ${approval?.number ?? ''} was ${approval?.outcome ?? ''}.`}`);
}

/** `perennial retirement show <model>` */
export async function retirement(session: Session, model: string): Promise<ExitCode> {
  const one = await session.api.get<RetirementAnswer>(base(model));
  session.show(one, () => report(session.terminal, one));
  return EXIT.done;
}

/** `perennial retirement withdraw <model>` */
export const withdrawRetirement = (session: Session, model: string, reason: string): Promise<ExitCode> =>
  change(session, `${base(model)}/withdrawal`, { reason }, ({ number }) => `retirement ${number} of ${model} is withdrawn; it goes on as before`);

/** `perennial retirement confirm <model> <consumer>` */
export const confirmRetirement = (session: Session, model: string, consumer: string, said: string): Promise<ExitCode> =>
  change(session, `${base(model)}/confirmations`, { consumer, said }, ({ missing }) => `${consumer} has confirmed; ${missing && missing.length > 0 ? `${missing.join(', ')} have not yet` : 'so have all'}`);

/** `perennial retirement waive <model> <what>` */
export const waiveRetirement = (session: Session, model: string, waives: RetirementWaiver, reason: string): Promise<ExitCode> =>
  change(session, `${base(model)}/waivers`, { waives, reason }, ({ number }) => `retirement ${number} of ${model} goes on without waiting for ${waives === 'drain' ? 'the end of its traffic' : 'its consumers'}`);

/** `perennial retirement certificate <model>` */
export async function certificate(session: Session, model: string): Promise<ExitCode> {
  const [found, { certificate: files }] = [await session.api.get<CertificateAnswer>(`${base(model)}/certificate`), await session.api.get<RetirementAnswer>(base(model))];
  session.show(found, () => `certificate of the retirement of ${model}, edition ${found.edition}\nJSON ${files?.json ?? ''}\npage ${files?.html ?? ''}, at ${base(model)}/certificate.html\n`);
  return EXIT.done;
}

/** `perennial legal-hold list <model>` */
export async function legalHolds(session: Session, model: string): Promise<ExitCode> {
  const list = await session.api.get<{ items: HoldAnswer[] }>(holdsOf(model));
  session.show(list, () => table(
    session.terminal, [{ title: 'Hold', align: 'right' }, { title: 'Set by' }, { title: 'When' }, { title: 'Why' }, { title: 'Lifted' }],
    list.items.map(({ number, setBy, setAt, reason, lifted }) => [String(number), setBy, moment(setAt), reason, lifted ? `${moment(lifted.at)} by ${lifted.by}: ${lifted.reason}` : 'in force']), `${model} has no legal hold`,
  ));
  return EXIT.done;
}

/** `perennial legal-hold set <model>`, `perennial legal-hold lift <model> <hold>` */
export async function changeLegalHold(session: Session, model: string, hold: number | null, reason: string): Promise<ExitCode> {
  const answer = await session.api.command<HoldChanged | AcceptedBody>(hold === null ? holdsOf(model) : `${holdsOf(model)}/${hold}/lift`, jsonBody({ reason }));
  session.show(answer, () => (isAccepted(answer) ? later(answer) : `legal hold ${answer.hold} of ${model} ${hold === null ? 'is in force: nothing of it is deleted' : 'is lifted'}\n`));
  return EXIT.done;
}

async function change(session: Session, path: string, body: object, text: (answer: RetirementChanged) => string): Promise<ExitCode> {
  const answer = await session.api.command<RetirementChanged | AcceptedBody>(path, jsonBody(body));
  session.show(answer, () => (isAccepted(answer) ? later(answer) : `${text(answer)}\n${answer.temporalUrl}\n`));
  return EXIT.done;
}

const later = (answer: AcceptedBody): string => `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`;

function report(terminal: Terminal, one: RetirementAnswer): string {
  const about = facts(terminal, [
    ['retirement', `${one.model} ${one.number}: ${one.state}`], ['why', `${one.trigger}: ${one.reason}`], ['instead', one.replacement ?? 'nothing'], ['answers', one.answers], ['asked for', `${one.requestedBy}, ${moment(one.requestedAt)}`],
    ['digest', one.digest], ['legal holds', one.heldBy.length > 0 ? one.heldBy.join(', ') : null], ['certificate', one.certificate && `edition ${one.certificate.edition}, ${one.certificate.json}`], ['Temporal', one.links.temporal],
  ]);
  const consumers = table(terminal, [{ title: 'Consumer' }, { title: 'Contact' }, { title: 'Confirmed' }, { title: 'Said' }],
    one.consumers.map(({ name, contact, confirmedAt, said }) => [name, contact, confirmedAt ? moment(confirmedAt) : 'not yet', said ?? '']), 'Its spec names no consumers');
  const steps = table(terminal, [{ title: 'Step' }, { title: 'Who' }, { title: 'When' }], one.steps.map(({ step, actor, at }) => [step, actor, moment(at)]), 'No step was taken yet');
  const evidence = table(terminal, [{ title: 'Evidence' }, { title: 'Kept until' }, { title: 'Deleted', align: 'right' }, { title: 'Kept', align: 'right' }],
    one.evidence.map((line) => [line.class, line.gone ? 'gone through' : line.keptUntil ? moment(line.keptUntil) : '–', String(line.deleted), String(line.kept)]), '');
  return [about, consumers, steps, evidence].join('\n');
}
