import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { ReleaseAnswer, ReleaseDetail, ReleaseStarted, Steered } from '../../api/releases/releases.dto.js';
import type { ReleaseAction } from '../../contracts/releases.js';
import { jsonBody } from '../api-client.js';
import { followUntil, isAccepted, settled } from '../follow.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { plain, type Style, styled, type Terminal } from '../terminal.js';

export interface ReleaseOptions {
  readonly deployment?: string;
  readonly reason: string;
  readonly follow: boolean;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/releases`;

/** `perennial release <model> <version>`: done when it is in the queue; with `--follow` when it is promoted. */
export async function release(session: Session, model: string, version: number, { follow, ...request }: ReleaseOptions): Promise<ExitCode> {
  const started = await session.api.command<ReleaseStarted | AcceptedBody>(base(model), jsonBody({ version, ...request }));
  if (!follow) {
    session.show(started, () => (isAccepted(started) ? `accepted as command ${started.commandId}; it is started as soon as Temporal answers\n` : `release ${started.number} of ${model}: version ${version}${started.joined ? ', which was under way already' : ''}\n${started.temporalUrl}\n`));
    return EXIT.done;
  }
  const number = isAccepted(started) ? ((await settled(session, started)).outcome as { number: number }).number : started.number;
  let told = '';
  const ended = await followUntil<ReleaseDetail>(session, `${base(model)}/${number}`, ({ outcome }) => outcome !== null, ({ stage, percent, reason }) => {
    const now = `${standing(stage, percent)}: ${reason ?? ''}`;
    if (now !== told) session.note(now);
    told = now;
  });
  session.show(ended, () => report(session.terminal, ended));
  return ended.outcome === 'promoted' ? EXIT.done : EXIT.failed;
}

/** `perennial releases <model> [number]` */
export async function releases(session: Session, model: string, number: number | undefined): Promise<ExitCode> {
  if (number !== undefined) {
    const one = await session.api.get<ReleaseDetail>(`${base(model)}/${number}`);
    session.show(one, () => report(session.terminal, one));
    return EXIT.done;
  }
  const list = await session.api.get<{ items: ReleaseAnswer[] }>(base(model));
  session.show(list, () => table(
    session.terminal,
    [{ title: 'Release', align: 'right' }, { title: 'Version', align: 'right' }, { title: 'Stands' }, { title: 'Asked for' }, { title: 'Why' }],
    list.items.map((one) => [String(one.number), String(one.version), one.outcome ?? `${standing(one.stage, one.percent)}${one.paused ? ', paused' : ''}`, moment(one.requestedAt), one.reason ?? '']),
    `${model} has no release yet`,
  ));
  return EXIT.done;
}

/** `perennial pause|resume|advance|abort <model> <number>` */
export async function steer(session: Session, action: ReleaseAction, model: string, number: number, reason: string): Promise<ExitCode> {
  const answer = await session.api.command<Steered | AcceptedBody>(`${base(model)}/${number}/${action}`, jsonBody({ reason }));
  session.show(answer, () => (isAccepted(answer) ? `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n` : `${action} of release ${number} of ${model} ${answer.joined ? 'had been asked for already' : 'is on the record'}\n${answer.temporalUrl}\n`));
  return EXIT.done;
}

const standing = (stage: string, percent: number | null): string => (percent === null ? stage : `${stage} ${percent} %`);

const STYLES: Readonly<Record<string, Style>> = { promoted: 'green', rejected: 'yellow', inconclusive: 'yellow', aborted: 'yellow', superseded: 'yellow' };

function report(terminal: Terminal, one: ReleaseDetail): string {
  const head = one.outcome === null ? standing(one.stage, one.percent) : styled(terminal, STYLES[one.outcome] ?? 'red', one.outcome.toUpperCase());
  const summary = facts(terminal, [
    ['release', `${one.model} ${one.number}, version ${one.version} into ${one.deployment}`],
    ['bound to', one.champion === null ? null : `version ${one.champion}, epoch ${one.epoch}`],
    ['plan', one.planDigest],
    ['paused', one.paused && one.outcome === null ? `yes; \`perennial resume ${one.model} ${one.number}\` lets it go on` : null],
    ['waits for', one.outcome === null && one.latest?.action === 'wait-for-person' ? 'a person' : null],
    ['Temporal', one.links.temporal],
  ]);
  const steps = table(
    terminal, [{ title: 'At' }, { title: 'Step' }, { title: 'Stands' }, { title: 'By' }, { title: 'Why' }],
    one.steps.map((step) => [moment(step.takenAt), step.action, step.stage, step.actor, step.reason]), 'No step yet',
  );
  const blocks = one.analyses.flatMap(({ number, phase, kind, blocks: entries }) => entries.map((block) => [
    `${number} ${phase}`, kind, moment(block.until), String(block.samples), String(block.missingLabels), typeof block.standing['outcome'] === 'string' ? block.standing['outcome'] : '',
  ]));
  const compared = blocks.length === 0 ? '' : table(terminal, [{ title: 'Analysis' }, { title: 'Of' }, { title: 'Until' }, { title: 'Pairs', align: 'right' }, { title: 'No label', align: 'right' }, { title: 'Outcome' }], blocks, '');
  // The reason in full: it holds the numbers, and what a person can do.
  return [`${head}\n${one.reason === null ? '' : `${plain(one.reason)}\n`}`, summary, steps, compared].filter((part) => part !== '').join('\n');
}
