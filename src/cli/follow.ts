import { setTimeout as sleep } from 'node:timers/promises';
import type { AcceptedBody, CommandAnswerBody } from '../api/commands/commands.dto.js';
import type { FailureType } from '../contracts/failures.js';
import { ProblemError } from './problem-error.js';
import type { Session } from './session.js';

const PERIOD_MS = 400;
/** An API that is restarted meanwhile is waited for. */
const PATIENCE_MS = 60_000;

/** Reads a document again and again until it is over. @throws ProblemError as the API answers; an absence only when it lasts */
export async function followUntil<T>(session: Session, path: string, isOver: (document: T) => boolean, show: (document: T) => void): Promise<T> {
  let lastAnswer = performance.now();
  for (;;) {
    try {
      const document = await session.api.get<T>(path);
      lastAnswer = performance.now();
      show(document);
      if (isOver(document)) return document;
    } catch (error) {
      const away = error instanceof ProblemError && error.problem.status >= 502;
      if (!away || performance.now() - lastAnswer > PATIENCE_MS) throw error;
    }
    await sleep(PERIOD_MS);
  }
}

export const isAccepted = (answer: object): answer is AcceptedBody => 'state' in answer && answer.state === 'accepted';

/** Waits until a command that was only accepted has taken effect. @throws ProblemError what it was refused with */
export async function settled(session: Session, accepted: AcceptedBody): Promise<CommandAnswerBody> {
  session.note('Accepted; it is started as soon as Temporal answers. Waiting …');
  const command = await followUntil<CommandAnswerBody>(session, accepted.status, ({ state }) => state !== 'accepted', () => undefined);
  if (command.state === 'refused') {
    const { type, message } = command.outcome as { type: FailureType; message: string };
    throw ProblemError.of(type, message, accepted.status);
  }
  return command;
}
