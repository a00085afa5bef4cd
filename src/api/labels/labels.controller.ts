import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { ArtifactRef } from '../../contracts/artifacts.js';
import type { LabelFormat } from '../../contracts/labels.js';
import { FolderStore } from '../../artifacts/folder-store.js';
import { PerennialError } from '../../contracts/failures.js';
import { LabelsRepository } from '../../registry/labels.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import type { ModelSpec } from '../../spec/model-spec.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import { invalid, ValidationPipe } from '../requests/validation.pipe.js';
import { LABEL_MEDIA_TYPES, LabelUpload } from './label-upload.js';
import {
  deploymentOf, type LabelBatchAnswer, labelBatchAnswer, labelBatchListSchema, labelBatchSchema, labelLines, labelsPath, labelsQuery, type LabelsQuery, labelsRequest,
  type LabelsRequest, taskFaults,
} from './labels.dto.js';

interface KeptLabels {
  readonly format: LabelFormat;
  readonly artifact: ArtifactRef;
}

@ApiTags('Labels')
@CommonProblems()
@Controller('v1/models/:model/labels')
export class LabelsController {
  private readonly json = new ValidationPipe();

  constructor(
    private readonly labels: LabelsRepository,
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
    private readonly store: FolderStore,
  ) {}

  @Post()
  @Permit('labels.write')
  @CommandOperation('Bring labels', 'What came true of predictions, each named by its id, or by entity key and event time. JSON holds up to 1 MiB; NDJSON, CSV with a header and Parquet are streamed, up to 256 MiB, with the same fields as columns. The batch is kept, then ingested; `status` shows how many labels were new, repeated, corrected, late, of unknown predictions, or invalid.')
  @ApiConsumes('application/json', ...Object.keys(LABEL_MEDIA_TYPES))
  @ApiBody({ schema: { $ref: '#/components/schemas/LabelsRequest' } })
  @Answer(202, 'The batch is kept', labelBatchSchema)
  @Problems('ModelNotFound', 'NotFound', 'ModelRetiring')
  async bringLabels(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body() body: unknown,
    @Query({ schema: labelsQuery }) query: LabelsQuery,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LabelBatchAnswer> {
    const { task } = await this.models.get(model);
    const request = body instanceof LabelUpload ? undefined : this.checked(body, task);
    const deployment = deploymentOf(query, request);
    const { retirement } = await this.routing.get(model, deployment);
    if (retirement?.state === 'retired') throw new PerennialError('ModelRetiring', `${model} was retired; labels of what it predicted are taken until it stopped`, { model });
    const { format, artifact } = await this.keep(request ?? (body as LabelUpload));
    const { batch } = await this.labels.receive({ actor, idempotencyKey, model, deployment, format, artifact }, new Date());
    const answer = labelBatchAnswer(batch);
    void reply.status(202).header('location', answer.status);
    return answer;
  }

  @Get()
  @Permit('model.read')
  @Operation('The label batches of a model', 'Newest first.')
  @Answer(200, 'The batches', labelBatchListSchema)
  @Problems('ModelNotFound')
  async listLabels(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: LabelBatchAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.labels.list(model, limit)).map(labelBatchAnswer) };
  }

  @Get(':batch')
  @Permit('model.read')
  @Operation('What became of a batch of labels', 'Its counts, and what is wrong with rows that could not be taken.')
  @Answer(200, 'The batch', labelBatchSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getLabels(@Param({ schema: labelsPath }) { model, batch }: { model: string; batch: number }, @Query({ schema: noQuery }) _query: unknown): Promise<LabelBatchAnswer> {
    await this.models.get(model);
    return labelBatchAnswer(await this.labels.get(model, batch));
  }

  private checked(body: unknown, task: ModelSpec['task']): LabelsRequest {
    const request = this.json.transform(body, { type: 'body', schema: labelsRequest }) as LabelsRequest;
    const faults = taskFaults(request, task);
    if (faults.length > 0) throw invalid(faults);
    return request;
  }

  private async keep(labels: LabelUpload | LabelsRequest): Promise<KeptLabels> {
    if (labels instanceof LabelUpload) return { format: labels.format, artifact: await this.store.putStream(labels.bytes()) };
    return { format: 'ndjson', artifact: await this.store.putBytes(labelLines(labels)) };
  }
}
