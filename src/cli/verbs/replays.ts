import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { ReplayAnswer, ReplayDetail, ReplayStarted } from '../../api/replays/replays.dto.js';
import { jsonBody } from '../api-client.js';
import { followUntil, isAccepted, settled } from '../follow.js';
import { count, moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { type Style, styled, type Terminal } from '../terminal.js';

export interface ReplayOptions {
  readonly from: string;
  readonly until: string;
  readonly deployment?: string;
  readonly reason: string;
  readonly follow: boolean;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/replays`;

/** `perennial replay <model> <version>`: done when it has compared, whatever it found. */
export async function replay(session: Session, model: string, version: number, { follow, ...request }: ReplayOptions): Promise<ExitCode> {
  const started = await session.api.command<ReplayStarted | AcceptedBody>(base(model), jsonBody({ version, ...request }));
  if (!follow) {
    session.show(started, () => (isAccepted(started) ? `accepted as command ${started.commandId}; it is started as soon as Temporal answers\n` : `replay ${started.number} of ${model}: version ${version}\n${warning(started)}${started.temporalUrl}\n`));
    return EXIT.done;
  }
  const number = isAccepted(started) ? ((await settled(session, started)).outcome as { number: number }).number : started.number;
  if (!isAccepted(started)) session.note(`Replay ${number} of ${model}: ${started.temporalUrl}`);
  let told = '';
  const ended = await followUntil<ReplayDetail>(session, `${base(model)}/${number}`, ({ outcome }) => outcome !== null, ({ blocks, rows }) => {
    const now = `${count(rows.pairs)} pairs, until ${moment(blocks.at(-1)?.until ?? null)}`;
    if (blocks.length > 0 && now !== told) session.note(now);
    told = now;
  });
  session.show(ended, () => report(session.terminal, ended));
  return ended.failure === null ? EXIT.done : EXIT.failed;
}

/** `perennial replays <model> [number]` */
export async function replays(session: Session, model: string, number: number | undefined): Promise<ExitCode> {
  if (number !== undefined) {
    const one = await session.api.get<ReplayDetail>(`${base(model)}/${number}`);
    session.show(one, () => report(session.terminal, one));
    return EXIT.done;
  }
  const list = await session.api.get<{ items: ReplayAnswer[] }>(base(model));
  session.show(list, () => table(
    session.terminal,
    [{ title: 'Replay', align: 'right' }, { title: 'Version', align: 'right' }, { title: 'From' }, { title: 'Until' }, { title: 'Outcome' }, { title: 'Why' }],
    list.items.map((one) => [String(one.number), String(one.version), moment(one.from), moment(one.until), one.outcome ?? 'runs', one.reason ?? '']),
    `${model} has no replay yet`,
  ));
  return EXIT.done;
}

const warning = ({ seenInTraining }: Pick<ReplayStarted, 'seenInTraining'>): string =>
  seenInTraining === null ? '' : `Beware: the version was trained on ${seenInTraining.start} to ${seenInTraining.end}, where it looks better than it is.\n`;

const STYLES: Readonly<Record<string, Style>> = { better: 'green', 'not-worse': 'green', inconclusive: 'yellow', worse: 'yellow' };

function report(terminal: Terminal, one: ReplayDetail): string {
  const head = one.outcome === null ? 'runs' : styled(terminal, STYLES[one.outcome] ?? 'red', one.outcome.toUpperCase());
  const { rows } = one;
  const summary = facts(terminal, [
    ['replay', `${one.model} ${one.number}, version ${one.version} on what ${one.deployment} logged`],
    ['period', `${moment(one.from)} to ${moment(one.until)}`],
    ['why', one.reason],
    ['rows', `${count(rows.observed)} observed, ${count(rows.pairs)} pairs; left out: ${count(rows.withoutInputs)} without inputs, ${count(rows.lackingFeatures)} lacking features, ${count(rows.ownAnswers)} own, ${count(rows.withoutChampion)} without champion, ${count(rows.failed)} failed`],
    ['beware', one.seenInTraining && `trained on ${moment(one.seenInTraining.start)} to ${moment(one.seenInTraining.end)}`],
    ['plan', one.planDigest],
    ['in service', 'nothing changed; `perennial release` would bring it there'],
    ['Temporal', one.links.temporal],
  ]);
  const blocks = table(
    terminal, [{ title: 'Until' }, { title: 'Pairs', align: 'right' }, { title: 'Labels', align: 'right' }, { title: 'Gain', align: 'right' }, { title: 'Low', align: 'right' }, { title: 'High', align: 'right' }, { title: 'Outcome' }],
    one.blocks.map(({ until, rows: { pairs }, samples, labelled }) => [
      moment(until), count(pairs), count(samples), number(labelled?.['gain']), number(labelled?.['low']), number(labelled?.['high']), outcomeOf(labelled),
    ]), 'No block yet',
  );
  return [`${head}\n`, summary, blocks].join('\n');
}

const outcomeOf = (labelled: Record<string, unknown> | null): string => (typeof labelled?.['outcome'] === 'string' ? labelled['outcome'] : '');

const number = (value: unknown): string => (typeof value === 'number' ? value.toFixed(4) : '–');
