import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { isoTime } from '../../contracts/time.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RetrainingDecisionsRepository } from '../../registry/retraining-decisions.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { instant, itemsOf, path } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { deploymentName, modelPath, noQuery, text } from '../requests/fields.js';
import { windowDriftPath, type WindowDriftPath, windowDriftQuery, type WindowDriftQuery } from './window-drift.dto.js';

const windowReleaseRequest = z
  .strictObject({ deployment: deploymentName.default('default'), reason: text(2_000).meta({ description: 'Why, for the record.' }) })
  .meta({ id: 'WindowReleaseRequest' });

const windowReleasedSchema = z
  .strictObject({
    model: z.string(),
    deployment: z.string(),
    from: instant,
    endedAlarm: z.uuid().nullable().meta({ description: 'The alarm that told of the quarantine, which has ended with it; null where none was open about this window.' }),
    commandId: z.uuid(),
    status: path.meta({ description: 'What was decided after the window.' }),
  })
  .meta({ id: 'WindowReleased' });
export type WindowReleased = z.output<typeof windowReleasedSchema>;

const quarantinedWindowSchema = z
  .strictObject({
    from: instant,
    until: instant,
    released: z.strictObject({ by: z.string(), at: instant, reason: z.string() }).nullable().meta({ description: 'Who took it out; null while it is in quarantine.' }),
  })
  .meta({ id: 'QuarantinedWindow' });
export type QuarantinedWindowAnswer = z.output<typeof quarantinedWindowSchema>;
export const quarantineSchema = itemsOf(quarantinedWindowSchema).meta({ id: 'Quarantine' });

/** Windows in quarantine, and how a person takes one out. */
@ApiTags('Windows')
@CommonProblems()
@Controller('v1/models/:model/windows')
export class WindowReleaseController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
    private readonly decisions: RetrainingDecisionsRepository,
  ) {}

  @Get('quarantine')
  @Permit('model.read')
  @Operation('Windows that were put into quarantine', 'In their order, with those that a person has taken out.')
  @Answer(200, 'The windows', quarantineSchema)
  @Problems('ModelNotFound')
  async listQuarantine(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Query({ schema: windowDriftQuery }) { deployment }: WindowDriftQuery,
  ): Promise<{ items: QuarantinedWindowAnswer[] }> {
    await this.models.get(model);
    const items = (await this.decisions.quarantines(model, deployment)).map(({ fromMs, untilMs, release }) => ({
      from: isoTime(fromMs), until: isoTime(untilMs), released: release && { by: release.releasedBy, at: release.releasedAt.toISOString(), reason: release.reason },
    }));
    return { items };
  }

  @Post(':from/release')
  @Permit('window.release')
  @CommandOperation('Take a window out of quarantine',
    'What looked like an upstream fault was none: from now on the window trains and judges versions again, and later windows are held against it.')
  @Answer(200, 'It is out of quarantine', windowReleasedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'NotFound', 'WindowNotQuarantined')
  async releaseWindow(
    @Param({ schema: windowDriftPath }) { model, from }: WindowDriftPath,
    @Body({ schema: windowReleaseRequest }) { deployment, reason }: z.output<typeof windowReleaseRequest>,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WindowReleased | AcceptedBody> {
    await this.models.get(model);
    await this.routing.get(model, deployment);
    const { command, outcome } = await this.flow.run<'releaseWindow'>({ actor, idempotencyKey, kind: 'releaseWindow', model, body: { deployment, from, reason } });
    const status = outcome ? `/v1/models/${model}/windows/${from}/decision?deployment=${deployment}` : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    return outcome ? { model, deployment, from, endedAlarm: outcome.endedAlarm, commandId: command.id, status } : acceptedBody(command);
  }
}
