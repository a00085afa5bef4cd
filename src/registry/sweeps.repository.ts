import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { FindingClosing, NewFinding } from '../contracts/findings.js';
import type { SweepReport } from '../contracts/inventory.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { FindingsRepository } from './findings.repository.js';

/** What a sweep changes of one model's findings. */
export interface SweepChanges {
  readonly open: readonly NewFinding[];
  readonly close: readonly { readonly number: number; readonly closing: FindingClosing }[];
}

/** What sweeps of the inventory put on record. */
@Injectable()
export class SweepsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly findings: FindingsRepository,
    private readonly audit: AuditLedger,
  ) {}

  /** Opens and closes in one transaction: all of it, or nothing. */
  async settle(model: string, { open, close }: SweepChanges, origin: Origin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      for (const finding of open) await this.findings.open(manager, finding, origin);
      for (const { number, closing } of close) await this.findings.close(manager, { model, number }, closing, origin);
    });
  }

  /** That a sweep was made, and what it came to. */
  async end(report: SweepReport, at: Date, origin: Origin): Promise<void> {
    await this.audit.append(this.dataSource.manager, { at, actor: SYSTEM_ACTOR, action: 'inventory.swept', model: null, subject: 'inventory', details: { ...report }, origin });
  }
}
