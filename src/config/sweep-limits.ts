import type { SweepLimits } from '../contracts/inventory.js';
import type { Environment } from './environment.js';

/** How long a model may go without being looked at or asked. */
export const sweepLimits = ({ INVENTORY_UNMONITORED, INVENTORY_IDLE }: Environment): SweepLimits => ({ unmonitoredMs: INVENTORY_UNMONITORED, idleMs: INVENTORY_IDLE });
