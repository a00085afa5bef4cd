import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { WindowReleased } from '../../api/windows/window-release.controller.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { EXIT, type ExitCode, type Session } from '../session.js';

export interface WindowReleaseOptions {
  readonly deployment?: string;
  readonly reason: string;
}

/** `perennial release-window <model> <from>` */
export async function releaseWindow(session: Session, model: string, from: string, options: WindowReleaseOptions): Promise<ExitCode> {
  const answer = await session.api.command<WindowReleased | AcceptedBody>(`/v1/models/${encodeURIComponent(model)}/windows/${encodeURIComponent(from)}/release`, jsonBody(options));
  session.show(answer, () => {
    if (isAccepted(answer)) return `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`;
    const ended = answer.endedAlarm === null ? '' : `; alarm ${answer.endedAlarm} has ended`;
    return `the window of ${answer.model}/${answer.deployment} that begins at ${answer.from} is out of quarantine${ended}\n`;
  });
  return EXIT.done;
}
