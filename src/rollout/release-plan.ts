import type { ReleasePlan } from '../contracts/releases.js';
import { durationMs } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { planOfSpec } from './comparison-plan.js';

/** What a release is bound to when it leaves the queue. */
export interface ReleaseBinding {
  readonly number: number;
  readonly deployment: string;
  readonly version: number;
  readonly specDigest: string;
  readonly champion: number;
  readonly epoch: number;
}

/** The rollout section of a spec as a plan, with every default written out. */
export function releasePlan(spec: ModelSpec, { number, deployment, version, specDigest, champion, epoch }: ReleaseBinding): ReleasePlan {
  const { shadow, canary, watch, outcomes, guards, checkEvery } = spec.rollout;
  return {
    planVersion: 1, model: spec.model, number, deployment, version, champion, epoch, specDigest, task: spec.task,
    checkEveryMs: ms(checkEvery), labelHorizonMs: ms(spec.data.labelHorizon),
    shadow: { minimumTimeMs: ms(shadow.minimumTime), maximumTimeMs: ms(shadow.maximumTime), minimumSamples: shadow.minimumSamples },
    canary: { steps: canary.steps, minimumTimeMs: ms(canary.minimumTime), minimumSamples: canary.minimumSamples },
    watch: { timeMs: ms(watch.time) },
    comparison: planOfSpec(spec), outcomes, guards,
  };
}

/** The spec's schema lets nothing else pass. */
const ms = (text: string): number => durationMs(text) as number;
