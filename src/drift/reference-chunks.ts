/** Rows brought together by their chunk; chunk c is rows starts[c] … starts[c + 1] − 1. */
export interface ChunkedRows {
  readonly predictions: Float64Array;
  readonly labels: Float64Array;
  readonly starts: Int32Array;
}

/**
 * Brings together by chunk the rows that `isUsable` accepts, chunks in order of their first usable row, rows in their order.
 * @param chunks any number a row: equal ones are one chunk
 * @throws RangeError where lengths differ
 */
export function chunkRows(
  predictions: ArrayLike<number>, labels: ArrayLike<number>, chunks: ArrayLike<number>, isUsable: (prediction: number, label: number) => boolean,
): ChunkedRows {
  if (predictions.length !== labels.length || predictions.length !== chunks.length) {
    throw new RangeError(`${predictions.length} predictions, ${labels.length} labels and ${chunks.length} chunks are not of the same rows`);
  }
  const { chunkOf, sizes } = numberChunks(predictions, labels, chunks, isUsable);
  const starts = new Int32Array(sizes.length + 1);
  for (let chunk = 0; chunk < sizes.length; chunk++) starts[chunk + 1] = starts[chunk]! + sizes[chunk]!;
  const rows = starts.at(-1)!;
  const gathered = { predictions: new Float64Array(rows), labels: new Float64Array(rows), starts };
  const next = starts.slice();
  for (let row = 0; row < chunkOf.length; row++) {
    const chunk = chunkOf[row]!;
    if (chunk === -1) continue;
    const place = next[chunk]!;
    next[chunk] = place + 1;
    gathered.predictions[place] = predictions[row]!;
    gathered.labels[place] = labels[row]!;
  }
  return gathered;
}

/** The number of each row's chunk, −1 for a row that is left out, and how many rows each chunk has. */
function numberChunks(
  predictions: ArrayLike<number>, labels: ArrayLike<number>, chunks: ArrayLike<number>, isUsable: (prediction: number, label: number) => boolean,
): { readonly chunkOf: Int32Array; readonly sizes: number[] } {
  const numbers = new Map<number, number>();
  const sizes: number[] = [];
  const chunkOf = new Int32Array(chunks.length).fill(-1);
  for (let row = 0; row < chunkOf.length; row++) {
    if (!isUsable(predictions[row]!, labels[row]!)) continue;
    const code = chunks[row]!;
    const number = numbers.get(code) ?? sizes.push(0) - 1;
    numbers.set(code, number);
    sizes[number]! += 1;
    chunkOf[row] = number;
  }
  return { chunkOf, sizes };
}

/** What `measure` says of each chunk. */
export function ofEachChunk<Measured>(
  { predictions, labels, starts }: ChunkedRows, measure: (predictions: Float64Array, labels: Float64Array) => Measured,
): Measured[] {
  return Array.from({ length: starts.length - 1 }, (_, chunk) => {
    const [from, to] = [starts[chunk]!, starts[chunk + 1]!];
    return measure(predictions.subarray(from, to), labels.subarray(from, to));
  });
}
