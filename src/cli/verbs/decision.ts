import type { DecisionAnswer } from '../../api/decisions/decisions.dto.js';
import { decisionPage } from '../decision-page.js';
import { EXIT, type ExitCode, type Session } from '../session.js';

export interface DecisionOptions {
  readonly model?: string;
  readonly around?: string;
  /** Values of sensitive columns, for a reason that goes on the record. */
  readonly unmasked?: boolean;
  readonly reason?: string;
}

/** `perennial decision <prediction id> [--model] [--around TIME] [--unmasked --reason …]` */
export async function decision(session: Session, id: string, options: DecisionOptions): Promise<ExitCode> {
  const query = new URLSearchParams(Object.entries(options).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]])));
  const answer = await session.api.get<DecisionAnswer>(`/v1/decisions/${encodeURIComponent(id)}?${query.toString()}`);
  session.show(answer, () => decisionPage(session.terminal, answer));
  return EXIT.done;
}
