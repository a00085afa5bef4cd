import { DriftMeter } from '../../src/drift/drift-meter.js';
import { FEATURES, type Figures, type Measured, timed } from './comparisons.js';

/**
 * Ours: `node measure-drift.js <reference> <current> <scratch> <warm reference> <warm current>`. A worker has measured windows before: the warm ones are measured
 * first. Then, as the floor scans twice, the window itself is measured twice: the first time its memory is new.
 */
const [reference, current, scratch, warmReference, warmCurrent] = process.argv.slice(2) as [string, string, string, string, string];
const meter = new DriftMeter();
const measure = (baseline: string, window: string) => meter.measure({ baseline: [baseline], window: [window], features: FEATURES, scratch });

const first = await timed(() => measure(warmReference, warmCurrent));
for (let turn = 0; turn < 4; turn++) await measure(warmReference, warmCurrent);
const fresh = await timed(() => measure(reference, current));
const { seconds, value } = await timed(() => measure(reference, current));
const figures = value.map(({ name, psi, jensenShannon, ks, chiSquared, wasserstein }): [string, Figures] => {
  const { statistic, pValue } = (ks ?? chiSquared)!;
  return [name, { psi, jensenShannon, statistic, pValue, ...(wasserstein && { wasserstein: wasserstein.distance }) }];
});
console.log(JSON.stringify({ seconds, rows: value[0]!.window.rows, firstSeconds: first.seconds, freshSeconds: fresh.seconds, figures: Object.fromEntries(figures) } satisfies Measured));
