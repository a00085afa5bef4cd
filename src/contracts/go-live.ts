import { validationWorkflowId } from './motion.js';

/** What has to be there before a version of a governed model answers anybody, in this order; docs/LIFECYCLE.md says what each looks at. */
export const SET_UP_CRITERIA = ['useCase', 'runbook', 'thresholds', 'baseline', 'alarm'] as const;
export type SetUpCriterionName = (typeof SET_UP_CRITERIA)[number];

/** `advised`: it is missing, and the tier does not ask for it. `waits`: it is tried when the others are met. */
export const SET_UP_STATES = ['met', 'advised', 'missing', 'waits'] as const;
export type SetUpState = (typeof SET_UP_STATES)[number];

export interface SetUpCriterion {
  readonly name: SetUpCriterionName;
  readonly state: SetUpState;
  /** What was found; where it is missing, how to mend it. */
  readonly explanation: string;
}

/** A look at whether a version is set up to go live. */
export interface SetUpLook {
  readonly model: string;
  readonly version: number;
  readonly deployment: string;
  /** The spec in force, whose runbook and thresholds count. */
  readonly specDigest: string;
  readonly criteria: readonly SetUpCriterion[];
  /** Nothing is missing, and nothing waits. */
  readonly ready: boolean;
}

/** What is missing, in a sentence for each. */
export const missingText = (criteria: readonly SetUpCriterion[]): string =>
  criteria.filter(({ state }) => state === 'missing').map(({ name, explanation }) => `${name}: ${explanation}`).join(' ');

/** Only the alarm has not been tried. */
export const waitsForAlarm = ({ criteria }: Pick<SetUpLook, 'criteria'>): boolean =>
  criteria.some(({ state }) => state === 'waits') && criteria.every(({ state }) => state !== 'missing');

/** `first`: nothing answered before. `immediate`: at once in the place of another. `release`: step by step. */
export const GO_LIVE_WAYS = ['first', 'immediate', 'release'] as const;
export type GoLiveWay = (typeof GO_LIVE_WAYS)[number];

/**
 * Whether the owner has to confirm that a version has gone live. From a medium tier on each one has to be; of a low tier, whose retrains promote themselves, it is enough that one of the deployment was confirmed.
 * @param confirmedBefore whether one of the deployment was
 */
export const asksConfirmation = (tier: string, confirmedBefore: boolean): boolean => tier !== 'low' || !confirmedBefore;

/** A version that became champion. */
export interface GoLiveId {
  readonly model: string;
  readonly deployment: string;
  readonly epoch: number;
}

/** Where the going live of a champion stands. */
export interface GoLiveStanding {
  readonly deployment: string;
  readonly version: number;
  readonly epoch: number;
  /** Whether the owner has to confirm it. */
  readonly asks: boolean;
  readonly confirmedBy: string | null;
}

/** A version that is held because of what is missing. */
export interface HeldSetUp {
  readonly version: number;
  readonly deployment: string;
  readonly missing: readonly SetUpCriterion[];
  /** That waits for it. */
  readonly workflowId: string;
}

/** Of the newest look at a version that is not ready. */
export const heldSetUp = ({ model, version, deployment, criteria }: Pick<SetUpLook, 'model' | 'version' | 'deployment' | 'criteria'>): HeldSetUp =>
  ({ version, deployment, missing: criteria.filter(({ state }) => state === 'missing'), workflowId: validationWorkflowId(model, version) });

/** What audit entries of a going live are about. */
export const goLiveSubject = ({ deployment, epoch }: Pick<GoLiveId, 'deployment' | 'epoch'>): string => `goLive/${deployment}/${epoch}`;

/** What audit entries of a set-up are about. */
export const setUpSubject = ({ version }: { readonly version: number }): string => `setUp/${version}`;

/** The key of the word to the owner that a version has gone live. */
export const goLiveAlarmKey = ({ model, deployment, epoch }: GoLiveId): string => `goLive/${model}/${deployment}/${epoch}`;

/** The key of the alarm that a version is held. */
export const setUpAlarmKey = ({ model, version }: { readonly model: string; readonly version: number }): string => `setUp/${model}/${version}`;
