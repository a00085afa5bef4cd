import { access } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { PerennialError } from '../src/contracts/failures.js';
import { sweepKey, type SweepCounts, type SweepReport, type SweptSources } from '../src/contracts/inventory.js';
import { findSourceFiles } from '../src/data/source-files.js';
import { sweepFactsOf } from '../src/lifecycle/inventory-facts.js';
import { dueAfterMs, EVIDENCE_NEEDED, HEADLINES, judgeZombie, severityOf, type SweepJudgement } from '../src/lifecycle/sweep-rules.js';
import { SYSTEM_ACTOR } from '../src/registry/audit-ledger.js';
import { InventoryRepository, type InventoryRecord } from '../src/registry/inventory.repository.js';
import { type SweepChanges, SweepsRepository } from '../src/registry/sweeps.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';

/** Models that are looked at by one step. */
const PAGE = 200;

/** The sweep of the inventory. */
@Injectable()
export class InventoryActivities {
  constructor(
    private readonly inventory: InventoryRepository,
    private readonly sweeps: SweepsRepository,
    private readonly settings: ActivitySettings,
  ) {}

  /** Whether files of the next models are where their specs say; null where no model is left. A machine without a data folder sees nothing. */
  async seeSources(after: string): Promise<SweptSources | null> {
    const page = await this.inventory.nextPage(after, PAGE);
    if (page === null) return null;
    const records = await this.inventory.list({ models: null, registered: true, ...page }, new Date());
    const folderThere = await access(this.settings.dataDir).then(() => true, () => false);
    return heartbeating(async (signal, beat) => {
      const [gone, unknown] = [[] as string[], [] as string[]];
      for (const { model, sourcePath } of records) {
        signal.throwIfAborted();
        const found = folderThere && sourcePath !== null ? await this.isThere(sourcePath) : null;
        if (found === null) unknown.push(model);
        if (found === false) gone.push(model);
        beat({ gone: gone.length });
      }
      return { ...page, gone, unknown };
    });
  }

  /** Judges the models of a stretch, and brings their findings to what they come to. @param atMs by the workflow's clock */
  async sweepModels({ after, upTo, gone, unknown }: SweptSources, atMs: number): Promise<SweepCounts> {
    const at = new Date(atMs);
    const sources = new Map([...gone.map((model) => [model, false] as const), ...unknown.map((model) => [model, null] as const)]);
    const records = await this.inventory.list({ models: null, after, upTo }, at);
    let [zombies, opened, closed] = [0, 0, 0];
    for (const record of records) {
      const judged = judgeZombie(sweepFactsOf(record, sources.has(record.model) ? (sources.get(record.model) ?? null) : true), this.settings.sweepLimits, atMs);
      zombies += judged.filter(({ holds }) => holds).length;
      const changes = changesOf(record, judged, at);
      if (changes.open.length + changes.close.length > 0) await this.sweeps.settle(record.model, changes, origin());
      opened += changes.open.length;
      closed += changes.close.length;
    }
    return { models: records.length, zombies, opened, closed };
  }

  async endSweep(report: SweepReport, atMs: number): Promise<void> {
    await this.sweeps.end(report, new Date(atMs), origin());
  }

  /** Null for a path of which that cannot be said. */
  private async isThere(path: string): Promise<boolean | null> {
    return findSourceFiles(this.settings.dataDir, path).then(() => true, (error: unknown) => {
      if (!(error instanceof PerennialError)) throw error;
      return error.type === 'DataNotFound' ? false : null;
    });
  }
}

/** What is to be opened and closed; what is open already stays as it is. */
function changesOf(record: InventoryRecord, judged: readonly SweepJudgement[], at: Date): SweepChanges {
  const openOf = new Map(record.keyedFindings.map(({ key, number }) => [key, number]));
  const { model, tier } = record;
  const dueAt = new Date(at.getTime() + dueAfterMs(tier));
  return {
    open: judged.filter(({ holds, reason }) => holds === true && !openOf.has(sweepKey(reason))).map(({ reason, says }) => ({
      model, version: null, source: 'sweep', severity: severityOf(reason, tier), title: `${HEADLINES[reason]}: ${says}`, evidenceNeeded: EVIDENCE_NEEDED[reason], owner: accountable(record), dueAt,
      openedBy: SYSTEM_ACTOR, commandId: null, at, key: sweepKey(reason),
    })),
    close: judged.flatMap(({ holds, reason, says }) => {
      const number = openOf.get(sweepKey(reason));
      return holds === false && number !== undefined ? [{ number, closing: { closedBy: SYSTEM_ACTOR, evidence: says, artifactDigest: null, commandId: null, at } }] : [];
    }),
  };
}

/** Whoever is there to mend it, else whoever it is written on. */
const accountable = ({ registered, owner, ownerActs, activeOwners, ownersOfAll }: InventoryRecord): string =>
  (ownerActs ? owner : (activeOwners[0] ?? (registered ? ownersOfAll[0] : undefined) ?? owner)) ?? 'unknown';
