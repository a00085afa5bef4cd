import { Body, Controller, Get, Header, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { FolderStore } from '../../artifacts/folder-store.js';
import { PerennialError } from '../../contracts/failures.js';
import type { ValidationReport } from '../../contracts/validations.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { ValidationsRepository, type ValidationStory } from '../../registry/validations.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Page, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import { versionPath, type VersionPath } from '../versions/versions.dto.js';
import { validationPage } from './validation-page.js';
import {
  type ValidationAnswer, validationAnswer, type ValidationDecided, validationDecidedSchema, validationDecisionRequest, type ValidationDecisionRequest, validationLink, validationListSchema, validationReportSchema, validationSchema,
} from './validations.dto.js';

@ApiTags('Validations')
@CommonProblems()
@Controller('v1/models/:model')
export class ValidationsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly validations: ValidationsRepository,
    private readonly store: FolderStore,
    private readonly temporal: TemporalLinks,
  ) {}

  @Get('validations')
  @Permit('model.read')
  @Operation('The validations of a model', 'Newest first. Each version of a model whose spec has a use case is validated before it may serve.')
  @Answer(200, 'The validations', validationListSchema)
  @Problems('ModelNotFound')
  async listValidations(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: ValidationAnswer[] }> {
    await this.models.get(model);
    const found = await this.validations.list(model, limit);
    return { items: found.map((story) => validationAnswer(story, this.temporal)) };
  }

  @Get('versions/:version/validation')
  @Permit('model.read')
  @Operation('The validation of a version', 'What was checked, who decided, and what it came to.')
  @Answer(200, 'The validation', validationSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getValidation(@Param({ schema: versionPath }) id: VersionPath, @Query({ schema: noQuery }) _query: unknown): Promise<ValidationAnswer> {
    await this.models.get(id.model);
    return validationAnswer(await this.validations.get(id), this.temporal);
  }

  @Get('versions/:version/validation/report')
  @Permit('model.read')
  @Operation('The validation report', 'Every check with its figures, as it was decided over.')
  @Answer(200, 'The report', validationReportSchema)
  @Problems('ModelNotFound', 'NotFound')
  async readValidationReport(@Param({ schema: versionPath }) id: VersionPath, @Query({ schema: noQuery }) _query: unknown): Promise<ValidationReport> {
    await this.models.get(id.model);
    return this.report(await this.validations.get(id));
  }

  @Get('versions/:version/validation/report.html')
  @Permit('model.read')
  @Header('content-type', 'text/html; charset=utf-8')
  @Operation('The same as a page', 'One file that needs nothing else, with the decision where there is one.')
  @Page('The page')
  @Problems('ModelNotFound', 'NotFound')
  async showValidationReport(@Param({ schema: versionPath }) id: VersionPath, @Query({ schema: noQuery }) _query: unknown): Promise<string> {
    await this.models.get(id.model);
    const story = await this.validations.get(id);
    return validationPage(await this.report(story), validationAnswer(story, this.temporal));
  }

  @Post('versions/:version/validation/decision')
  @Permit('validation.decide')
  @CommandOperation('Decide over a validation', 'Once, by a validator who had no part in the version: not whoever applied a spec of the model or asked for the retrain, nor an owner or developer of it.')
  @Answer(200, 'It is decided', validationDecidedSchema)
  @Answer(202, 'Accepted; decided later', acceptedSchema)
  @Problems('ModelNotFound', 'NotFound', 'ValidationNotOpen', 'DecisionRefused', 'StagePaused', 'ModelRetiring', 'OwnerDeactivated')
  async decideValidation(
    @Param({ schema: versionPath }) { model, version }: VersionPath,
    @Body({ schema: validationDecisionRequest }) { decision: choice, reportDigest, reason, answers, findings }: ValidationDecisionRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ValidationDecided | AcceptedBody> {
    await this.models.get(model);
    const { command, outcome } = await this.flow.run<'decideValidation'>({ actor, idempotencyKey, kind: 'decideValidation', model, body: { version, choice, reportDigest, reason, answers, findings } });
    const status = outcome ? validationLink(model, version) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    if (!outcome) return acceptedBody(command);
    return { model, version, decision: choice, approval: outcome.approval, findings: outcome.findings, commandId: command.id, status };
  }

  private async report({ validation: { model, version }, report }: ValidationStory): Promise<ValidationReport> {
    if (!report) throw new PerennialError('NotFound', `The validation of version ${version} of ${model} has no report yet: its checks are being made`, { model, version });
    return JSON.parse((await this.store.readBytes(report.digest)).toString('utf8')) as ValidationReport;
  }
}
