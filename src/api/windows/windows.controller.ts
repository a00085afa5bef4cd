import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiSecurity, ApiTags } from '@nestjs/swagger';
import { ModelsRepository } from '../../registry/models.repository.js';
import { WindowsRepository } from '../../registry/windows.repository.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath } from '../requests/fields.js';
import { windowAnswer, type WindowAnswer, windowListSchema, windowsQuery, type WindowsQuery } from './windows.dto.js';

@ApiTags('Windows')
@ApiSecurity('bearer')
@ApiSecurity('apiKey')
@CommonProblems()
@Controller('v1/models/:model/windows')
export class WindowsController {
  constructor(
    private readonly windows: WindowsRepository,
    private readonly models: ModelsRepository,
  ) {}

  @Get()
  @Operation('What windows of event time were found to be', 'The last windows first. The length of a window and its limits are of the spec (`monitoring`, `data.features`).')
  @Answer(200, 'The looks that were taken', windowListSchema)
  @Problems('ModelNotFound')
  async listWindows(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: windowsQuery }) { limit, deployment }: WindowsQuery): Promise<{ items: WindowAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.windows.list(model, limit, deployment)).map(windowAnswer) };
  }
}
