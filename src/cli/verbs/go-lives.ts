import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { GoLiveAnswer, GoLiveConfirmed, GoLiveListAnswer } from '../../api/go-lives/go-lives.dto.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';

export interface ConfirmGoLiveOptions {
  readonly deployment?: string;
  readonly reason: string;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}`;

/** `perennial go-lives <model>` */
export async function goLives(session: Session, model: string): Promise<ExitCode> {
  const list = await session.api.get<GoLiveListAnswer>(`${base(model)}/go-lives`);
  session.show(list, () => [
    ...list.held.map(({ version, deployment, missing }) => `version ${version} is approved and does not go live in ${deployment}. ${missing.map(({ name, explanation }) => `${name}: ${explanation}`).join(' ')}\n\n`),
    table(
      session.terminal,
      [{ title: 'Deployment' }, { title: 'Epoch', align: 'right' }, { title: 'Version', align: 'right' }, { title: 'Since' }, { title: 'How' }, { title: 'Spec' }, { title: 'Confirmed' }],
      list.items.map((one) => [one.deployment, String(one.epoch), String(one.version), moment(one.at), one.way, one.specDigest.slice(0, 19), confirmed(one)]),
      `No version of ${model} has gone live under a use case`,
    ),
  ].join(''));
  return EXIT.done;
}

/** `perennial confirm-go-live <model> <version>` */
export async function confirmGoLive(session: Session, model: string, version: number, { deployment, reason }: ConfirmGoLiveOptions): Promise<ExitCode> {
  const answer = await session.api.command<GoLiveConfirmed | AcceptedBody>(`${base(model)}/versions/${version}/go-live/confirm`, jsonBody({ ...(deployment !== undefined && { deployment }), reason }));
  session.show(answer, () => (isAccepted(answer) ? `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n`
    : `you confirmed that version ${version} of ${model} went live in ${answer.deployment}, epoch ${answer.epoch}, under the spec ${answer.specDigest.slice(0, 19)}…\n`));
  return EXIT.done;
}

function confirmed({ asks, owner, confirmed: word }: GoLiveAnswer): string {
  if (word) return `by ${word.by} at ${moment(word.at)}`;
  return asks ? `waits for ${owner}` : 'not asked for';
}
