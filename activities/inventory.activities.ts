import { access } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { sweepKey, type SweepCounts, type SweepReport, type SweptSources } from '../src/contracts/inventory.js';
import { missingSources } from '../src/data/source-files.js';
import { sweepFactsOf } from '../src/lifecycle/inventory-facts.js';
import { dueAfterMs, EVIDENCE_NEEDED, HEADLINES, judgeZombie, severityOf, type SweepJudgement } from '../src/lifecycle/sweep-rules.js';
import { SYSTEM_ACTOR } from '../src/registry/audit-ledger.js';
import { InventoryRepository, type InventoryRecord } from '../src/registry/inventory.repository.js';
import { type SweepChanges, SweepsRepository } from '../src/registry/sweeps.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';

/** Models that are looked at by one step. */
const PAGE = 200;
/** Paths of one model that a finding names: what one step hands to the next stays far below what Temporal takes. */
const MOST_MISSING = 3;

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
      const [missing, unknown] = [[] as { model: string; paths: string[] }[], [] as string[]];
      for (const { model, sourcePaths } of records) {
        signal.throwIfAborted();
        const paths = folderThere && sourcePaths.length > 0 ? await missingSources(this.settings.dataDir, sourcePaths) : null;
        if (paths === null) unknown.push(model);
        else if (paths.length > 0) missing.push({ model, paths: paths.slice(0, MOST_MISSING) });
        beat({ gone: missing.length });
      }
      return { ...page, gone: missing.map(({ model }) => model), missing, unknown };
    });
  }

  /** Judges the models of a stretch, and brings their findings to what they come to. @param atMs by the workflow's clock */
  async sweepModels(seen: SweptSources, atMs: number): Promise<SweepCounts> {
    const at = new Date(atMs);
    const records = await this.inventory.list({ models: null, after: seen.after, upTo: seen.upTo }, at);
    let [zombies, opened, closed] = [0, 0, 0];
    for (const record of records) {
      const judged = judgeZombie(sweepFactsOf(record, missingOf(record, seen)), this.settings.sweepLimits, atMs);
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
}

/** Null where no worker could see them. */
function missingOf({ model, sourcePaths }: InventoryRecord, { gone, missing, unknown }: SweptSources): readonly string[] | null {
  if (unknown.includes(model)) return null;
  if (!gone.includes(model)) return [];
  return missing?.find((one) => one.model === model)?.paths ?? sourcePaths.slice(0, 1);
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
