import type { RoutingTable } from './routing-table.js';
import type { ServingTallies } from './serving-tallies.js';

const SHORTEST_MS = 5_000;

/**
 * The share of its capacity that the gateway uses: Σ rows answered ÷ (seconds × rows a second of the version's champion),
 * since the last look that was at least five seconds ago. 1 would be a thread that does nothing but score.
 */
export function throughputRatio(table: Pick<RoutingTable, 'deployments'>, tallies: ServingTallies, clock: () => number = () => performance.now()): () => number {
  let before = { atMs: clock(), rows: new Map<string, number>() };
  let ratio = 0;
  return () => {
    const atMs = clock();
    if (atMs - before.atMs < SHORTEST_MS) return ratio;
    const rows = new Map(tallies.all().map((tally) => [`${tally.model}/${tally.deployment}/${tally.version}`, tally.rows]));
    const busySeconds = table.deployments().reduce((sum, { model, deployment, champion }) => {
      if (!champion?.rowsPerSecond) return sum;
      const key = `${model}/${deployment}/${champion.version}`;
      return sum + ((rows.get(key) ?? 0) - (before.rows.get(key) ?? 0)) / champion.rowsPerSecond;
    }, 0);
    ratio = (busySeconds * 1_000) / (atMs - before.atMs);
    before = { atMs, rows };
    return ratio;
  };
}
