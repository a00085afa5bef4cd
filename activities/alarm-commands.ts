import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { faultAlarmKey } from '../src/alarms/monitoring-alarms.js';
import { testAlarmKey } from '../src/contracts/alarms.js';
import type { CommandOutcome } from '../src/contracts/commands.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import { Alarm } from '../src/registry/entities/alarm.entity.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { RetrainingDecisionsRepository } from '../src/registry/retraining-decisions.repository.js';
import { origin } from './activity-context.js';
import { lockModel, refused } from './command-outcomes.js';

const LONGEST_SNOOZE_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** The commands by which people act on alarms and on windows in quarantine, taking effect within the transaction that settles them. */
@Injectable()
export class AlarmCommands {
  constructor(
    private readonly alarms: AlarmsRepository,
    private readonly decisions: RetrainingDecisionsRepository,
  ) {}

  async act(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { alarm: id, action, until, reason } = bodyOf<'alarm'>(command);
    if (action === 'test') return this.test(manager, command, at);
    const alarm = await manager.findOneBy(Alarm, { id, model: command.model });
    if (!alarm) return refused('NotFound', `${command.model} has no alarm ${id}; \`perennial alarms ${command.model}\` lists them`);
    if (alarm.test) return refused('AlarmNotActionable', `The alarm ${id} is a test: nothing is wrong, and it ends by itself`);
    const unfit = until === null ? undefined : unfitTime(until, at);
    if (unfit !== undefined) return refused('InvalidRequest', unfit);
    const asked = { alarmId: id, action, until: until === null ? null : new Date(until), reason, actor: command.actor, commandId: command.id, at };
    if (await this.alarms.act(manager, asked, origin())) return { kind: 'alarm', alarm: id, action, until };
    return refused('AlarmNotActionable', `The alarm ${id} has ended; \`perennial alarms ${command.model} --all\` says when and why`);
  }

  /** The way of any other alarm, from the record to the receiver. The lifecycle sends it at once. */
  private async test(manager: EntityManager, { id: commandId, model }: Command, at: Date): Promise<CommandOutcome> {
    const { id } = await this.alarms.raiseWithin(manager, {
      kind: 'monitoringTest', severity: 'info', model, deployment: null, subject: `model/${model}`, dedupKey: testAlarmKey(commandId), test: true,
      summary: `A test: nothing is wrong with ${model}. Somebody asked for it, to see that alarms arrive.`, details: { command: commandId },
    }, at, origin());
    return { kind: 'alarm', alarm: id, action: 'test', until: null };
  }

  async releaseWindow(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const { deployment, from, reason } = bodyOf<'releaseWindow'>(command);
    const [model, fromEvent] = [command.model, new Date(from)];
    // One at a time for a model: of two who release the same window one does.
    await lockModel(manager, model);
    const { decided, release } = await this.decisions.quarantine(manager, model, deployment, fromEvent);
    const window = `The window of ${model}/${deployment} that begins at ${from}`;
    if (!decided) return refused('WindowNotQuarantined', `${window} is not in quarantine; \`perennial windows ${model}\` shows which are`);
    if (release) return refused('WindowNotQuarantined', `${window} was taken out of quarantine by ${release.releasedBy} at ${release.releasedAt.toISOString()}`);
    await this.decisions.release(manager, { model, deployment, fromEvent, reason, releasedBy: command.actor, commandId: command.id, releasedAt: at });
    const told = await this.alarms.findOpen(faultAlarmKey({ model, deployment }), manager);
    const endedAlarm = told?.subject.startsWith(`window/${from}/`) ? told.id : null;
    if (endedAlarm !== null) await this.alarms.endWithin(manager, endedAlarm, { reason: `The window was taken out of quarantine: ${reason}`, actor: command.actor, at }, origin());
    return { kind: 'releaseWindow', deployment, from, endedAlarm };
  }
}

/** Why an alarm cannot be snoozed until a time; undefined where it can. */
function unfitTime(until: string, at: Date): string | undefined {
  const aheadMs = Date.parse(until) - at.getTime();
  if (aheadMs <= 0) return `An alarm is snoozed until a time to come, and ${until} has passed`;
  if (aheadMs > LONGEST_SNOOZE_DAYS * DAY_MS) return `An alarm is snoozed for ${LONGEST_SNOOZE_DAYS} days at most; ${until} is further ahead`;
  return undefined;
}
