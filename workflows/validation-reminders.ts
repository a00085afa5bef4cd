import { isoTime } from '../src/contracts/time.js';
import { validationAlarmKey, type ValidationStanding } from '../src/contracts/validations.js';
import { record } from './policies.js';
import { deliverAlarms, tellPerson } from './tell.js';

/** Reminds validators of a version that waits for them, and ends its validation when the time is over. */
export class ValidationReminders {
  /** @param told how often, by the run that this one continues */
  constructor(private told = 0) {}

  get state(): number {
    return this.told;
  }

  /** One look while a validator has to decide. @returns when the next one is due, milliseconds since 1970 */
  async look(standing: ValidationStanding): Promise<number> {
    const { openedAtMs, remindEveryMs, expiresAtMs } = standing;
    if (Date.now() >= expiresAtMs) {
      await record.expireValidation.executeWithOptions({ summary: 'End the validation: its time is over' }, [standing, Date.now()]);
      return Date.now();
    }
    if (this.told === 0 || Date.now() >= this.nextWordAt(standing)) {
      await remind(standing);
      this.told = Math.floor((Date.now() - openedAtMs) / remindEveryMs) + 1;
    }
    return Math.min(expiresAtMs, this.nextWordAt(standing));
  }

  /** Nobody needs to be told any more. */
  async end(standing: ValidationStanding, reason: string): Promise<void> {
    if (this.told === 0) return;
    this.told = 0;
    await endReminders(standing, reason);
  }

  private nextWordAt({ openedAtMs, remindEveryMs }: ValidationStanding): number {
    return openedAtMs + this.told * remindEveryMs;
  }
}

/** An alarm that is still open is ended first: it is sent anew. */
async function remind(standing: ValidationStanding): Promise<void> {
  const { model, version, tier, deployment, checks, reportDigest, developers, expiresAtMs } = standing;
  await endReminders(standing, 'Told again.');
  await tellPerson({
    kind: 'validationWaiting', severity: 'info', model, deployment, subject: `validation/${version}`, dedupKey: validationAlarmKey(standing), test: false,
    summary: `Version ${version} of ${model} (tier ${tier}) waits for a validator until ${isoTime(expiresAtMs)}. Read its report and decide with \`perennial validate ${model} ${version} approve|conditional|reject\`.`,
    details: { version, tier, checks: Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict])), report: reportDigest, developers, expiresAt: isoTime(expiresAtMs) },
  });
}

async function endReminders(standing: ValidationStanding, reason: string): Promise<void> {
  const ended = await record.endAlarm.executeWithOptions({ summary: 'Nobody needs to be told any more' }, [validationAlarmKey(standing), reason]);
  if (ended) await deliverAlarms();
}
