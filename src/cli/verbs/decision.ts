import type { DecisionAnswer } from '../../api/decisions/decisions.dto.js';
import { decisionPage } from '../decision-page.js';
import { EXIT, type ExitCode, type Session } from '../session.js';

export interface DecisionOptions {
  readonly model?: string;
  readonly around?: string;
}

/** `perennial decision <prediction id> [--model] [--around TIME]` */
export async function decision(session: Session, id: string, options: DecisionOptions): Promise<ExitCode> {
  const query = new URLSearchParams(Object.entries(options).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const answer = await session.api.get<DecisionAnswer>(`/v1/decisions/${encodeURIComponent(id)}?${query.toString()}`);
  session.show(answer, () => decisionPage(session.terminal, answer));
  return EXIT.done;
}
