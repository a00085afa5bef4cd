import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { RetrainDetail, RetrainStarted } from '../../api/retrains/retrains.dto.js';
import { jsonBody } from '../api-client.js';
import { followUntil, isAccepted, settled } from '../follow.js';
import { RetrainProgress } from '../retrain-progress.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { isDecided, verdictReport } from '../verdict-report.js';

export interface RetrainOptions {
  readonly asOf?: string;
  readonly deployment?: string;
  readonly reason?: string;
  readonly follow: boolean;
}

/** `perennial retrain <model>`: done when the gate decided, whatever it decided. */
export async function retrain(session: Session, model: string, { follow, ...request }: RetrainOptions): Promise<ExitCode> {
  const base = `/v1/models/${encodeURIComponent(model)}/retrains`;
  const started = await session.api.command<RetrainStarted | AcceptedBody>(base, jsonBody(request));
  if (!follow) {
    session.show(started, () => (isAccepted(started) ? `accepted as command ${started.commandId}; it is started as soon as Temporal answers\n` : `retrain ${started.number} of ${model} ${started.joined ? 'was running already' : 'runs'}\n${started.temporalUrl}\n`));
    return EXIT.done;
  }
  const number = isAccepted(started) ? ((await settled(session, started)).outcome as { number: number }).number : started.number;
  if (!isAccepted(started)) session.note(`Retrain ${number} of ${model}${started.joined ? ', which was running already' : ''}: ${started.temporalUrl}`);
  const ended = await followRetrain(session, `${base}/${number}`);
  session.show(ended, () => verdictReport(session.terminal, ended));
  return ended.outcome !== null && isDecided(ended.outcome) ? EXIT.done : EXIT.failed;
}

async function followRetrain(session: Session, path: string): Promise<RetrainDetail> {
  if (session.json) return followUntil<RetrainDetail>(session, path, ({ outcome }) => outcome !== null, () => undefined);
  const progress = new RetrainProgress(session.terminal);
  try {
    return await followUntil<RetrainDetail>(session, path, ({ outcome }) => outcome !== null, (state) => progress.update(state));
  } finally {
    progress.finish();
  }
}
