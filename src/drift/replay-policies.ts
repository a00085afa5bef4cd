import { isoTime } from '../contracts/time.js';
import { rowLosses, sampleOf, windowLossDeviation } from './champion-figures.js';
import { calendarMonth, CUSUM_DEFAULTS, pageSum, PSI_LIMIT, shiftedFeatures } from './counterfactual-triggers.js';
import type { PolicyDecision, ReplayLook, ReplayPolicy } from './policy-replay.js';

/**
 * The policies that one's own is held against, by the triggers of counterfactual-triggers.ts. Unlike there a retrain of theirs has its effect: on the
 * version in service, and on the baseline that it brings. They keep the cooldown of the spec, which a wish outlives, and know no quarantine.
 */

export const neverRetrain: ReplayPolicy<'never'> = { name: 'never', start: () => () => Promise.resolve(null) };

/** At the first window that ends in a later calendar month (UTC) than the last retrain's data. */
export const retrainMonthly = (cooldownMs: number): ReplayPolicy<'monthly'> => ({
  name: 'monthly',
  start: () => async (look) => {
    const lastMs = look.retrainsMs[0]!;
    if (look.occasion !== 'closed' || calendarMonth(look.atMs) <= calendarMonth(lastMs) || isCooling(look, cooldownMs)) return null;
    return retrainFor('monthly', `A month has begun after the last retrain, which looked at data until ${isoTime(lastMs)}.`);
  },
});

/** Where the PSI of a feature of a closed window, against the baseline of the version in service, is above the limit. */
export const retrainOnStability = (cooldownMs: number): ReplayPolicy<'psi'> => ({
  name: 'psi',
  start: () => async (look) => {
    if (look.occasion !== 'closed' || isCooling(look, cooldownMs)) return null;
    const { features } = await look.drift(null);
    const shifted = shiftedFeatures(features);
    return shifted.length === 0 ? null : retrainFor('psi', `The PSI of ${shifted.join(', ')} is above ${PSI_LIMIT}.`);
  },
});

/** Where Page's test finds that the mean losses of a version's windows have risen above that of its baseline. Each version has a sum of its own. */
export const retrainOnCusum = (cooldownMs: number): ReplayPolicy<'cusum'> => ({
  name: 'cusum',
  start: () => {
    let [version, sum] = [0, 0];
    return async (look) => {
      const { answered: { number, figures } } = look;
      const deviation = windowLossDeviation(figures, look.window);
      if (look.occasion !== 'matured' || !figures.losses || deviation === null) return null;
      if (number !== version) [version, sum] = [number, 0];
      sum = pageSum(sum, await meanLoss(look), { mean: figures.losses.sample.mean, deviation, ...CUSUM_DEFAULTS });
      if (sum <= CUSUM_DEFAULTS.threshold || isCooling(look, cooldownMs)) return null;
      const because = `The sum of Page's test is ${Number(sum.toPrecision(3))}, above ${CUSUM_DEFAULTS.threshold}.`;
      sum = 0;
      return retrainFor('cusum', because);
    };
  },
});

const isCooling = ({ atMs, retrainsMs }: ReplayLook, cooldownMs: number): boolean => atMs < retrainsMs[0]! + cooldownMs;

/** Of the rows whose label is known; null without any. */
async function meanLoss(look: ReplayLook): Promise<number | null> {
  const { outputs, labels } = await look.rows();
  const sample = sampleOf(rowLosses(look.answered.figures.plan, outputs, labels) ?? new Float64Array(0));
  return sample.rows === 0 ? null : sample.mean;
}

const retrainFor = (trigger: string, because: string): PolicyDecision => ({ outcome: 'retrain', reason: null, trigger, because, without: [] });
