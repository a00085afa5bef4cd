import type { ApprovalOutcome } from '../contracts/approvals.js';
import type { GoLiveStanding, HeldSetUp } from '../contracts/go-live.js';
import { deploymentWorkflowId, modelWorkflowId, retirementWorkflowId, retrainWorkflowId, useCaseApprovalWorkflowId, validationWorkflowId } from '../contracts/motion.js';
import type { ReleaseOutcome, ReleaseStage } from '../contracts/releases.js';
import type { StageStanding } from '../contracts/stage-criteria.js';
import { outcomeText, type PausedStage, type Stage } from '../contracts/stages.js';
import type { ValidationOutcome } from '../contracts/validations.js';

/** What the record holds of a model's stages. */
export interface StageFacts {
  readonly model: string;
  /** Of the spec in force. */
  readonly specDigest: string;
  /** The spec in force states a use case. */
  readonly governed: boolean;
  /** The newest of its use case. */
  readonly approval: { readonly number: number; readonly specDigest: string; readonly outcome: ApprovalOutcome | null } | null;
  /** The newest. */
  readonly retrain: { readonly number: number; readonly running: boolean } | null;
  readonly development: { readonly version: number | null; readonly unmet: readonly string[] };
  /** Those that are open. */
  readonly validating: readonly number[];
  readonly lastValidation: { readonly version: number; readonly outcome: ValidationOutcome | null } | null;
  /** The one under way or whose turn it is, else the newest. */
  readonly release: { readonly number: number; readonly version: number; readonly stage: ReleaseStage; readonly paused: boolean; readonly outcome: ReleaseOutcome | null } | null;
  readonly champions: readonly { readonly deployment: string; readonly version: number }[];
  readonly heldSetUps: readonly HeldSetUp[];
  readonly goLives: readonly GoLiveStanding[];
  readonly openFindings: number;
  /** ISO 8601; null where none is due. */
  readonly nextReviewDueAt: string | null;
  /** That is in force. */
  readonly retirement: { readonly number: number; readonly lastStep: string | null; readonly over: boolean } | null;
  readonly paused: readonly PausedStage[];
}

/** Where a model stands in each of its stages. */
export const stageStandings = (facts: StageFacts): Readonly<Record<Stage, StageStanding>> => ({
  useCaseApproval: useCaseApproval(facts), development: development(facts), validation: validation(facts), deployment: deployment(facts), production: production(facts), retirement: retirement(facts),
});

const NOT_ASKED: StageStanding = { state: 'notAsked', explanation: 'The spec states no use case.', workflowIds: [] };
const notBegun = (explanation: string): StageStanding => ({ state: 'notBegun', explanation, workflowIds: [] });

/** What a person has paused waits; `subject` counts where the stage has more than one. */
const openOrPaused = ({ paused }: StageFacts, stage: Stage, subject: number | null): 'open' | 'paused' => (paused.some((one) => one.stage === stage && one.subject === subject) ? 'paused' : 'open');

function useCaseApproval(facts: StageFacts): StageStanding {
  const { model, governed, approval, specDigest } = facts;
  if (!governed) return NOT_ASKED;
  if (!approval) return notBegun('Nobody was asked to approve the use case.');
  const workflowIds = [useCaseApprovalWorkflowId(model)];
  const { number, outcome } = approval;
  if (outcome === null) return { state: openOrPaused(facts, 'useCaseApproval', number), explanation: `Approval ${number} waits for votes.`, workflowIds };
  if (outcome !== 'approved') return { state: 'ended', explanation: `Approval ${number} is ${outcomeText(outcome)}.`, workflowIds };
  if (approval.specDigest !== specDigest) return { state: 'ended', explanation: `Approval ${number} was given for another spec; the one in force needs its own.`, workflowIds };
  return { state: 'done', explanation: `Approval ${number} was given for the spec in force.`, workflowIds };
}

function development(facts: StageFacts): StageStanding {
  const { model, retrain, development: { version, unmet } } = facts;
  const workflowIds = retrain ? [retrainWorkflowId(model, retrain.number)] : [];
  const judged = version === null ? 'There is no version yet.' : unmet.length === 0 ? `Version ${version} meets the criteria of its exit.` : `Version ${version} does not meet ${unmet.join(', ')}.`;
  const running = retrain?.running ? `Retrain ${retrain.number} runs. ` : '';
  if (openOrPaused(facts, 'development', null) === 'paused') return { state: 'paused', explanation: `${running}${judged}`, workflowIds };
  if (running === '' && version === null) return { ...notBegun(judged), workflowIds };
  return { state: running === '' && unmet.length === 0 ? 'done' : 'open', explanation: `${running}${judged}`, workflowIds };
}

function validation(facts: StageFacts): StageStanding {
  const { model, governed, validating, lastValidation, retirement: leaving } = facts;
  if (!governed) return NOT_ASKED;
  if (validating.length > 0) {
    const held = validating.filter((version) => leaving !== null || openOrPaused(facts, 'validation', version) === 'paused');
    const why = leaving ? `held since retirement ${leaving.number} was asked for` : 'paused';
    return {
      state: held.length === validating.length ? 'paused' : 'open', explanation: `Under validation: ${validating.map((version) => `version ${version}${held.includes(version) ? ` (${why})` : ''}`).join(', ')}.`,
      workflowIds: validating.map((version) => validationWorkflowId(model, version)),
    };
  }
  if (!lastValidation) return notBegun('No version has passed its gate.');
  const { version, outcome } = lastValidation;
  const serves = outcome === 'promoted' || outcome === 'releasing';
  return { state: serves ? 'done' : 'ended', explanation: serves ? `Version ${version} was validated.` : `The validation of version ${version} ended as ${outcomeText(outcome ?? 'open')}.`, workflowIds: [validationWorkflowId(model, version)] };
}

function deployment({ model, release, champions, heldSetUps, goLives }: StageFacts): StageStanding {
  const released = release ? [deploymentWorkflowId(model, release.version)] : [];
  if (heldSetUps.length > 0) {
    return { state: 'open', explanation: heldSetUps.map((one) => `Version ${one.version} does not go live in ${one.deployment}, for want of ${one.missing.map(({ name }) => name).join(', ')}.`).join(' '), workflowIds: heldSetUps.map(({ workflowId }) => workflowId) };
  }
  if (release?.outcome === null) return { state: release.paused ? 'paused' : 'open', explanation: `Release ${release.number} of version ${release.version} stands at ${release.stage}.`, workflowIds: released };
  const last = release?.outcome ? ` Release ${release.number} of version ${release.version} ended as ${release.outcome}.` : '';
  if (champions.length === 0) return release ? { state: 'ended', explanation: last.trim(), workflowIds: released } : notBegun('No version was to go live.');
  const unconfirmed = goLives.filter(({ asks, confirmedBy }) => asks && confirmedBy === null);
  const explanation = unconfirmed.length === 0 ? `${inService(champions)}${last}` : unconfirmed.map((one) => `Version ${one.version} went live in ${one.deployment}, and its owner has not confirmed it.`).join(' ');
  return { state: unconfirmed.length === 0 ? 'done' : 'open', explanation, workflowIds: released };
}

function production(facts: StageFacts): StageStanding {
  const { model, champions, openFindings, nextReviewDueAt, retirement: leaving } = facts;
  const workflowIds = [modelWorkflowId(model)];
  if (leaving) return { state: champions.length === 0 ? 'notBegun' : 'done', explanation: `Retirement ${leaving.number} has begun.`, workflowIds };
  if (champions.length === 0) return { ...notBegun('Nothing is in service.'), workflowIds };
  const explanation = [inService(champions), ...(openFindings > 0 ? [`Open findings: ${openFindings}.`] : []), ...(nextReviewDueAt === null ? [] : [`The next review is due at ${nextReviewDueAt}.`])].join(' ');
  return { state: openOrPaused(facts, 'production', null), explanation, workflowIds };
}

function retirement(facts: StageFacts): StageStanding {
  const { model, retirement: leaving } = facts;
  if (!leaving) return notBegun('Nobody asked for it, or it was called off.');
  const { number, lastStep, over } = leaving;
  return { state: over ? 'done' : openOrPaused(facts, 'retirement', number), explanation: `Retirement ${number}: ${lastStep === null ? 'waits for its approval' : `its last step is ${lastStep}`}.`, workflowIds: [retirementWorkflowId(model)] };
}

const inService = (champions: StageFacts['champions']): string => champions.map(({ version, deployment: place }) => `Version ${version} answers in ${place}.`).join(' ');
