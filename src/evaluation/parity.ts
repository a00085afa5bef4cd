import { PerennialError } from '../contracts/failures.js';

/** How far a model's answer may lie from its trainer's: 1e-5, of the larger of 1 and the trainer's number. */
export const PARITY_TOLERANCE = 1e-5;

export interface ParityReport {
  readonly rows: number;
  readonly worstDifference: number;
}

/**
 * Holds the answers of the exported model against the trainer's own predictions for the same rows: another encoding, a
 * swapped column or a threshold that moved in the export shows here.
 * @throws PerennialError `ParityFailed` naming the worst row
 */
export function requireParity(ours: ArrayLike<number>, trainers: ArrayLike<number>, tolerance = PARITY_TOLERANCE): ParityReport {
  if (trainers.length === 0) throw new PerennialError('ParityFailed', 'The trainer gave no predictions to compare with; it must write those of the first rows', { rows: 0 });
  if (ours.length !== trainers.length) {
    throw new PerennialError('ParityFailed', `The trainer gave ${trainers.length} predictions and the model ${ours.length}; both must be of the same rows`, { ours: ours.length, trainers: trainers.length });
  }
  let [worst, worstRow, differing] = [-1, 0, 0];
  for (let row = 0; row < trainers.length; row++) {
    const difference = Math.abs(ours[row]! - trainers[row]!) / Math.max(1, Math.abs(trainers[row]!));
    const measured = Number.isNaN(difference) ? Infinity : difference;
    if (measured > tolerance) differing += 1;
    if (measured > worst) [worst, worstRow] = [measured, row];
  }
  if (differing === 0) return { rows: trainers.length, worstDifference: worst };
  const [model, trainer] = [ours[worstRow]!, trainers[worstRow]!];
  throw new PerennialError(
    'ParityFailed',
    `${differing} of ${trainers.length} predictions differ by more than ${tolerance}; the worst is row ${worstRow}: the model says ${model} and its trainer ${trainer}. Check the encoding of the features and that they were float32 when the model was trained`,
    { rows: trainers.length, differing, worst: { row: worstRow, model: String(model), trainer: String(trainer) }, tolerance },
  );
}
