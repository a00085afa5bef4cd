import type { ChampionAnswer } from '../../api/champion/champion.dto.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts } from '../table.js';

export interface ChampionOptions {
  readonly at?: string;
  readonly deployment?: string;
}

/** `perennial champion <model> [--at TIME]` */
export async function champion(session: Session, model: string, options: ChampionOptions): Promise<ExitCode> {
  const query = new URLSearchParams(Object.entries(options).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const answer = await session.api.get<ChampionAnswer>(`/v1/models/${encodeURIComponent(model)}/champion?${query.toString()}`);
  session.show(answer, () => facts(session.terminal, [
    ['model', `${answer.model}/${answer.deployment}`],
    ['at', moment(answer.at)],
    ['version', answer.version === null ? 'none: nothing has been promoted by then' : String(answer.version)],
    ['epoch', String(answer.epoch)],
    ['since', answer.change && moment(answer.change.changedAt)],
    ['by', answer.change && `${answer.change.reason}, asked for by ${answer.change.actor}`],
    ['before', answer.change && (answer.change.previousVersion === null ? 'none' : `version ${answer.change.previousVersion}`)],
    ['workflow', answer.change && answer.change.workflowId],
  ]));
  return EXIT.done;
}
