import { Body, Controller, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import { type AlarmActed, alarmActedSchema, alarmActionRequest, type AlarmActionRequest, alarmLink } from './alarms.dto.js';

/** How somebody sees that alarms arrive before one has to. */
@ApiTags('Alarms')
@CommonProblems()
@Controller('v1/models/:model/alarms')
export class TestAlarmsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
  ) {}

  @Post('test')
  @Permit('alarm.act')
  @CommandOperation('Fire a test alarm', 'It goes from the record to the receiver like any other, with `test: true`. It is tried three times and ends by itself; the alarm says whether it arrived, and why not.')
  @Answer(200, 'It is raised, and sent', alarmActedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound')
  async testAlarm(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: alarmActionRequest }) { reason }: AlarmActionRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AlarmActed | AcceptedBody> {
    await this.models.get(model);
    const { command, outcome } = await this.flow.run<'alarm'>({ actor, idempotencyKey, kind: 'alarm', model, body: { alarm: null, action: 'test', until: null, reason } });
    const status = outcome ? alarmLink(outcome.alarm) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    return outcome ? { id: outcome.alarm, model, action: outcome.action, until: null, commandId: command.id, status } : acceptedBody(command);
  }
}
