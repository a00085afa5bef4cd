import { Injectable } from '@nestjs/common';
import { findingOverdueAlarm, type FoundModel, reviewOverdueAlarm } from '../src/alarms/governance-alarms.js';
import { OVERDUE_REVIEW_KEY, reviewAlarmKey } from '../src/contracts/reviews.js';
import type { GovernanceReport } from '../src/contracts/status.js';
import { isoTime } from '../src/contracts/time.js';
import { isLongOverdue, isWordDue } from '../src/lifecycle/review-due.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { SYSTEM_ACTOR } from '../src/registry/audit-ledger.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { FindingsRepository } from '../src/registry/findings.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { GoLiveWords } from './go-live-words.js';
import { GovernanceSettings } from './governance-settings.js';
import { ProductionStandings } from './production-standings.js';

type Count = { -readonly [Name in Exclude<keyof GovernanceReport, 'models'>]-?: number };

/** One look at all models: what it did, and of which models something changed. */
class Look {
  readonly count: Count = { findingsTold: 0, reviewsTold: 0, goLivesTold: 0, findingsOpened: 0, alarmsEnded: 0 };
  readonly models = new Set<string>();

  constructor(readonly at: Date) {}

  add(what: keyof Count, model: string | null): void {
    this.count[what] += 1;
    if (model !== null) this.models.add(model);
  }
}

/** Tells people of findings and reviews that are overdue and of versions whose going live nobody has confirmed, and stops telling them when they no longer are. */
@Injectable()
export class GovernanceActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly findings: FindingsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly standings: ProductionStandings,
    private readonly settings: GovernanceSettings,
    private readonly goLives: GoLiveWords,
    private readonly releases: ReleasesRepository,
  ) {}

  /** Looks at all models once; again at the same time it does nothing. @param atMs by the workflow's clock */
  async escalateOverdue(atMs: number): Promise<GovernanceReport> {
    return heartbeating(async () => {
      const look = new Look(new Date(atMs));
      for (const { name } of await this.models.list()) {
        // Anew: a pass over many models takes a while, in which owners and specs change.
        const model = await this.models.get(name);
        await this.lookAtReview(model, look);
        await this.lookAtGoLives(model, look);
      }
      await this.lookAtFindings(look);
      await this.endForClosed(look);
      return { ...look.count, models: [...look.models] };
    });
  }

  private async lookAtFindings(look: Look): Promise<void> {
    const { at } = look;
    for (const { finding, escalated } of await this.findings.openOnes()) {
      if (!isWordDue({ dueAt: finding.dueAt, lastWordAt: escalated?.lastAt ?? null }, this.settings.remindEveryMs, at)) continue;
      const model = await this.foundModel(finding.model);
      const notSince = new Date(at.getTime() - this.settings.remindEveryMs);
      if (await this.findings.escalate(finding, findingOverdueAlarm(finding, model), { at, notSince }, origin())) look.add('findingsTold', model.registered ? finding.model : null);
    }
  }

  private async foundModel(name: string): Promise<FoundModel> {
    const model = await this.models.find(name);
    return { registered: model !== null, stoppable: model !== null && (await this.models.spec(name, model.specDigest)).useCase !== undefined };
  }

  private async lookAtReview(model: Model, look: Look): Promise<void> {
    const [{ at }, key] = [look, reviewAlarmKey(model.name)];
    const { reviewDueAt: dueAt } = await this.standings.read(model);
    if (!dueAt || at < dueAt) {
      if (await this.alarms.endOpen(key, 'The review is not overdue any more.', at, origin())) look.add('alarmsEnded', model.name);
      return;
    }
    const last = await this.alarms.newest(key);
    if (isWordDue({ dueAt, lastWordAt: last?.alarm.raisedAt ?? null }, this.settings.remindEveryMs, at)) {
      if (last && !last.end) await this.alarms.end(last.alarm.id, 'Told again.', at, origin());
      await this.alarms.raise(reviewOverdueAlarm(model, dueAt), at, origin());
      look.add('reviewsTold', model.name);
    }
    if (isLongOverdue(dueAt, this.settings.reviewGraceMs, at)) await this.openForReview(model.name, look);
  }

  private async lookAtGoLives({ name }: Model, look: Look): Promise<void> {
    const { said, ended } = await this.goLives.say(name, look.at);
    for (let told = 0; told < said; told += 1) look.add('goLivesTold', name);
    for (let over = 0; over < ended; over += 1) look.add('alarmsEnded', name);
  }

  /** As severe as the tier is high: a model of a high tier that nobody reviews is stopped in the end. */
  private async openForReview(name: string, look: Look): Promise<void> {
    const { at } = look;
    const opened = await this.releases.inTurn(name, async (manager) => {
      const model = await this.models.inForce(manager, name);
      const { reviewDueAt: dueAt } = await this.standings.read(model, manager);
      // A review that was recorded meanwhile has closed the finding, and nobody would close another one.
      if (!dueAt || !isLongOverdue(dueAt, this.settings.reviewGraceMs, at) || (await this.findings.openUnder(manager, name, OVERDUE_REVIEW_KEY))) return false;
      await this.findings.open(manager, {
        model: name, version: null, source: 'review', severity: model.tier, owner: model.owner, title: `The periodic review was due at ${isoTime(dueAt.getTime())}`, evidenceNeeded: 'A review on record, which closes this finding',
        dueAt: new Date(at.getTime() + this.settings.reviewGraceMs), openedBy: SYSTEM_ACTOR, commandId: null, at, key: OVERDUE_REVIEW_KEY,
      }, origin());
      return true;
    });
    if (opened) look.add('findingsOpened', name);
  }

  /** Closing a finding ends its alarm in the same transaction; what got past that is ended here. */
  private async endForClosed(look: Look): Promise<void> {
    const open = new Set((await this.findings.openOnes()).map(({ finding }) => `${finding.model}/${finding.number}`));
    for (const { id, model, details } of await this.alarms.openOf('findingOverdue')) {
      if (open.has(`${String(details['model'])}/${String(details['finding'])}`)) continue;
      if (await this.alarms.end(id, 'The finding is closed.', look.at, origin())) look.add('alarmsEnded', model);
    }
  }
}
