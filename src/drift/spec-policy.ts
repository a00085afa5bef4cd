import type { DriftSearch, UpstreamFault } from '../contracts/window-drift.js';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import type { WindowAssessmentReport } from '../contracts/window-assessment-report.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { type ChampionFigures, rowLosses, sampleOf } from './champion-figures.js';
import { deploymentShare, labelledHarmTerms } from './harm-budgets.js';
import { followHarm, type HarmMemory } from './harm-course.js';
import type { PolicyDecision, ReplayLook, ReplayPolicy } from './policy-replay.js';
import { decideRetraining } from './retraining-decision.js';
import { type AnsweredChange, answeredChange, retrainingFacts, type ServedVersion } from './retraining-evidence.js';
import { findWindowFaults } from './upstream-faults.js';
import { EARLIER_WINDOWS } from './usual-changes.js';
import { estimateFigures } from './window-assessment.js';
import { type CountedWindow, PAST_WINDOWS, retrainEvidence, windowEvidence, type WindowEvidence } from './window-evidence.js';
import { findDrift } from './window-drift.js';
import type { EventStretch } from './window-grid.js';

/**
 * What the first deployment under the spec decides by itself: the sections `retraining` and `monitoring`, through the code that decides in service. Nobody acts
 * beside it: alarms stay open, and a window stays in quarantine. A training takes no time and no hours, so that neither `active` nor the
 * budget's `trainingHours` holds anything back.
 */
export const specPolicy = (spec: ModelSpec): ReplayPolicy<'spec'> => ({
  name: 'spec',
  start: () => {
    const watch = new DeploymentWatch(spec);
    return (look) => watch.decide(look);
  },
});

type Reported = Pick<WindowAssessmentReport, 'estimate' | 'baseline'>;
type FoundDrift = { readonly drifted: readonly string[]; readonly faults: readonly UpstreamFault[] };

/** What monitoring keeps from window to window. */
class DeploymentWatch {
  private readonly quarantined: EventStretch[] = [];
  private readonly drifts = new Map<number, FoundDrift>();
  private readonly served = new Map<number, ServedVersion>();
  private counted: CountedWindow[] = [];
  private memory: HarmMemory | null = null;
  private search: DriftSearch | null = null;
  private answered: AnsweredChange | null = null;
  /** Inputs of the last windows that are not in quarantine, the oldest first. */
  private earlier: { readonly fromMs: number; readonly features: readonly FeatureDrift[] }[] = [];
  /** The last window that closed and is not in quarantine. */
  private before: EventStretch | null = null;

  constructor(private readonly spec: ModelSpec) {}

  async decide(look: ReplayLook): Promise<PolicyDecision | null> {
    const { atMs, window, occasion, answered } = look;
    this.served.set(answered.number, answered);
    const report = occasion === 'closed' ? await this.close(look) : await this.count(look);
    const { version, ...seen } = windowEvidence({ atMs, window, closed: occasion === 'closed', report, drift: this.drifts.get(window.fromMs) ?? null }, this.pastOf(window));
    const decision = decideRetraining(retrainingFacts({ ...seen, ...this.standing(version, look) }, this.spec));
    const { outcome, reason, trigger, because } = decision;
    if (outcome === 'retrain') this.answered = answeredChange(decision.facts);
    if (outcome === 'quarantine') this.quarantined.push(window);
    else if (occasion === 'closed') this.before = window;
    return outcome === 'wait' && trigger === null ? null : { outcome, reason, trigger, because, without: [...this.quarantined] };
  }

  private standing(version: WindowEvidence['version'], { atMs, retrainsMs }: ReplayLook) {
    const retrains = retrainsMs.map((eventMs) => ({ eventMs, hours: 0 }));
    return { answered: this.answered, served: this.served.get(version ?? 0) ?? null, active: null, ...retrainEvidence(retrains, atMs) };
  }

  /** Looks at the inputs of a window, and at what the version's own confidence says of it. */
  private async close(look: ReplayLook): Promise<Reported> {
    const { window, answered: { figures } } = look;
    const { features, changes } = await look.drift(this.before);
    if (features.length > 0) {
      const earlier = this.earlier.filter(({ fromMs }) => !this.isQuarantined(fromMs)).slice(-EARLIER_WINDOWS);
      const { drifted, search } = findDrift(features, window, this.spec.monitoring.falseDiscoveries, this.search);
      this.search = search;
      this.drifts.set(window.fromMs, { drifted, faults: findWindowFaults(features, changes, this.spec.data.features, earlier) });
      this.earlier = [...earlier, { fromMs: window.fromMs, features }];
    }
    return { estimate: figures.confidence && estimateFigures(figures.confidence, await look.rows(), false), baseline: baselineOf(figures) };
  }

  /** Counts the labels of a window and goes on with the evidence of harm; one in quarantine adds none. */
  private async count(look: ReplayLook): Promise<Reported | null> {
    const { window, answered: { number: version, figures } } = look;
    if (this.isQuarantined(window.fromMs)) {
      this.counted.push({ ...window, rows: 0, labelled: 0, meanLoss: null, version: null, harm: null });
      return null;
    }
    const { outputs, labels, eventTimesMs } = await look.rows();
    const losses = rowLosses(figures.plan, outputs, labels);
    const course = losses && followHarm(this.memory, { ...window, figures, terms: labelledHarmTerms(this.spec.monitoring, deploymentShare(1)), losses, eventTimesMs, resolved: false });
    this.memory = course?.memory ?? this.memory;
    const { rows: labelled, mean } = sampleOf(losses ?? new Float64Array(0));
    this.counted.push({ ...window, rows: outputs.length, labelled, meanLoss: labelled === 0 ? null : mean, version, harm: course?.standing ?? null });
    return { estimate: null, baseline: baselineOf(figures) };
  }

  private isQuarantined(fromMs: number): boolean {
    return this.quarantined.some((window) => window.fromMs === fromMs);
  }

  private pastOf({ fromMs, untilMs }: EventStretch): readonly CountedWindow[] {
    this.counted = this.counted.filter((one) => one.fromMs >= fromMs - PAST_WINDOWS * (untilMs - fromMs));
    return this.counted;
  }
}

const baselineOf = ({ version, snapshot, rows, from, until, measurement, plan, losses }: ChampionFigures): WindowAssessmentReport['baseline'] =>
  ({ version, snapshot, rows, from, until, measurement, metric: plan.metric, meanLoss: losses?.sample.mean ?? null });
