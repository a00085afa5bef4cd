const DAY_MS = 24 * 60 * 60 * 1000;
const FEWEST_BLOCKS = 20;

/**
 * Cuts rows into blocks of event time. Rows of one day share their weather, their traffic and their incidents, so
 * treating them as independent makes intervals too narrow; between days far less is shared. A block is a UTC day. In a
 * window of fewer than twenty days it is a twentieth of the window, because a cluster-robust variance that is made of a
 * few clusters is itself too uncertain (Cameron & Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference", VI).
 * @param eventTimesMs milliseconds since 1970-01-01 UTC, in any order
 * @returns the block of each row, numbered 0, 1, 2 … from the earliest; some may hold no row
 */
export function timeBlocks(eventTimesMs: Float64Array): Int32Array {
  let first = Infinity;
  let last = -Infinity;
  for (const time of eventTimesMs) {
    if (time < first) first = time;
    if (time > last) last = time;
  }
  const span = last - first + 1;
  const days = span >= FEWEST_BLOCKS * DAY_MS;
  const lengthMs = days ? DAY_MS : Math.max(1, span / FEWEST_BLOCKS);
  const origin = days ? Math.floor(first / DAY_MS) * DAY_MS : first;
  const blocks = new Int32Array(eventTimesMs.length);
  for (let row = 0; row < blocks.length; row++) blocks[row] = Math.floor((eventTimesMs[row]! - origin) / lengthMs);
  return blocks;
}
