/**
 * A classification tree for labels 0 and 1, small and fast enough to be trained again hundreds of times in a simulation.
 * Source: Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, 1984 (Gini impurity); splits are looked for among
 * quantiles of each feature only, taken from some two thousand rows. A leaf's score is its share of ones by Laplace's rule, (ones + 1) / (rows + 2).
 */
export interface LabelledRows {
  readonly width: number;
  /** Row by row, `width` numbers each. */
  readonly features: Float64Array;
  readonly labels: Float64Array;
}

export interface TreeOptions {
  readonly depth: number;
  /** Of each feature, for the search of a split. At most 256. */
  readonly bins: number;
  /** The fewest rows of a leaf. */
  readonly leafRows: number;
}

export const TREE_DEFAULTS: TreeOptions = { depth: 6, bins: 64, leafRows: 10 };

const QUANTILE_ROWS = 2_000;

/** Nodes, the root first. A row goes right where its feature is above the threshold; a missing one (NaN) goes left. */
export interface Tree {
  /** −1: a leaf. */
  readonly feature: number[];
  readonly threshold: number[];
  readonly left: number[];
  readonly right: number[];
  readonly score: number[];
}

interface Binned extends LabelledRows {
  readonly options: TreeOptions;
  /** Of each feature, ascending and distinct: a value's bin is the number of edges below it. */
  readonly edges: readonly Float64Array[];
  /** Of each row and feature, in the features' order. */
  readonly bins: Uint8Array;
  /** Rows by node: each node has a stretch of it. */
  readonly order: Int32Array;
}

interface Split {
  readonly feature: number;
  readonly edge: number;
}

/**
 * @param rows indices of the rows to learn from; the others are not looked at. Of none, the score is ½ everywhere; a constant feature
 * is never split
 */
export function trainTree(data: LabelledRows, rows: Int32Array, options: TreeOptions = TREE_DEFAULTS): Tree {
  const edges = Array.from({ length: data.width }, (_, feature) => edgesOf(data, rows, feature, options.bins));
  const binned = { ...data, options, edges, bins: binsOf(data, rows, edges), order: rows.slice() };
  const tree: Tree = { feature: [], threshold: [], left: [], right: [], score: [] };
  grow(tree, binned, 0, rows.length, options.depth);
  return tree;
}

/** The chance of label 1, in (0, 1), of the row whose features begin at `offset`. */
export function treeScore(tree: Tree, features: Float64Array, offset = 0): number {
  let node = 0;
  while (tree.feature[node]! >= 0) node = features[offset + tree.feature[node]!]! > tree.threshold[node]! ? tree.right[node]! : tree.left[node]!;
  return tree.score[node]!;
}

/** Brier loss of a row, in [0, 1]. */
export const brierLoss = (score: number, label: number): number => (score - label) ** 2;

function edgesOf(data: LabelledRows, rows: Int32Array, feature: number, bins: number): Float64Array {
  const values = sampledValues(data, rows, feature).sort();
  const edges: number[] = [];
  for (let bin = 1; bin < bins; bin++) {
    const edge = values[Math.ceil((values.length * bin) / bins) - 1];
    // Nothing lies above the greatest value.
    if (edge !== undefined && edge !== edges.at(-1) && edge < values.at(-1)!) edges.push(edge);
  }
  return Float64Array.from(edges);
}

/** Values of a feature, evenly from all of the rows; missing ones are left out. */
function sampledValues({ features, width }: LabelledRows, rows: Int32Array, feature: number): Float64Array {
  const every = Math.max(1, Math.floor(rows.length / QUANTILE_ROWS));
  const values = new Float64Array(Math.ceil(rows.length / every));
  let known = 0;
  for (let place = 0; place < rows.length; place += every) {
    const value = features[rows[place]! * width + feature]!;
    if (!Number.isNaN(value)) values[known++] = value;
  }
  return values.subarray(0, known);
}

function binsOf({ features, width }: LabelledRows, rows: Int32Array, edges: readonly Float64Array[]): Uint8Array {
  const bins = new Uint8Array(features.length);
  for (const row of rows) {
    for (let feature = 0; feature < width; feature++) bins[row * width + feature] = edgesBelow(edges[feature]!, features[row * width + feature]!);
  }
  return bins;
}

/** How many of the ascending edges lie below the value; 0 for NaN. */
export function edgesBelow(edges: Float64Array, value: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value > edges[middle]!) low = middle + 1;
    else high = middle;
  }
  return low;
}

function grow(tree: Tree, binned: Binned, from: number, until: number, depth: number): number {
  const node = tree.score.length;
  const ones = onesOf(binned, from, until);
  tree.feature.push(-1);
  tree.threshold.push(0);
  tree.left.push(-1);
  tree.right.push(-1);
  tree.score.push((ones + 1) / (until - from + 2));
  const split = depth > 0 && ones > 0 && ones < until - from ? bestSplit(binned, from, until, ones) : null;
  if (!split) return node;
  const middle = divide(binned, split, from, until);
  tree.feature[node] = split.feature;
  tree.threshold[node] = binned.edges[split.feature]![split.edge]!;
  tree.left[node] = grow(tree, binned, from, middle, depth - 1);
  tree.right[node] = grow(tree, binned, middle, until, depth - 1);
  return node;
}

function onesOf({ order, labels }: Binned, from: number, until: number): number {
  let ones = 0;
  for (let place = from; place < until; place++) ones += labels[order[place]!]!;
  return ones;
}

/** The split that lowers the Gini impurity most, null where none does. */
function bestSplit(binned: Binned, from: number, until: number, ones: number): Split | null {
  const rows = until - from;
  // Gini's impurity of both sides falls as Σ ones² / rows rises. Without a split it is this, and more than rounding must be gained.
  let [best, highest] = [null as Split | null, purity(ones, rows) + 1e-9 * rows];
  for (let feature = 0; feature < binned.width; feature++) {
    const { counts, positives } = histogram(binned, feature, from, until);
    let [left, leftOnes] = [0, 0];
    for (let edge = 0; edge < binned.edges[feature]!.length; edge++) {
      left += counts[edge]!;
      leftOnes += positives[edge]!;
      if (left < binned.options.leafRows || rows - left < binned.options.leafRows) continue;
      const pure = purity(leftOnes, left) + purity(ones - leftOnes, rows - left);
      if (pure > highest) [best, highest] = [{ feature, edge }, pure];
    }
  }
  return best;
}

const purity = (ones: number, rows: number): number => (ones * ones) / rows;

function histogram({ bins, edges, labels, order, width }: Binned, feature: number, from: number, until: number) {
  const [counts, positives] = [new Int32Array(edges[feature]!.length + 1), new Int32Array(edges[feature]!.length + 1)];
  for (let place = from; place < until; place++) {
    const row = order[place]!;
    const bin = bins[row * width + feature]!;
    counts[bin]! += 1;
    positives[bin]! += labels[row]!;
  }
  return { counts, positives };
}

/** Puts the left side's rows first. @returns where the right side begins */
function divide({ bins, order, width }: Binned, { feature, edge }: Split, from: number, until: number): number {
  let middle = from;
  for (let place = from; place < until; place++) {
    const row = order[place]!;
    if (bins[row * width + feature]! > edge) continue;
    order[place] = order[middle]!;
    order[middle++] = row;
  }
  return middle;
}
