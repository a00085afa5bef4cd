import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { StageMoved, StageMovesAnswer } from '../../api/stages/stages.dto.js';
import { STAGE_CRITERIA, type StageState } from '../../contracts/stage-criteria.js';
import { type Stage, type StageAction, type StageBefore, stageText } from '../../contracts/stages.js';
import { jsonBody } from '../api-client.js';
import { isAccepted } from '../follow.js';
import { moment } from '../numbers.js';
import { glossary, heading, paragraph } from '../prose.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';

export interface StageMoveOptions {
  readonly reason: string;
  /** Of a validation, where several are open. */
  readonly version?: number;
}

const base = (model: string): string => `/v1/models/${encodeURIComponent(model)}/stages`;

/** `perennial stages <model>` */
export async function stages(session: Session, model: string): Promise<ExitCode> {
  const answer = await session.api.get<StageMovesAnswer>(base(model));
  session.show(answer, () => [
    ...answer.paused.map((one) => `${stageText({ model, ...one })} is paused by ${one.by} since ${moment(one.since)}: ${one.reason}\n`),
    ...answer.stages.map((one) => `${standing(session, one)}\n`),
    table(
      session.terminal, [{ title: 'When' }, { title: 'Stage' }, { title: 'Of', align: 'right' }, { title: 'What' }, { title: 'By' }, { title: 'Why' }],
      answer.items.map(({ at, stage, subject, action, by, reason }) => [moment(at), stage, subject === null ? '' : String(subject), DONE[action], by, reason]), `no stage of ${model} was ever moved by people`,
    ),
  ].join(''));
  return EXIT.done;
}

function standing({ terminal }: Session, { stage, state, explanation, workflows, entry, required, exit, accountable, owner, movedBy }: StageMovesAnswer['stages'][number]): string {
  return `${heading(terminal, `${STAGE_CRITERIA[stage].title}: ${STATES[state]}`)}${paragraph(terminal, explanation)}${glossary(terminal, [
    ['entry', entry.join('; ')], ['required', required.join('; ')], ['exit', exit.join('; ')], ['accountable', `${accountable} (${owner})`], ['moved by', movedBy], ['workflow', workflows.map(({ temporalUrl }) => temporalUrl).join(' ') || null],
  ])}`;
}

/** `perennial stage pause|resume|abandon|send-back <model> <stage>` */
export async function moveStage(session: Session, model: string, stage: Stage, action: StageAction, { reason, version }: StageMoveOptions): Promise<ExitCode> {
  const answer = await session.api.command<StageMoved | AcceptedBody>(`${base(model)}/${stage}/${action === 'sendBack' ? 'send-back' : action}`, jsonBody({ reason, version: version ?? null }));
  session.show(answer, () => (isAccepted(answer) ? `accepted as command ${answer.commandId}; it is carried out as soon as Temporal answers\n` : `${told(answer)}\n`));
  return EXIT.done;
}

function told({ model, stage, subject, action, to, approval }: StageMoved): string {
  const back = to === null ? '' : ` ${BACK_TO[to]}`;
  return `${stageText({ model, stage, subject })} ${action === 'resume' ? 'goes on' : `is ${DONE[action]}`}${back}${approval ? `; approval ${approval.number} is open` : ''}`;
}

const STATES: Readonly<Record<StageState, string>> = { notAsked: 'not asked for', notBegun: 'not begun', open: 'open', paused: 'paused', done: 'done', ended: 'ended' };
const DONE: Readonly<Record<StageAction, string>> = { pause: 'paused', resume: 'resumed', abandon: 'abandoned', sendBack: 'sent back' };
const BACK_TO: Readonly<Record<StageBefore, string>> = {
  author: 'to its author: mend the spec and apply it', useCaseApproval: 'to the approval of the use case', development: 'to development: retrain for another version', validator: 'to its validator, who decides anew',
  validation: 'to before it: the version is validated and can be released again', production: 'and the model stays in production',
};
