import { PerennialError } from '../contracts/failures.js';
import { MODEL_OUTPUT } from '../evaluation/model-signature.js';
import type { ModelSpec } from '../spec/model-spec.js';
import type { OutputTensor } from './scoring-session.js';

/**
 * The one number of each row that is logged, guarded and compared: the probability of the positive class, or the prediction.
 * @param outputs of a run of `rows` rows: `probabilities` float32 [rows, 2], or `predictions` float32 [rows, 1] or [rows]
 * @returns float32 [rows]
 * @throws PerennialError `InferenceFailed` when the output is not there or of another type or size
 */
export function rowOutputs(outputs: readonly OutputTensor[], task: ModelSpec['task'], rows: number): Float32Array {
  const name = MODEL_OUTPUT[task];
  const width = task === 'regression' ? 1 : 2;
  const output = outputs.find((candidate) => candidate.name === name);
  const data = output?.data;
  if (!(data instanceof Float32Array) || output?.shape[0] !== rows || data.length !== rows * width) {
    const found = output ? `${data instanceof Float32Array ? 'float32' : 'of another type than float32'}, [${output.shape.join(', ')}]` : 'not there';
    throw new PerennialError('InferenceFailed', `For ${rows} rows the output \`${name}\` is ${found}; it must be float32 [${rows}, ${width}]`);
  }
  if (width === 1) return data;
  const values = new Float32Array(rows);
  for (let row = 0; row < rows; row++) values[row] = data[row * width + width - 1]!;
  return values;
}
