import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { RollbackAnswer, RollbackStarted } from '../../api/rollbacks/rollbacks.dto.js';
import { jsonBody } from '../api-client.js';
import { followUntil, isAccepted, settled } from '../follow.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts } from '../table.js';
import { styled } from '../terminal.js';

export interface RollbackOptions {
  readonly to?: number;
  readonly deployment?: string;
  readonly reason: string;
  readonly follow: boolean;
}

/** `perennial rollback <model>`: done when the earlier version answers. */
export async function rollback(session: Session, model: string, { to, deployment, reason, follow }: RollbackOptions): Promise<ExitCode> {
  const base = `/v1/models/${encodeURIComponent(model)}/rollbacks`;
  const started = await session.api.command<RollbackStarted | AcceptedBody>(base, jsonBody({ toVersion: to, deployment, reason }));
  if (!follow) {
    session.show(started, () => (isAccepted(started) ? `accepted as command ${started.commandId}; it is started as soon as Temporal answers\n` : `${model} goes back to version ${started.toVersion}\n${started.temporalUrl}\n`));
    return EXIT.done;
  }
  const begun = isAccepted(started) ? ((await settled(session, started)).outcome as unknown as RollbackStarted) : started;
  const ended = await followUntil<RollbackAnswer>(session, `${base}/${begun.deployment}/${begun.fromEpoch}`, ({ outcome }) => outcome !== null, () => undefined);
  session.show(ended, () => report(session, ended));
  return ended.outcome === 'done' ? EXIT.done : EXIT.failed;
}

function report({ terminal }: Session, ended: RollbackAnswer): string {
  const done = ended.outcome === 'done';
  return `${styled(terminal, done ? 'green' : 'red', (ended.outcome ?? '').toUpperCase())}\n${facts(terminal, [
    ['model', `${ended.model}/${ended.deployment}`],
    ['version', `${ended.fromVersion} → ${ended.toVersion}`],
    ['epoch', ended.toEpoch === null ? null : `${ended.fromEpoch} → ${ended.toEpoch}`],
    ['explanation', ended.explanation],
    ['not yet there', ended.gatewaysBehind.length === 0 ? null : ended.gatewaysBehind.join(', ')],
    ['Temporal', ended.links.temporal],
  ])}`;
}
