import { Controller, Get, Header, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ModelsRepository } from '../../registry/models.repository.js';
import { SourceFilesRepository } from '../../registry/source-files.repository.js';
import { WindowsRepository } from '../../registry/windows.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Page, Problems } from '../documentation/answers.js';
import { listQuery, modelPath } from '../requests/fields.js';
import { driftPage } from './drift-page/drift-page.js';
import { DriftReports } from './drift-reports.js';
import { sourceFileAnswer, type SourceFileAnswer, sourceFileListSchema } from './source-files.dto.js';
import { windowDriftAnswer, type WindowDriftAnswer, windowDriftListSchema, windowDriftPath, type WindowDriftPath, windowDriftQuery, type WindowDriftQuery, type WindowDriftReportAnswer, windowDriftReportSchema } from './window-drift.dto.js';
import { windowAnswer, type WindowAnswer, windowListSchema, windowsQuery, type WindowsQuery } from './windows.dto.js';

@ApiTags('Windows')
@CommonProblems()
@Controller('v1/models/:model/windows')
export class WindowsController {
  constructor(
    private readonly windows: WindowsRepository,
    private readonly models: ModelsRepository,
    private readonly drifts: DriftReports,
    private readonly sourceFiles: SourceFilesRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('What windows of event time were found to be', 'The last windows first. The length of a window and its limits are of the spec (`monitoring`, `data.features`).')
  @Answer(200, 'The looks that were taken', windowListSchema)
  @Problems('ModelNotFound')
  async listWindows(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: windowsQuery }) { limit, deployment }: WindowsQuery): Promise<{ items: WindowAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.windows.list(model, limit, deployment)).map(windowAnswer) };
  }

  @Get('source-files')
  @Permit('model.read')
  @Operation('Files whose rows were observed without a gateway', 'Those of `monitoring.source` that were read, the last first.')
  @Answer(200, 'The files', sourceFileListSchema)
  @Problems('ModelNotFound')
  async listSourceFiles(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: SourceFileAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.sourceFiles.list(model, limit)).map(sourceFileAnswer) };
  }

  @Get('drift')
  @Permit('model.read')
  @Operation('How inputs moved', "Windows whose inputs were held against the baseline of their deployment's champion, the last first.")
  @Answer(200, 'The comparisons', windowDriftListSchema)
  @Problems('ModelNotFound')
  async listDrift(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: windowsQuery }) { limit, deployment }: WindowsQuery): Promise<{ items: WindowDriftAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.windows.listDrift(model, limit, deployment)).map(windowDriftAnswer) };
  }

  @Get(':from/drift')
  @Permit('model.read')
  @Operation('The inputs of one window beside the baseline', 'Every figure of every feature; docs/MONITORING.md says what each means.')
  @Answer(200, 'The figures', windowDriftReportSchema)
  @Problems('ModelNotFound', 'NotFound')
  async readDrift(@Param({ schema: windowDriftPath }) { model, from }: WindowDriftPath, @Query({ schema: windowDriftQuery }) { deployment }: WindowDriftQuery): Promise<WindowDriftReportAnswer> {
    return this.report(model, deployment, from);
  }

  @Get(':from/drift.html')
  @Permit('model.read')
  @Header('content-type', 'text/html; charset=utf-8')
  @Operation('The same as a page', 'One file that needs nothing else: figures, and distributions beside the baseline.')
  @Page('The page')
  @Problems('ModelNotFound', 'NotFound')
  async showDrift(@Param({ schema: windowDriftPath }) { model, from }: WindowDriftPath, @Query({ schema: windowDriftQuery }) { deployment }: WindowDriftQuery): Promise<string> {
    return driftPage(await this.report(model, deployment, from));
  }

  private async report(model: string, deployment: string, from: string): Promise<WindowDriftReportAnswer> {
    await this.models.get(model);
    return (await this.drifts.read(model, deployment, new Date(from))) as WindowDriftReportAnswer;
  }
}
