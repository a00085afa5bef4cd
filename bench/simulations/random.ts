/**
 * Seeded random numbers: xoshiro128** 1.1 (Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM
 * Transactions on Mathematical Software 2021), its state filled by the mixing function of MurmurHash3 over a Weyl sequence.
 */
export class Random {
  private readonly state = new Uint32Array(4);
  private spare: number | null = null;

  /** @param seed,stream whole numbers; each stream of a seed is a sequence of its own */
  constructor(seed: number, stream = 0) {
    let weyl = (Math.imul(seed, 0x85ebca6b) ^ mixed(stream + 0x9e3779b9)) >>> 0;
    for (let word = 0; word < 4; word++) this.state[word] = mixed((weyl = (weyl + 0x9e3779b9) >>> 0));
    if (this.state.every((word) => word === 0)) this.state[0] = 1;
  }

  /** Uniform on [0, 1), with 32 bits. */
  uniform(): number {
    const state = this.state;
    const [s0, s1, s2, s3] = [state[0]!, state[1]!, state[2]!, state[3]!];
    const result = Math.imul(rotated(Math.imul(s1, 5), 7), 9) >>> 0;
    state[2] = s2 ^ s0;
    state[3] = s3 ^ s1;
    state[1] = s1 ^ state[2];
    state[0] = s0 ^ state[3];
    state[2] ^= s1 << 9;
    state[3] = rotated(state[3], 11);
    return result / 0x1_0000_0000;
  }

  /** Standard normal, by Marsaglia's polar method. */
  normal(): number {
    if (this.spare !== null) {
      const value = this.spare;
      this.spare = null;
      return value;
    }
    for (;;) {
      const [x, y] = [2 * this.uniform() - 1, 2 * this.uniform() - 1];
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.spare = y * factor;
      return x * factor;
    }
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.uniform());
  }
}

const rotated = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

function mixed(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
