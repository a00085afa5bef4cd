import type { AlarmActed, AlarmAnswer } from '../../api/alarms/alarms.dto.js';
import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { AlarmAction } from '../../contracts/alarms.js';
import { jsonBody } from '../api-client.js';
import { followUntil, isAccepted, settled } from '../follow.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { plain, type Style, styled, type Terminal } from '../terminal.js';

export interface AlarmsOptions {
  readonly all: boolean;
}

export interface AlarmActionOptions {
  readonly reason: string;
  /** Of a snooze. */
  readonly until?: string;
}

/** `perennial alarms [model]`: what is open; with `--all` also what has ended, and tests. */
export async function alarms(session: Session, model: string | undefined, { all }: AlarmsOptions): Promise<ExitCode> {
  const query = new URLSearchParams({ ...(all ? {} : { open: 'true' }), ...(model === undefined ? {} : { model }) });
  const list = await session.api.get<{ items: AlarmAnswer[] }>(`/v1/alarms?${query.toString()}`);
  session.show(list, () => (list.items.length === 0 ? `${none(model, all)}\n` : list.items.map((alarm) => report(session.terminal, alarm)).join('\n')));
  return EXIT.done;
}

/** `perennial acknowledge|snooze|resolve <alarm>` */
export async function actOnAlarm(session: Session, action: AlarmAction, id: string, options: AlarmActionOptions): Promise<ExitCode> {
  const answer = await session.api.command<AlarmActed | AcceptedBody>(`/v1/alarms/${encodeURIComponent(id)}/${action}`, jsonBody(options));
  session.show(answer, () => (isAccepted(answer)
    ? `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`
    : `alarm ${answer.id} of ${answer.model} ${DONE[action]}${answer.until === null ? '' : ` until ${moment(answer.until)}`}\n`));
  return EXIT.done;
}

/** `perennial test-alarm <model>`: waits until it has arrived, or was tried for the last time. */
export async function testAlarm(session: Session, model: string, options: AlarmActionOptions): Promise<ExitCode> {
  const answer = await session.api.command<AlarmActed | AcceptedBody>(`/v1/models/${encodeURIComponent(model)}/alarms/test`, jsonBody(options));
  const id = isAccepted(answer) ? ((await settled(session, answer)).outcome as { alarm: string }).alarm : answer.id;
  const alarm = await followUntil<AlarmAnswer>(session, `/v1/alarms/${id}`, ({ ended }) => ended !== null, () => undefined);
  const arrived = alarm.delivery.deliveredAt !== null;
  session.show(alarm, () => `test alarm ${id} of ${plain(model)} ${arrived ? `has arrived: ${arrival(alarm.delivery)}` : `did not arrive: ${arrival(alarm.delivery)}`}\n`);
  return arrived ? EXIT.done : EXIT.failed;
}

const DONE: Readonly<Record<AlarmAction, string>> = { acknowledge: 'is acknowledged and stays open', snooze: 'is snoozed', resolve: 'has ended' };

const none = (model: string | undefined, all: boolean): string =>
  `${all ? 'There has been no alarm' : 'No alarm is open'}${model === undefined ? '' : ` for ${model}`}${all ? '' : '; --all shows those that have ended'}`;

const STYLES: Readonly<Record<AlarmAnswer['severity'], Style>> = { critical: 'red', warning: 'yellow', info: 'dim' };

/** What is wrong is told in full: it says how to mend it. */
function report(terminal: Terminal, alarm: AlarmAnswer): string {
  const { id, kind, severity, model, deployment, subject, summary, test, raisedAt, delivery, acknowledged, snoozedUntil, ended } = alarm;
  const about = [...(model === null ? [] : [deployment === null ? model : `${model}/${deployment}`]), subject].map(plain).join(', ');
  const lines = [
    `${styled(terminal, STYLES[severity], `${severity.toUpperCase()} ${kind}`)}${test ? ' (a test)' : ''}  ${about}`,
    `  ${plain(summary)}`,
    `  ${[
      `raised ${moment(raisedAt)}`, arrival(delivery),
      ...(acknowledged === null ? [] : [`acknowledged ${moment(acknowledged.at)} by ${plain(acknowledged.by)}: ${plain(acknowledged.reason)}`]),
      ...(snoozedUntil === null ? [] : [`snoozed until ${moment(snoozedUntil)}`]),
      ...(ended === null ? [] : [`ended ${moment(ended.at)} by ${plain(ended.by)}: ${plain(ended.reason)}`]),
      `id ${id}`,
    ].join('; ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

const arrival = ({ deliveredAt, attempts, lastReason }: AlarmAnswer['delivery']): string =>
  deliveredAt === null ? `not delivered after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}${lastReason === null ? '' : `: ${plain(lastReason)}`}` : `delivered ${moment(deliveredAt)}`;
