/**
 * Permutations from a seed, the same as NumPy's `RandomState(seed).permutation`, so that splits drawn here are the ones that
 * scikit-learn draws. The generator is the Mersenne Twister MT19937 (Matsumoto & Nishimura 1998), seeded by its `init_genrand`;
 * not for secrets.
 */
export interface SeededDraws {
  /** 0 … n−1 in random order. */
  permutation(n: number): Int32Array;
  /** Takes the draws of a permutation of n without making it. */
  skipPermutation(n: number): void;
}

const STATE = 624;
const SHIFT = 397;

/** @param seed an integer from 0 to 2³² − 1 */
export function seededDraws(seed: number): SeededDraws {
  const state = seededState(seed);
  let position = STATE;
  const next = (): number => {
    if (position === STATE) {
      regenerate(state);
      position = 0;
    }
    return temper(state[position++]!);
  };
  /** Uniform on 0 … most, by rejection under the smallest mask that covers it. */
  const upTo = (most: number): number => {
    const mask = 0xffffffff >>> Math.clz32(most);
    let value = next() & mask;
    while (value > most) value = next() & mask;
    return value;
  };
  return {
    permutation(n) {
      const order = new Int32Array(n);
      for (let index = 0; index < n; index++) order[index] = index;
      for (let index = n - 1; index > 0; index--) {
        const other = upTo(index);
        const kept = order[index]!;
        order[index] = order[other]!;
        order[other] = kept;
      }
      return order;
    },
    skipPermutation(n) {
      for (let index = n - 1; index > 0; index--) upTo(index);
    },
  };
}

function seededState(seed: number): Uint32Array {
  const state = new Uint32Array(STATE);
  state[0] = seed;
  for (let index = 1; index < STATE; index++) {
    const previous = state[index - 1]!;
    state[index] = Math.imul(1812433253, previous ^ (previous >>> 30)) + index;
  }
  return state;
}

/** The recurrence, in place for all 624 words. */
function regenerate(state: Uint32Array): void {
  for (let index = 0; index < STATE; index++) {
    const mixed = (state[index]! & 0x80000000) | (state[(index + 1) % STATE]! & 0x7fffffff);
    state[index] = state[(index + SHIFT) % STATE]! ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
  }
}

function temper(word: number): number {
  let mixed = word ^ (word >>> 11);
  mixed ^= (mixed << 7) & 0x9d2c5680;
  mixed ^= (mixed << 15) & 0xefc60000;
  return (mixed ^ (mixed >>> 18)) >>> 0;
}
