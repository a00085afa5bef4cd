import { condition, continueAsNew, isCancellation, patched, proxyActivities, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { FailureType } from '../src/contracts/failures.js';
import type { ValidationInput } from '../src/contracts/motion.js';
import type { ValidationCheckName, ValidationId, ValidationResult, ValidationStanding } from '../src/contracts/validations.js';
import { ApprovalReminders, NEVER } from './approval-reminders.js';
import { DeploymentSetUp, SET_UP_PATCH } from './deployment-set-up.js';
import { storedFailure } from './failures.js';
import { changedSignal } from './messages.js';
import { data, gateways, record, trainingOptions } from './policies.js';
import { GO_LIVE_PATCH, tellLifecycle, tellOwner, tellWorkflow } from './tell.js';
import { validationDetails } from './validation-details.js';
import { ValidationReminders } from './validation-reminders.js';

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000;
const GATEWAYS_WITHIN_MS = 10_000;
/** A word that a retirement was called off may have been lost. */
const LOOK_AGAIN_MS = 60 * 60 * 1_000;
const HALTS: ReadonlySet<string> = new Set<FailureType>(['StagePaused', 'ModelRetiring', 'ValidationNotOpen']);

/**
 * The validation of one version of a governed model: makes the checks of its tier and the report, waits for whom the tier asks, and promotes what was approved. What has to be done next is read from the record at
 * every turn, so that it can be started anew at any point; decisions and votes come as commands through the model's lifecycle.
 */
export async function validation({ model, version, validatorsTold, votersTold, heldFor }: ValidationInput): Promise<ValidationResult> {
  const id = { model, version };
  let changed = false;
  setHandler(changedSignal, () => {
    changed = true;
  });
  const waiting = { validators: new ValidationReminders(validatorsTold), voters: new ApprovalReminders(votersTold), setUp: new DeploymentSetUp(heldFor) };
  const until = Date.now() + THIRTY_DAYS_MS;
  for (;;) {
    changed = false;
    const standing = await record.readValidation.executeWithOptions({ summary: 'See where the validation stands' }, [id]);
    const { step } = standing;
    // While it is held, its set-up is shown.
    if (step.kind !== 'promote' || waiting.setUp.state === '') show(standing);
    if (step.kind === 'ended') {
      await endWaiting(standing, waiting, `${step.outcome}: ${step.reason}`);
      await tellLifecycle(model);
      return { ...id, outcome: step.outcome, reason: step.reason };
    }
    const wakeAt = await take(standing, waiting);
    if (wakeAt === null || wakeAt <= Date.now()) continue;
    if (Date.now() >= until || workflowInfo().continueAsNewSuggested) return continueAsNew<typeof validation>({ inputVersion: 1, ...id, validatorsTold: waiting.validators.state, votersTold: waiting.voters.state, heldFor: waiting.setUp.state });
    await condition(() => changed, Math.max(1, Math.min(wakeAt, until) - Date.now()));
  }
}

interface Waiting {
  readonly validators: ValidationReminders;
  readonly voters: ApprovalReminders;
  readonly setUp: DeploymentSetUp;
}

/** Does what has to be done next. @returns when to look again, milliseconds since 1970, unless something changes before; null: at once */
async function take(standing: ValidationStanding, waiting: Waiting): Promise<number | null> {
  const { step } = standing;
  const id: ValidationId = { model: standing.model, version: standing.version };
  if (standing.paused) return halt(standing, waiting);
  if (step.kind === 'check') await check(id, step.check, standing);
  if (step.kind === 'report') await data.makeReport.executeWithOptions({ summary: 'Write the report' }, [id]);
  if (step.kind === 'decide') await record.decideByChecks.executeWithOptions({ summary: 'Decide by the checks' }, [id]);
  if (step.kind === 'awaitValidator') return awaitValidator(standing, waiting);
  if (step.kind === 'awaitApprovers') return awaitApprovers(standing, waiting);
  if (step.kind === 'promote') return goLive(id, standing, waiting.setUp);
  if (step.kind === 'end') await record.endValidation.executeWithOptions({ summary: `End: ${step.outcome}` }, [id, { outcome: step.outcome, reason: step.reason }]);
  return null;
}

/** A check that cannot be made, however often it is tried, is on record as that: a person sees it in the report. */
async function check(id: ValidationId, name: ValidationCheckName, { trainingTimeoutMs, heartbeatTimeoutMs }: ValidationStanding): Promise<void> {
  try {
    const { trainAgain } = proxyActivities<Activities['train']>(trainingOptions(trainingTimeoutMs, heartbeatTimeoutMs));
    const other = name === 'stability' ? await trainAgain.executeWithOptions({ summary: 'Train once more with another seed' }, [id]) : null;
    await data.makeCheck.executeWithOptions({ summary: `Check: ${name}` }, [id, name, other]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, message } = storedFailure(error);
    // It was paused, its model is being retired, or it ended, at the same moment.
    if (name === 'stability' && HALTS.has(type)) return;
    await record.recordCheck.executeWithOptions({ summary: `Record that ${name} could not be checked` }, [id, { name, verdict: 'error', explanation: `It could not be made: ${message}`, figures: { type } }]);
  }
}

/** What approvers sent back waits for its validator again. */
async function awaitValidator(standing: ValidationStanding, { validators, voters }: Waiting): Promise<number> {
  if (standing.approval) await voters.look(standing.approval);
  return validators.look(standing);
}

/** Nothing is done, and nobody is reminded, until it goes on. */
async function halt(standing: ValidationStanding, { validators, voters }: Waiting): Promise<number> {
  const retires = standing.paused?.retirement !== undefined;
  await validators.end(standing, retires ? 'Its model is being retired.' : 'It is paused.');
  if (standing.approval) await voters.look(standing.approval);
  return retires ? Date.now() + LOOK_AGAIN_MS : NEVER;
}

async function awaitApprovers(standing: ValidationStanding, { validators, voters }: Waiting): Promise<number | null> {
  await validators.end(standing, 'A validator decided.');
  return standing.approval && voters.look(standing.approval);
}

/** A version that would serve at once does so when it has all that it needs; the record has the last word, where something has changed since the look. */
async function goLive(id: ValidationId, standing: ValidationStanding, setUp: DeploymentSetUp): Promise<number | null> {
  const lookAt = patched(SET_UP_PATCH) ? await setUp.look(standing) : null;
  if (lookAt !== null) return lookAt;
  await promote(id, standing);
  if (patched(GO_LIVE_PATCH)) await tellOwner(id.model);
  return null;
}

/** As a retrain does whose version needs no validation. Where another spec was put in force at the same moment, the record has the last word. */
async function promote(id: ValidationId, { retrain, deployment }: ValidationStanding): Promise<void> {
  const { model, version } = id;
  try {
    const change = await record.promote.executeWithOptions({ summary: `Promote version ${version}` }, [{ model, number: retrain }]);
    if ('validating' in change) return;
    if (change.release !== null) await Promise.all((change.superseded ?? []).map(tellWorkflow));
    else await gateways.awaitGateways.executeWithOptions({ summary: 'Wait for the gateways' }, [model, deployment, change.revision, GATEWAYS_WITHIN_MS]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, message } = storedFailure(error);
    // It was paused, or ended, or something that it needs was taken away, at the same moment.
    if (type === 'ValidationNotOpen' || type === 'SetUpIncomplete' || type === 'StagePaused') return;
    await record.endValidation.executeWithOptions({ summary: 'It was approved and cannot be promoted' }, [id, { outcome: type === 'ChampionMoved' || type === 'ModelStopped' ? 'aborted' : 'failed', reason: message }]);
  }
}

async function endWaiting(standing: ValidationStanding, { validators, voters, setUp }: Waiting, reason: string): Promise<void> {
  await validators.end(standing, reason);
  await setUp.end(standing, reason);
  if (standing.approval) await voters.look(standing.approval);
}

function show(standing: ValidationStanding): void {
  const { version, tier, deployment, step } = standing;
  const stage = step.kind === 'ended' ? 'finished' : step.kind === 'check' ? step.check : step.kind;
  upsertSearchAttributes({
    PerennialVersion: [version], PerennialTier: [tier], PerennialDeployment: [deployment], PerennialStage: [stage], ...(step.kind === 'ended' && { PerennialOutcome: [step.outcome] }),
  });
  setCurrentDetails(validationDetails(standing));
}
