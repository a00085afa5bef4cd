import type { WhyAnswer } from '../../api/why/why.dto.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { whyPage } from '../why-page.js';

export interface WhyOptions {
  readonly at?: string;
  readonly deployment?: string;
}

/** `perennial why <model> [--at TIME]` */
export async function why(session: Session, model: string, options: WhyOptions): Promise<ExitCode> {
  const query = new URLSearchParams(Object.entries(options).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const answer = await session.api.get<WhyAnswer>(`/v1/models/${encodeURIComponent(model)}/why?${query.toString()}`);
  session.show(answer, () => whyPage(session.terminal, answer));
  return EXIT.done;
}
