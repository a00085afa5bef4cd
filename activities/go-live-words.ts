import { Injectable } from '@nestjs/common';
import { goLiveAlarm } from '../src/alarms/go-live-alarm.js';
import { goLiveAlarmKey } from '../src/contracts/go-live.js';
import { isWordDue } from '../src/lifecycle/review-due.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { type GoLiveStory, GoLivesRepository } from '../src/registry/go-lives.repository.js';
import { RetirementsRepository } from '../src/registry/retirements.repository.js';
import { origin } from './activity-context.js';
import { GovernanceSettings } from './governance-settings.js';

/** What became of the words about a model's champions: how many were said, and how many are over. */
export interface SaidWords {
  readonly said: number;
  readonly ended: number;
}

/** Tells the owner of a governed model that a version has gone live, again and again until it is confirmed; once where nobody has to. */
@Injectable()
export class GoLiveWords {
  constructor(
    private readonly goLives: GoLivesRepository,
    private readonly alarms: AlarmsRepository,
    private readonly retirements: RetirementsRepository,
    private readonly settings: GovernanceSettings,
  ) {}

  /** Says of a model what is due; again at the same time nothing. A model that is being retired asks for nothing any more. */
  async say(model: string, at: Date): Promise<SaidWords> {
    const stories = await this.goLives.ofChampions(model);
    const leaving = stories.length > 0 && (await this.retirements.inForce(model)) !== null;
    const counts = { said: 0, ended: 0, nothing: 0 };
    for (const story of stories) counts[await this.look(story, leaving, at)] += 1;
    return { said: counts.said, ended: counts.ended };
  }

  private async look({ goLive, confirmation }: GoLiveStory, leaving: boolean, at: Date): Promise<'said' | 'ended' | 'nothing'> {
    const last = await this.alarms.newest(goLiveAlarmKey(goLive));
    if (leaving || confirmation) return last && !last.end && (await this.alarms.end(last.alarm.id, leaving ? 'The model is being retired.' : 'It is confirmed.', at, origin())) ? 'ended' : 'nothing';
    if (!goLive.asks && last) return 'nothing';
    if (!isWordDue({ dueAt: goLive.at, lastWordAt: last?.alarm.raisedAt ?? null }, this.settings.remindEveryMs, at)) return 'nothing';
    if (last && !last.end) await this.alarms.end(last.alarm.id, 'Told again.', at, origin());
    const over = goLive.asks ? undefined : 'It is for information.';
    const id = await this.alarms.raiseWhile(goLiveAlarm(goLive), at, origin(), (manager) => this.goLives.asksStill(manager, goLive), over);
    return id === null ? 'nothing' : 'said';
  }
}
