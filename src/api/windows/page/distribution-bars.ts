import type { DriftBins, FeatureDrift } from '../../../contracts/feature-drift.js';
import { digitsApart, valueText } from './figures.js';

/** A bin or a category: its rows on both sides, as shares of the rows that have a value. */
export interface DistributionBar {
  readonly label: string;
  /** `user`: the label is a category's text, to be shown as such. */
  readonly kind: 'bin' | 'user' | 'rest';
  /** A category that the baseline has not. */
  readonly isNew: boolean;
  /** Null where that side has no value at all. */
  readonly baseline: number | null;
  readonly window: number | null;
}

/** Categories that are drawn apart; the others are drawn together. */
export const DRAWN_CATEGORIES = 12;
/** Characters that the room for labels has. */
const BIN_LABEL = 22;

/**
 * What a distribution is drawn from. Numbers: the bins in their order. Categories: those with the largest share on either side, then all others
 * as one. @returns empty where neither side has a value
 */
export function distributionBars({ bins }: Pick<FeatureDrift, 'bins'>): DistributionBar[] {
  const totals = { baseline: sum(bins.baseline), window: sum(bins.window) };
  if (totals.baseline + totals.window === 0) return [];
  const sideOf = (rows: number, total: number): number | null => (total === 0 ? null : rows / total);
  const bar = (label: string, kind: DistributionBar['kind'], places: readonly number[]): DistributionBar => ({
    label, kind, isNew: kind === 'user' && places.every((place) => bins.baseline[place] === 0),
    baseline: sideOf(sum(places.map((place) => bins.baseline[place] ?? 0)), totals.baseline),
    window: sideOf(sum(places.map((place) => bins.window[place] ?? 0)), totals.window),
  });
  if (bins.categories === null) return binLabels(bins.edges ?? []).map((label, bin) => bar(label, 'bin', [bin]));
  const order = byShare(bins, totals);
  const rest = order.slice(DRAWN_CATEGORIES);
  const drawn = order.slice(0, DRAWN_CATEGORIES).map((place) => bar(bins.categories?.[place] ?? '', 'user', [place]));
  return rest.length === 0 ? drawn : [...drawn, bar(`${rest.length.toLocaleString('en-US')} others`, 'rest', rest)];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Places of the categories by their greater share, those of the same in the order of the report. */
function byShare({ baseline, window }: DriftBins, totals: { readonly baseline: number; readonly window: number }): number[] {
  const shares = Float64Array.from(baseline, (rows, place) => Math.max(rows / (totals.baseline || 1), (window[place] ?? 0) / (totals.window || 1)));
  return [...shares.keys()].sort((one, other) => (shares[other] ?? 0) - (shares[one] ?? 0));
}

/** A bin ends before its edge. Where both ends have no room, the lower one alone says it. */
function binLabels(edges: readonly number[]): string[] {
  const digits = digitsApart(edges);
  const texts = edges.map((edge) => valueText(edge, digits));
  const [least, greatest] = [texts[0], texts.at(-1)];
  if (least === undefined || greatest === undefined) return ['all values'];
  const inner = texts.slice(1).map((until, index) => {
    const label = `${texts[index] ?? ''} to ${until}`;
    return label.length > BIN_LABEL ? `from ${texts[index] ?? ''}` : label;
  });
  const last = `${greatest} and above`;
  return [`below ${least}`, ...inner, last.length > BIN_LABEL - 2 ? `from ${greatest}` : last];
}
