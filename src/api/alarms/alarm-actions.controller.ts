import { Body, Controller, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { AlarmAction } from '../../contracts/alarms.js';
import { PerennialError } from '../../contracts/failures.js';
import { AlarmsRepository } from '../../registry/alarms.repository.js';
import type { Access } from '../authentication/access.js';
import { CallerAccess } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Problems } from '../documentation/answers.js';
import { noQuery } from '../requests/fields.js';
import { type AlarmActed, alarmActedSchema, alarmActionRequest, type AlarmActionRequest, alarmLink, alarmPath, snoozeRequest, type SnoozeRequest } from './alarms.dto.js';

interface Asked {
  readonly alarm: string;
  readonly action: AlarmAction;
  readonly until: string | null;
  readonly reason: string;
}

/** What people do about alarms. */
@ApiTags('Alarms')
@CommonProblems()
@Controller('v1/alarms/:id')
export class AlarmActionsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly alarms: AlarmsRepository,
  ) {}

  @Post('acknowledge')
  @Permit('alarm.act')
  @CommandOperation('Say that somebody looks at an alarm', 'Who and when is on record; the alarm stays open.')
  @Answer(200, 'It is on the record', alarmActedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('NotFound', 'AlarmNotActionable')
  acknowledgeAlarm(
    @Param({ schema: alarmPath }) { id }: { id: string },
    @Body({ schema: alarmActionRequest }) { reason }: AlarmActionRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @CallerAccess() access: Access,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AlarmActed | AcceptedBody> {
    return this.act({ alarm: id, action: 'acknowledge', until: null, reason }, { access, idempotencyKey }, reply);
  }

  @Post('snooze')
  @Permit('alarm.act')
  @CommandOperation('Hear nothing of an alarm for a while',
    'It stays open and is not sent. When the time has passed and it is still open, it is sent once more, under an id of its own.')
  @Answer(200, 'It is on the record', alarmActedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('NotFound', 'AlarmNotActionable')
  snoozeAlarm(
    @Param({ schema: alarmPath }) { id }: { id: string },
    @Body({ schema: snoozeRequest }) { until, reason }: SnoozeRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @CallerAccess() access: Access,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AlarmActed | AcceptedBody> {
    return this.act({ alarm: id, action: 'snooze', until, reason }, { access, idempotencyKey }, reply);
  }

  @Post('resolve')
  @Permit('alarm.act')
  @CommandOperation('End an alarm', 'What it told of may go on: then it is raised anew. Of a `harmfulShift` and of `estimatedHarm` the evidence begins anew.')
  @Answer(200, 'It has ended', alarmActedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('NotFound', 'AlarmNotActionable')
  resolveAlarm(
    @Param({ schema: alarmPath }) { id }: { id: string },
    @Body({ schema: alarmActionRequest }) { reason }: AlarmActionRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @CallerAccess() access: Access,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AlarmActed | AcceptedBody> {
    return this.act({ alarm: id, action: 'resolve', until: null, reason }, { access, idempotencyKey }, reply);
  }

  /** A command is its model's to carry out, so that an alarm without a model takes none. */
  private async act(asked: Asked, { access, idempotencyKey }: { readonly access: Access; readonly idempotencyKey: string }, reply: FastifyReply): Promise<AlarmActed | AcceptedBody> {
    const { alarm: { id, model, subject } } = await this.alarms.get(asked.alarm);
    if (model === null) throw new PerennialError('AlarmNotActionable', `The alarm ${id} is about ${subject} and no model: it ends by itself when that is well again`, { id });
    await access.require('alarm.act', model);
    const { command, outcome } = await this.flow.run<'alarm'>({ actor: access.caller.name, idempotencyKey, kind: 'alarm', model, body: { ...asked, alarm: id } });
    const status = outcome ? alarmLink(id) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    return outcome ? { id, model, action: outcome.action, until: outcome.until, commandId: command.id, status } : acceptedBody(command);
  }
}
