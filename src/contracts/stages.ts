import { isoTime } from './time.js';

/** Stages of a governed model that people move; docs/LIFECYCLE.md has a table of each. */
export const STAGES = ['useCaseApproval', 'development', 'validation', 'deployment', 'production', 'retirement'] as const;
export type Stage = (typeof STAGES)[number];

export const STAGE_STEERS = ['pause', 'resume', 'abandon'] as const;
export type StageSteer = (typeof STAGE_STEERS)[number];

export const STAGE_ACTIONS = [...STAGE_STEERS, 'sendBack'] as const;
export type StageAction = (typeof STAGE_ACTIONS)[number];

/** Where a stage goes that is sent back: to whom wrote the spec, to the stage before, or within a validation to its validator. */
export type StageBefore = 'author' | 'useCaseApproval' | 'development' | 'validator' | 'validation' | 'production';

/** What is moved: the use case's approval, a version's validation, a release or a retirement by its number; null: development or production, of which a model has one. */
export interface StageId {
  readonly model: string;
  readonly stage: Stage;
  readonly subject: number | null;
}

export interface StagePause {
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly reason: string;
  /** The number of the retirement that holds it, where nobody paused it. */
  readonly retirement?: number;
}

/** One that is paused now. */
export interface PausedStage extends StagePause {
  readonly stage: Stage;
  readonly subject: number | null;
}

export const developmentOf = (model: string): StageId => ({ model, stage: 'development', subject: null });
export const productionOf = (model: string): StageId => ({ model, stage: 'production', subject: null });

/** What is moved, as the subject of a sentence. */
export function stageText({ model, stage, subject }: StageId): string {
  if (stage === 'useCaseApproval') return `Approval ${subject} of ${model}`;
  if (stage === 'validation') return `The validation of version ${subject} of ${model}`;
  if (stage === 'deployment') return `Release ${subject} of ${model}`;
  return stage === 'retirement' ? `Retirement ${subject} of ${model}` : `The ${stage} of ${model}`;
}

/** An outcome as a part of a sentence. */
export const outcomeText = (outcome: string): string => (outcome === 'sentBack' ? 'sent back' : outcome);

/** Who paused it, why, and how it goes on. */
export const pausedText = (id: StageId, { by, sinceMs, reason, retirement }: StagePause): string =>
  retirement !== undefined ? `${stageText(id)} is held since ${isoTime(sinceMs)}, when ${by} asked for retirement ${retirement} of ${id.model}. It goes on where that is called off, and ends where it is approved` : `${stageText(id)} was paused by ${by} at ${isoTime(sinceMs)}: ${JSON.stringify(reason)}. \`perennial stage resume ${id.model} ${id.stage}${id.stage === 'validation' ? ` --version ${id.subject}` : ''} --reason …\` lets it go on`;
