import type { GuardRailsSpec } from '../spec/serving-section.js';

/** What a guard rail did to a row's answer; the codes of the observation log. */
export const GUARD = { none: 0, clamped: 1, abstained: 2, fallback: 3 } as const;
export type GuardCode = (typeof GUARD)[keyof typeof GUARD];

/** By code, as answers and metrics name them. */
export const GUARD_NAMES = ['none', 'clamped', 'abstained', 'fallback'] as const;

/** The smallest float32 above 0. */
const SMALLEST = 2 ** -149;

/** Answers after their guard rails. */
export interface GuardedOutputs {
  /** [rows] float32; NaN where the answer is withheld. */
  readonly outputs: Float32Array;
  /** [rows] of `GUARD` */
  readonly guards: Uint8Array;
  /** Rows whose answer was changed or withheld. */
  readonly used: number;
}

export interface GuardRails {
  /**
   * Applies the rails to each row by itself.
   * @param raw [rows] the probability of the positive class, or the prediction
   */
  apply(raw: Float32Array): GuardedOutputs;
}

/**
 * The guard rails of a spec. A bound that float32 cannot hold is rounded inwards, so that a clamped answer keeps it.
 * What is no number has no nearest bound: it becomes the fallback where there is one, and is withheld otherwise.
 */
export function guardRails({ min = -Infinity, max = Infinity, outOfBounds, abstainBelow, fallback }: GuardRailsSpec): GuardRails {
  const [low, high] = [inwards(min, 1), inwards(max, -1)];
  const instead = fallback === undefined ? NaN : Math.fround(fallback);
  const codeOf = (value: number): GuardCode => {
    if (value >= min && value <= max) return isConfident(value, abstainBelow) ? GUARD.none : GUARD.abstained;
    if (outOfBounds === 'abstain') return GUARD.abstained;
    if (outOfBounds === 'clamp' && !Number.isNaN(value)) return GUARD.clamped;
    return fallback === undefined ? GUARD.abstained : GUARD.fallback;
  };
  const valueOf = (code: GuardCode, value: number): number => {
    if (code === GUARD.none) return value;
    if (code === GUARD.clamped) return value < min ? low : high;
    return code === GUARD.fallback ? instead : NaN;
  };
  return {
    apply(raw) {
      const [outputs, guards] = [new Float32Array(raw.length), new Uint8Array(raw.length)];
      let used = 0;
      for (let row = 0; row < raw.length; row++) {
        const value = raw[row]!;
        const code = codeOf(value);
        guards[row] = code;
        outputs[row] = valueOf(code, value);
        if (code !== GUARD.none) used += 1;
      }
      return { outputs, guards, used };
    },
  };
}

/** The likelier class of a probability is at least so likely. */
const isConfident = (positive: number, least: number | undefined): boolean => least === undefined || Math.max(positive, 1 - positive) >= least;

/** The float32 nearest to a bound on the side that keeps it. @param direction 1 upwards, -1 downwards */
function inwards(bound: number, direction: 1 | -1): number {
  const near = Math.fround(bound);
  if (!Number.isFinite(bound) || (near - bound) * direction >= 0) return near;
  if (near === 0) return direction * SMALLEST;
  const next = new Float32Array([near]);
  const bits = new Int32Array(next.buffer);
  bits[0]! += (near > 0 ? 1 : -1) * direction;
  return next[0]!;
}
