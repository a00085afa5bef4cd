import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { missingText, setUpAlarmKey, type SetUpCriterion, type SetUpCriterionName, type SetUpLook, waitsForAlarm } from '../src/contracts/go-live.js';
import { stageLines } from '../src/contracts/stage-criteria.js';
import type { ValidationId, ValidationStanding } from '../src/contracts/validations.js';
import { data, record } from './policies.js';
import { proveMonitoring } from './prove-monitoring.js';
import { deliverAlarms, tellLifecycle, tellPerson } from './tell.js';
import { validationDetails } from './validation-details.js';

/** Marks runs that look whether a version is set up before it goes live. */
export const SET_UP_PATCH = 'deployment-set-up';

/** The time to the next look grows by as much with each; whoever mends something makes one at once. */
const LOOK_AGAIN_MS = 5_000;
const LONGEST_MS = 5 * 60 * 1_000;

/** The deployment and monitoring set-up of a version that would serve at once: it is held until all that it needs is there, a person is told what is missing, and it goes on by itself. */
export class DeploymentSetUp {
  private looks = 0;

  /** @param heldFor what people were told last, by the run that this one continues */
  constructor(private heldFor = '') {}

  get state(): string {
    return this.heldFor;
  }

  /** One look. @returns when the next one is due, milliseconds since 1970; null: it may go live, or a release brings it into service */
  async look(standing: ValidationStanding): Promise<number | null> {
    const look = await this.tried(standing);
    if (look === null || look.ready) {
      await this.end(standing, 'Nothing is missing any more.');
      return null;
    }
    show(standing, look);
    await this.tell(look);
    this.looks += 1;
    return Date.now() + Math.min(LONGEST_MS, this.looks * LOOK_AGAIN_MS);
  }

  /** Nobody needs to be told any more. */
  async end(id: ValidationId, reason: string): Promise<void> {
    if (this.heldFor === '') return;
    this.heldFor = '';
    const ended = await record.endAlarm.executeWithOptions({ summary: 'It is held no longer' }, [setUpAlarmKey(id), reason]);
    if (ended) await deliverAlarms();
  }

  /** The alarm is tried when nothing else is missing. */
  private async tried({ model, version }: ValidationStanding): Promise<SetUpLook | null> {
    const id = { model, version };
    const look = await data.lookAtSetUp.executeWithOptions({ summary: 'Look whether it has what it needs to go live' }, [id, null]);
    if (look === null || !waitsForAlarm(look)) return look;
    const alarm = await proveMonitoring(model, look.deployment, `setUp/${version}/${look.specDigest}`, { release: null, step: null });
    return data.lookAtSetUp.executeWithOptions({ summary: alarm.proven ? 'Keep that the alarm arrived' : 'Keep that the alarm did not arrive' }, [id, alarm]);
  }

  /** Anew where something else is missing. */
  private async tell({ model, version, deployment, specDigest, criteria }: SetUpLook): Promise<void> {
    const missing = criteria.filter(({ state }) => state === 'missing');
    const heldFor = missing.map(({ name }) => name).join(', ');
    if (heldFor === this.heldFor) return;
    await this.end({ model, version }, 'Something else is missing.');
    await tellPerson({
      kind: 'setUpHeld', severity: 'warning', model, deployment, subject: `setUp/${version}`, dedupKey: setUpAlarmKey({ model, version }), test: false,
      summary: `Version ${version} of ${model} is approved and does not go live in ${deployment}. ${missingText(criteria)} It goes on by itself.`,
      details: { version, spec: specDigest, missing },
    });
    this.heldFor = heldFor;
    await tellLifecycle(model);
  }
}

/** Undefined where it has not been looked at, or is only advised. */
function met(criteria: readonly SetUpCriterion[], ...names: readonly SetUpCriterionName[]): boolean | undefined {
  const states = criteria.filter(({ name }) => names.includes(name)).map(({ state }) => state);
  if (states.includes('missing')) return false;
  return states.every((state) => state === 'met') || undefined;
}

function show(standing: ValidationStanding, { criteria, deployment }: SetUpLook): void {
  upsertSearchAttributes({ PerennialStage: ['setUp'] });
  setCurrentDetails([
    `### Deployment and monitoring set-up of version ${standing.version} of ${standing.model}`, '',
    `It is approved, and goes live in ${deployment} by itself when nothing is missing. The owner, ${standing.owner}, is accountable.`, '',
    '| needed | | |', '|---|---|---|',
    ...criteria.map(({ name, state, explanation }) => `| ${name} | ${state} | ${explanation.slice(0, 400).replaceAll('|', '\\|').replaceAll('\n', ' ')} |`), '',
    ...stageLines('deployment', { validated: true, runbook: met(criteria, 'runbook', 'thresholds'), baseline: met(criteria, 'baseline'), alarm: met(criteria, 'alarm'), champion: false }, standing.owner), '',
    validationDetails(standing),
  ].join('\n').slice(0, 20_000));
}
