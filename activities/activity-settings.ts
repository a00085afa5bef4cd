import type { SweepLimits } from '../src/contracts/inventory.js';

/** What activities need to know of the machine that they run on. */
export class ActivitySettings {
  /** Below it lie the data sources that specs name. */
  readonly dataDir!: string;
  /** Scratch space; each attempt has a folder of its own below it. */
  readonly workDir!: string;
  readonly trainersDir!: string;
  readonly trainerPython!: string;
  /** GPUs that trainers may use; undefined: all that are found. */
  readonly gpuDevices!: readonly string[] | undefined;
  /** PATH that trainers get. */
  readonly searchPath!: string;
  readonly heartbeatTimeoutMs!: number;
  /** Rows of a window beyond which its drift is measured in parts of at most so many. */
  readonly driftPartRows!: number;
  /** How long a model may go without being looked at or asked. */
  readonly sweepLimits!: SweepLimits;
  /** Who works, in leases: host and process. */
  readonly identity!: string;
}
