import { PerennialError } from '../contracts/failures.js';
import type { AttributionFigures } from '../contracts/window-assessment-report.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import { type ObservedWindowQuery, withObservedWindow } from '../observations/observed-window.js';
import type { FeatureLosses } from './baseline-losses.js';
import type { ChampionFigures } from './champion-figures.js';
import { attributeLoss, type ComparedLosses } from './loss-attribution.js';
import { binnedValue, blocksOf, LossSums } from './loss-bins.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import { ROW_ORDER, type ServedRows } from './served-rows.js';

type ServedQuery = Omit<ObservedWindowQuery, 'version'>;

/**
 * Which features the rise of a window's mean loss over the baseline's goes with (loss-attribution.ts).
 * @param served rows of the same window and files (served-rows.ts) @param alpha the chance that any feature is named though nothing differs
 * @returns null where losses have no bound, no row has a loss and inputs, or the baseline's losses are not known by feature
 * @throws as {@link readServedLosses}
 */
export async function windowAttribution(
  query: ServedQuery, served: ServedLosses, { plan, featureLosses }: Pick<ChampionFigures, 'plan' | 'featureLosses'>, alpha: number,
): Promise<AttributionFigures | null> {
  if (plan.bound === null || !featureLosses || served.losses.every((loss) => Number.isNaN(loss))) return null;
  return attributeLoss(await readServedLosses(query, served, featureLosses, plan), { alpha, bound: plan.bound });
}

/** Losses of the rows of a window: NaN where there is no label or no output. */
export interface ServedLosses extends Pick<ServedRows, 'versions' | 'eventTimesMs'> {
  readonly losses: Float64Array;
}

/**
 * The losses of a window's rows in the bins of the baseline: of those that have one and whose inputs were kept. Inputs are read once, some rows at a time, in
 * the order of the served rows.
 * @param baseline its features @param served rows of the same window and files (served-rows.ts)
 * @returns those features whose inputs were kept; none where no inputs were
 * @throws PerennialError `DataNotFound`, `DataUnreadable`; `Internal` where the files hold other rows than the served ones
 */
export function readServedLosses(query: ServedQuery, served: ServedLosses, baseline: readonly FeatureLosses[], plan: MonitoringPlan): Promise<ComparedLosses[]> {
  const files = { ...query.files, labels: [] };
  return withObservedWindow({ ...query, files, version: null }, async (database, { relation, kept }) => {
    const known = baseline.filter(({ bins }) => kept?.includes(bins.name));
    if (known.length === 0) return [];
    const counting = new WindowLosses(served, known, plan);
    const values = known.map(({ bins }) => binnedValue(bins, `inputs.${quoteIdentifier(bins.name)}`));
    const select = `SELECT (inputs IS NOT NULL)::FLOAT, ${values.join(', ')} FROM ${relation} WHERE version = ${served.versions[0]!.version} ORDER BY ${ROW_ORDER}`;
    await database.visitColumns(select, ['FLOAT', ...known.map(() => 'FLOAT' as const)], ([inputs, ...columns]) => counting.add(inputs!, columns));
    return counting.compared();
  });
}

/** Adds up chunk by chunk. */
class WindowLosses {
  private readonly sums: readonly LossSums[];
  private at = 0;

  constructor(private readonly served: ServedLosses, private readonly baseline: readonly FeatureLosses[], plan: MonitoringPlan) {
    const known = served.losses.filter((loss) => !Number.isNaN(loss));
    const center = known.length === 0 ? 0 : known.reduce((sum, loss) => sum + loss, 0) / known.length;
    const blocks = blocksOf(served.eventTimesMs, plan);
    this.sums = baseline.map(({ bins }) => new LossSums(bins, blocks, center));
  }

  add(inputs: ArrayLike<number>, columns: readonly ArrayLike<number>[]): void {
    for (let row = 0; row < inputs.length; row++, this.at++) {
      const loss = this.served.losses[this.at];
      if (inputs[row] === 0 || loss === undefined || Number.isNaN(loss)) continue;
      for (let feature = 0; feature < columns.length; feature++) this.sums[feature]!.add(this.at, columns[feature]![row]!, loss);
    }
  }

  compared(): ComparedLosses[] {
    const { losses } = this.served;
    if (this.at !== losses.length) throw new PerennialError('Internal', `The window holds ${this.at} rows and not the ${losses.length} that were served`, { rows: this.at });
    return this.baseline.map((baseline, place) => ({ baseline, window: this.sums[place]!.losses() }));
  }
}
