import { Injectable } from '@nestjs/common';
import { faultAlarm, faultAlarmKey, READABLE_AGAIN, unreadableAlarmKey } from '../src/alarms/monitoring-alarms.js';
import { canonicalJson } from '../src/contracts/canonical.js';
import type { AutomaticTrigger, DecisionSummary } from '../src/contracts/retraining-decisions.js';
import { isoTime } from '../src/contracts/time.js';
import { type DueAssessment, windowName } from '../src/contracts/window-assessment.js';
import { CommandDispatcher } from '../src/dispatch/command-dispatcher.js';
import type { RetrainingFacts } from '../src/drift/retraining-facts.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import type { Origin } from '../src/registry/audit-ledger.js';
import type { RetrainingDecisionRecord } from '../src/registry/entities/retraining-decision.entity.js';
import { RetrainingDecisionsRepository } from '../src/registry/retraining-decisions.repository.js';
import { origin } from './activity-context.js';
import { RetrainingDecisions, type Weighed } from './retraining-decisions.js';
import { StoreProvider } from './store-provider.js';

/** Whether to train a model anew, decided after each window. */
@Injectable()
export class RetrainingActivities {
  constructor(
    private readonly weighing: RetrainingDecisions,
    private readonly assessments: AssessmentsRepository,
    private readonly decisions: RetrainingDecisionsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly dispatcher: CommandDispatcher,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * Decides, after a window was assessed, whether to train the model anew, and puts the decision on the record with all that it rests on: to wait too.
   * A retrain is asked for by a command, as a person would; a window with an upstream fault is kept from training, and a person is told. A decision
   * that is there already stands.
   * @param by on whose behalf
   */
  async decideRetraining(window: DueAssessment, by: Origin = origin()): Promise<DecisionSummary> {
    const { model, deployment, fromMs, revision } = window;
    const fromEvent = new Date(fromMs);
    const known = await this.decisions.find(model, deployment, fromEvent, revision);
    // What an earlier attempt raised may not be delivered.
    if (known) return { ...summaryOf(known), raised: true };
    const assessment = await this.assessments.get(model, deployment, fromEvent, revision);
    for (let raised = false; ;) {
      const weighed = await this.weighing.weigh(window, assessment);
      // Before the decision, with which the work on a window is over.
      raised = (await this.tellFaults(window, weighed.decision.facts.faults, by)) || raised;
      const decided = await this.record(window, weighed, by);
      // Another deployment's decision was quicker: a retrain is under way now.
      if (!decided) continue;
      // Raised where an earlier run got no further than its assessment.
      await this.alarms.endOpen(unreadableAlarmKey(window), READABLE_AGAIN, new Date(), by);
      return { ...summaryOf(decided), raised };
    }
  }

  private async record({ model, deployment, fromMs, revision }: DueAssessment, { decision, counterfactual, asOfMs }: Weighed, by: Origin): Promise<RetrainingDecisionRecord | null> {
    const fromEvent = new Date(fromMs);
    const { outcome, reason, trigger, because } = decision;
    const retrain = outcome === 'retrain' ? { deployment, asOf: isoTime(asOfMs), reason: because, trigger: trigger as AutomaticTrigger } : null;
    const { digest: decisionDigest } = await this.stores.store.putBytes(canonicalJson(decision));
    const decided = { model, deployment, fromEvent, revision, outcome, reason, trigger, because, counterfactual, decisionDigest, decidedAt: new Date() };
    const recorded = await this.decisions.add(decided, retrain, by);
    if (!recorded) return null;
    // What is accepted is sent again until its model's workflow has seen it.
    if (recorded.command) await this.dispatcher.send(recorded.command).catch(() => undefined);
    return recorded.decision;
  }

  /** @returns whether an alarm was raised */
  private async tellFaults(window: DueAssessment, faults: RetrainingFacts['faults'], by: Origin): Promise<boolean> {
    if (faults.length > 0) return (await this.alarms.raise(faultAlarm(window, faults), new Date(), by)).raised;
    if (window.occasion === 'closed') await this.alarms.endOpen(faultAlarmKey(window), `No fault was found in the window ${windowName(window)}`, new Date(), by);
    return false;
  }
}

const summaryOf = ({ outcome, reason, trigger, because, counterfactual }: RetrainingDecisionRecord): Omit<DecisionSummary, 'raised'> =>
  ({ outcome, reason, trigger: trigger as DecisionSummary['trigger'], because, wouldHaveRetrained: counterfactual.retrained });
