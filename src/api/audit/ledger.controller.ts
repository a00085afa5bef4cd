import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Param, Post, Query, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { PerennialError } from '../../contracts/failures.js';
import { CheckpointSinksRepository } from '../../registry/checkpoint-sinks.repository.js';
import { LedgerReconciliationsRepository } from '../../registry/ledger-reconciliations.repository.js';
import { AuditTreeRepository } from '../../registry/audit-tree.repository.js';
import { TextErasures } from '../../registry/text-erasures.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Lines, NDJSON, Operation, Problems } from '../documentation/answers.js';
import { noQuery } from '../requests/fields.js';
import { type CheckpointAnswer, checkpointSchema, entryPath, type ErasureAnswer, erasureSchema, type EraseRequest, eraseRequest, exportQuery, type ProofAnswer, proofAnswer, proofQuery, proofSchema, type ReconciliationAnswer, reconciliationAnswer, reconciliationSchema, type SinkListAnswer, sinkListAnswer, sinkListSchema } from './audit.dto.js';

/** The ledger as a whole: what auditors take away with them. */
@ApiTags('Audit')
@CommonProblems()
@Controller('v1/audit')
export class LedgerController {
  constructor(
    private readonly tree: AuditTreeRepository,
    private readonly reconciliations: LedgerReconciliationsRepository,
    private readonly sinks: CheckpointSinksRepository,
    private readonly erasures: TextErasures,
  ) {}

  @Get('checkpoint')
  @Permit('ledger.read')
  @Operation('The newest signed checkpoint', 'The copies that bind are those outside the database; this one saves a way.')
  @Answer(200, 'The checkpoint', checkpointSchema)
  @Problems('NotFound')
  async getCheckpoint(@Query({ schema: noQuery }) _query: object): Promise<CheckpointAnswer> {
    const checkpoint = await this.tree.newestCheckpoint();
    if (!checkpoint) throw new PerennialError('NotFound', 'No checkpoint was signed yet; a worker of the queue lifecycle signs one within a minute, where AUDIT_KEY_FILE is set');
    const { size, root, at, note } = checkpoint;
    return { size, root: root.toString('base64'), at: at.toISOString(), note };
  }

  @Get('sinks')
  @Permit('ledger.read')
  @Operation('How far copies of checkpoints are outside', 'Of the bucket and the webhook, where they are set (`CHECKPOINT_S3`, `CHECKPOINT_WEBHOOK_URL`); each is tried again by itself.')
  @Answer(200, 'The places', sinkListSchema)
  async listCheckpointSinks(@Query({ schema: noQuery }) _query: object): Promise<SinkListAnswer> {
    return sinkListAnswer(await this.sinks.list());
  }

  @Get('entries/:id/proof')
  @Permit('ledger.read')
  @Operation('Prove that an entry is in the ledger', 'An inclusion proof by RFC 6962; it is checked without trusting this service.')
  @Answer(200, 'The proof', proofSchema)
  @Problems('NotFound')
  async getProof(@Param({ schema: entryPath }) { id }: { id: number }, @Query({ schema: proofQuery }) { size }: { size?: number }): Promise<ProofAnswer> {
    return proofAnswer(await this.tree.proofOf(id, size));
  }

  @Post('entries/:id/erase')
  @HttpCode(200)
  @Permit('text.erase')
  @Operation('Erase what a person wrote beside an entry', 'With its salt, and with the copies that commands and their rows have; entries, tree and checkpoints stay as they are. What is erased already stays so: sent again, nothing happens. Of a model under a legal hold nothing is erased. docs/PRIVACY.md says where words may be left.')
  @Answer(200, 'It is gone', erasureSchema)
  @Problems('NotFound', 'UnderLegalHold', 'BodyTooLarge', 'UnsupportedMediaType')
  async eraseTexts(@Param({ schema: entryPath }) { id }: { id: number }, @Body({ schema: eraseRequest }) request: EraseRequest, @Query({ schema: noQuery }) _query: object, @Actor() actor: string): Promise<ErasureAnswer> {
    return this.erasures.erase({ entry: id, ...request, actor }, new Date());
  }

  @Get('reconciliation')
  @Permit('ledger.read')
  @Operation('The last comparison of the ledger with Temporal', 'What one of them knows and the other does not, within the time that Temporal keeps histories. It is made on a Schedule (`AUDIT_RECONCILE_EVERY`).')
  @Answer(200, 'What it came to', reconciliationSchema)
  @Problems('NotFound')
  async getReconciliation(@Query({ schema: noQuery }) _query: object): Promise<ReconciliationAnswer> {
    const newest = await this.reconciliations.newest();
    if (!newest) throw new PerennialError('NotFound', 'The ledger was not compared with Temporal yet; a worker of the queue lifecycle does so every AUDIT_RECONCILE_EVERY, or trigger the Schedule audit-reconciliation in the Temporal UI');
    return reconciliationAnswer(newest);
  }

  @Get('export')
  @Permit('ledger.read')
  @Operation('The whole ledger in the order of its tree', 'One JSON document a line; `perennial audit verify` holds it against checkpoints without this service. docs/AUDIT.md describes the lines.')
  @Lines('The entries')
  async exportLedger(@Query({ schema: exportQuery }) { size }: { size?: number }): Promise<StreamableFile> {
    const lines = this.tree.exportText(size ?? (await this.tree.size()));
    return new StreamableFile(Readable.from(lines, { objectMode: false }), { type: NDJSON });
  }
}
