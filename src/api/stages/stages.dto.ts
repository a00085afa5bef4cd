import { z } from 'zod';
import { STAGE_CRITERIA, STAGE_STATES, type StageCriterion, type StageStanding } from '../../contracts/stage-criteria.js';
import { type PausedStage, type Stage, STAGE_ACTIONS, STAGE_STEERS, STAGES } from '../../contracts/stages.js';
import type { StageMove } from '../../registry/entities/stage-move.entity.js';
import { approvalOpenedSchema } from '../approvals/approvals.dto.js';
import { instant, path, pausedAnswer, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { integer, MAX_INTEGER, modelName, text } from '../requests/fields.js';

const stage = z.enum(STAGES).meta({ description: 'docs/LIFECYCLE.md has a table of each.' });
const subject = z.int().nullable().meta({ description: 'The number of the approval, version, release or retirement; null for development and production.' });

export const stagePath = z.strictObject({ model: modelName, stage });
export type StagePath = z.output<typeof stagePath>;
export const steerStagePath = stagePath.extend({ action: z.enum(STAGE_STEERS) });
export type SteerStagePath = z.output<typeof steerStagePath>;

export const stageMoveRequest = z
  .strictObject({
    reason: text(2_000).meta({ description: 'Why, for the record.' }),
    version: integer(1, MAX_INTEGER).nullable().default(null).meta({ description: 'Of the stage `validation`, where several versions are being validated.' }),
  })
  .meta({ id: 'StageMoveRequest' });
export type StageMoveRequest = z.output<typeof stageMoveRequest>;

const move = z.strictObject({ number: z.int(), stage, subject, action: z.enum(STAGE_ACTIONS), by: z.string(), reason: z.string(), at: instant });

const sentences = (description: string) => z.array(z.string()).readonly().meta({ description });

const stageStanding = z
  .strictObject({
    stage,
    state: z.enum(STAGE_STATES).meta({ description: '`notAsked`: the spec states no use case; `done`: the exit is met; `ended`: it came to another end, and nothing of it is open.' }),
    explanation: z.string(),
    workflows: z.array(z.strictObject({ workflowId, temporalUrl })).readonly().meta({ description: 'Those that carry it now, or did last.' }),
    entry: sentences('What has to be so before it begins.'),
    required: sentences('Its artifacts.'),
    exit: sentences('What has to be so when it is done.'),
    accountable: z.string().meta({ description: 'A role; `owner` has the name.' }),
    owner: z.string(),
    movedBy: z.string(),
  })
  .meta({ id: 'StageStanding' });

export const stageMovesSchema = z
  .strictObject({
    stages: z.array(stageStanding).readonly().meta({ description: 'The six stages in their order: what each asks for, and where the model stands in it.' }),
    paused: z.array(z.strictObject({ stage, subject, by: z.string(), since: instant, reason: z.string() })).readonly().meta({ description: 'What is paused now. A release has a pause of its own.' }),
    items: z.array(move).readonly(),
  })
  .meta({ id: 'StageMoves' });
export type StageMovesAnswer = z.output<typeof stageMovesSchema>;

export const stageMovedSchema = z
  .strictObject({
    model: z.string(),
    stage,
    subject,
    action: z.enum(STAGE_ACTIONS),
    to: z.enum(['author', 'useCaseApproval', 'development', 'validator', 'validation', 'production']).nullable().meta({ description: 'Where it was sent back to; null otherwise.' }),
    approval: approvalOpenedSchema.pick({ number: true, outcome: true }).nullable().meta({ description: 'The approval of the use case that it opened anew.' }),
    commandId: z.uuid(),
    status: path,
  })
  .meta({ id: 'StageMoved' });
export type StageMoved = z.output<typeof stageMovedSchema>;

export const stagesLink = (model: string): string => `/v1/models/${model}/stages`;

/** What is on record of a model's stages. */
export interface StagesOnRecord {
  readonly owner: string;
  readonly standings: Readonly<Record<Stage, StageStanding>>;
  readonly paused: readonly PausedStage[];
  /** Newest first. */
  readonly moves: readonly StageMove[];
}

export const stageMovesAnswer = ({ owner, standings, paused, moves }: StagesOnRecord, temporal: TemporalLinks): StageMovesAnswer => ({
  stages: STAGES.map((one) => standingAnswer(one, standings[one], owner, temporal)),
  paused: paused.map((one) => ({ stage: one.stage, subject: one.subject, ...pausedAnswer(one)! })),
  items: moves.map(({ number, stage: moved, subject: of, action, actor, reason, at }) => ({ number, stage: moved, subject: of, action, by: actor, reason, at: at.toISOString() })),
});

function standingAnswer(one: Stage, { state, explanation, workflowIds }: StageStanding, owner: string, temporal: TemporalLinks): StageMovesAnswer['stages'][number] {
  const { entry, required, exit, accountable, movedBy } = STAGE_CRITERIA[one];
  const workflows = workflowIds.map((id) => ({ workflowId: id, temporalUrl: temporal.of(id) }));
  return { stage: one, state, explanation, workflows, entry: entry.map(sentenceOf), required: required.map(sentenceOf), exit: exit.map(sentenceOf), accountable, owner, movedBy };
}

const sentenceOf = ([, sentence]: StageCriterion): string => sentence;
