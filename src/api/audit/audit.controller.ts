import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath } from '../requests/fields.js';
import { auditAnswer, type AuditListAnswer, auditListSchema, auditQuery, type AuditQuery } from './audit.dto.js';

@ApiTags('Audit')
@CommonProblems()
@Controller('v1/models/:model/audit')
export class AuditController {
  constructor(
    private readonly models: ModelsRepository,
    private readonly ledger: AuditLedger,
  ) {}

  @Get()
  @Permit('audit.read')
  @Operation('Who did what to a model, and when', 'In the order of the entries; go on with `next`.')
  @Answer(200, 'The entries', auditListSchema)
  @Problems('ModelNotFound')
  async listAuditEntries(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: auditQuery }) { after, limit }: AuditQuery): Promise<AuditListAnswer> {
    await this.models.get(model);
    const entries = await this.ledger.list(model, after, limit);
    const texts = await this.ledger.textsOf(entries.map(({ id }) => id));
    const items = entries.map((entry) => auditAnswer(entry, texts.filter(({ entryId }) => entryId === entry.id)));
    const last = items.length === limit ? items.at(-1) : undefined;
    return { items, next: last ? `/v1/models/${model}/audit?after=${last.id}&limit=${limit}` : null };
  }
}
