import type { AlarmAnswer } from '../../api/alarms/alarms.dto.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { plain, type Style, styled, type Terminal } from '../terminal.js';

export interface AlarmsOptions {
  readonly all: boolean;
}

/** `perennial alarms [model]`: what is open; with `--all` also what has ended, and tests. */
export async function alarms(session: Session, model: string | undefined, { all }: AlarmsOptions): Promise<ExitCode> {
  const query = new URLSearchParams({ ...(all ? {} : { open: 'true' }), ...(model === undefined ? {} : { model }) });
  const list = await session.api.get<{ items: AlarmAnswer[] }>(`/v1/alarms?${query.toString()}`);
  session.show(list, () => (list.items.length === 0 ? `${none(model, all)}\n` : list.items.map((alarm) => report(session.terminal, alarm)).join('\n')));
  return EXIT.done;
}

const none = (model: string | undefined, all: boolean): string =>
  `${all ? 'There has been no alarm' : 'No alarm is open'}${model === undefined ? '' : ` for ${model}`}${all ? '' : '; --all shows those that have ended'}`;

const STYLES: Readonly<Record<AlarmAnswer['severity'], Style>> = { critical: 'red', warning: 'yellow', info: 'dim' };

/** What is wrong is told in full: it says how to mend it. */
function report(terminal: Terminal, { kind, severity, model, deployment, subject, summary, test, raisedAt, delivery, ended }: AlarmAnswer): string {
  const about = [...(model === null ? [] : [deployment === null ? model : `${model}/${deployment}`]), subject].map(plain).join(', ');
  const lines = [
    `${styled(terminal, STYLES[severity], `${severity.toUpperCase()} ${kind}`)}${test ? ' (a test)' : ''}  ${about}`,
    `  ${plain(summary)}`,
    `  raised ${moment(raisedAt)}; ${arrival(delivery)}${ended === null ? '' : `; ended ${moment(ended.at)}: ${plain(ended.reason)}`}`,
  ];
  return `${lines.join('\n')}\n`;
}

const arrival = ({ deliveredAt, attempts, lastReason }: AlarmAnswer['delivery']): string =>
  deliveredAt === null ? `not delivered after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}${lastReason === null ? '' : `: ${plain(lastReason)}`}` : `delivered ${moment(deliveredAt)}`;
