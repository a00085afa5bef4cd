import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiTags } from '@nestjs/swagger';
import { refusalOf } from '../../alarms/signature.js';
import { sha256 } from '../../contracts/canonical.js';
import { PerennialError } from '../../contracts/failures.js';
import { AlarmsRepository } from '../../registry/alarms.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import type { Access } from '../authentication/access.js';
import { CallerAccess } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { SIGNED_MEDIA_TYPE } from '../requests/body-parsers.js';
import { noQuery } from '../requests/fields.js';
import {
  alarmAnswer, type AlarmAnswer, alarmListSchema, alarmPath, alarmSchema, alarmsQuery, type AlarmsQuery, receiptSchema, type ReceiptAnswer, receivedEvent,
} from './alarms.dto.js';

/** What alarms that come here must be signed with; null where none are taken. */
export class ReceiptSecret {
  constructor(readonly value: string | null) {}
}

@ApiTags('Alarms')
@CommonProblems()
@Controller('v1/alarms')
export class AlarmsController {
  constructor(
    private readonly alarms: AlarmsRepository,
    private readonly models: ModelsRepository,
    private readonly secret: ReceiptSecret,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('Alarms and whether they arrived', 'Of the models that the caller may read, and those about no model. Newest first.')
  @Answer(200, 'The alarms', alarmListSchema)
  @Problems('ModelNotFound')
  async listAlarms(@Query({ schema: alarmsQuery }) { limit, model, open }: AlarmsQuery, @CallerAccess() access: Access): Promise<{ items: AlarmAnswer[] }> {
    if (model !== undefined) await access.require('model.read', model).then(() => this.models.get(model));
    const now = new Date();
    return { items: (await this.alarms.list(limit, { model, models: access.modelsWith('model.read'), open: open !== undefined })).map((story) => alarmAnswer(story, now)) };
  }

  @Get(':id')
  @Permit('model.read')
  @Operation('One alarm', 'With what people did about it, and whether it arrived.')
  @Answer(200, 'The alarm', alarmSchema)
  @Problems('NotFound')
  async getAlarm(@Param({ schema: alarmPath }) { id }: { id: string }, @Query({ schema: noQuery }) _query: unknown, @CallerAccess() access: Access): Promise<AlarmAnswer> {
    const story = await this.alarms.get(id);
    if (story.alarm.model !== null) await access.require('model.read', story.alarm.model);
    return alarmAnswer(story, new Date());
  }

  @Post('receipts')
  @HttpCode(200)
  @Operation('Receive an alarm', 'For installations without a receiver of their own: a CloudEvent signed by Standard Webhooks. The signature is asked for instead of an API key.')
  @ApiConsumes(SIGNED_MEDIA_TYPE)
  @ApiHeader({ name: 'webhook-id', required: true })
  @ApiHeader({ name: 'webhook-timestamp', required: true })
  @ApiHeader({ name: 'webhook-signature', required: true })
  @Answer(200, 'It is on the record', receiptSchema)
  @Problems('NotFound', 'UnsupportedMediaType', 'BodyTooLarge')
  async receiveAlarm(
    @Body() body: unknown,
    @Headers('webhook-id') id: string | undefined,
    @Headers('webhook-timestamp') timestamp: string | undefined,
    @Headers('webhook-signature') signature: string | undefined,
  ): Promise<ReceiptAnswer> {
    const secret = this.secret.value;
    if (secret === null) throw new PerennialError('NotFound', 'This API takes no alarms: ALARM_WEBHOOK_SECRET is not set');
    if (!Buffer.isBuffer(body)) throw new PerennialError('UnsupportedMediaType', `Send the event as ${SIGNED_MEDIA_TYPE}`);
    const now = new Date();
    const refusal = refusalOf(secret, { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }, body, now);
    if (refusal !== undefined) throw new PerennialError('Unauthenticated', `The alarm is refused: ${refusal}`);
    const event = eventOf(body);
    if (event.id !== id) throw new PerennialError('InvalidRequest', 'webhook-id and the id of the event must be the same');
    const { source, subject, test } = event;
    const isNew = await this.alarms.recordReceipt({ messageId: id, source, subject, test, bodyDigest: sha256(body), sentAt: new Date(Number(timestamp) * 1_000), receivedAt: now });
    return { received: id, repeated: !isNew };
  }
}

function eventOf(body: Buffer): ReturnType<typeof receivedEvent.parse> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    throw new PerennialError('InvalidRequest', 'The event is not JSON');
  }
  const event = receivedEvent.safeParse(json);
  if (event.success) return event.data;
  throw new PerennialError('InvalidRequest', `The event is no CloudEvent 1.0: ${event.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`);
}
