import type { ModelSpec } from '../spec/model-spec.js';
import type { TensorSignature } from '../contracts/admitted-model.js';

/** The model's one input: float32 [N, F], F = the spec's features in their order. */
export const MODEL_INPUT = 'features';
/** The output that is judged and served: float32 [N, 2] (negative, positive), or float32 [N, 1] or [N]. */
export const MODEL_OUTPUT = { 'binary-classification': 'probabilities', regression: 'predictions' } as const satisfies Record<ModelSpec['task'], string>;
/** Classifiers may also give the class as int64. */
const EXTRA_OUTPUT = 'label';

/** Every way in which a graph's inputs and outputs differ from what the spec asks for. */
export function signatureFaults(
  spec: Pick<ModelSpec, 'task' | 'data'>, inputs: readonly TensorSignature[], outputs: readonly TensorSignature[],
): string[] {
  return [...inputFaults(spec.data.features.length, inputs), ...outputFaults(spec.task, outputs)];
}

function inputFaults(width: number, inputs: readonly TensorSignature[]): string[] {
  const due = `the spec asks for one input, ${MODEL_INPUT}: float32 [N, ${width}]`;
  const faults = inputs.filter(({ name }) => name !== MODEL_INPUT).map((input) => `input ${describe(input)} is not expected; ${due}`);
  const input = inputs.find(({ name }) => name === MODEL_INPUT);
  if (!input) return [...faults, `there is no input ${MODEL_INPUT}; ${due}`];
  if (input.kind !== 'tensor' || input.elementType !== 'float32') faults.push(`input ${describe(input)} has the wrong type; ${due}`);
  else if (input.shape?.length !== 2 || input.shape[1] !== width) faults.push(`input ${describe(input)} has the wrong shape; ${due}`);
  else if (input.shape[0] !== null) faults.push(`input ${describe(input)} takes exactly ${input.shape[0]} rows; export it with a free first dimension`);
  return faults;
}

function outputFaults(task: ModelSpec['task'], outputs: readonly TensorSignature[]): string[] {
  const wanted = MODEL_OUTPUT[task];
  const due = task === 'regression' ? `${wanted}: float32 [N, 1] or [N]` : `${wanted}: float32 [N, 2], columns negative and positive`;
  const faults: string[] = [];
  for (const output of outputs) {
    if (output.kind !== 'tensor') faults.push(`output ${describe(output)} is not a tensor; export with zipmap=False, or remove its last node and name the tensor before it`);
    else if (output.name !== wanted && !(task === 'binary-classification' && output.name === EXTRA_OUTPUT && output.elementType === 'int64')) {
      faults.push(`output ${describe(output)} is not expected; the spec asks for ${due}`);
    }
  }
  const output = outputs.find(({ name }) => name === wanted);
  if (!output) faults.push(`there is no output ${wanted}; the spec asks for ${due}`);
  else if (output.kind === 'tensor' && (output.elementType !== 'float32' || !fits(task, output.shape))) faults.push(`output ${describe(output)} is not ${due}`);
  return faults;
}

/** Converters often leave output dimensions open; what they really are is seen when the model first runs. */
function fits(task: ModelSpec['task'], shape: TensorSignature['shape']): boolean {
  if (shape === null) return true;
  const [rows, columns] = shape;
  if (rows !== null && rows !== undefined) return false;
  if (task === 'regression') return shape.length === 1 || (shape.length === 2 && (columns === 1 || columns === null));
  return shape.length === 2 && (columns === 2 || columns === null);
}

const describe = ({ name, kind, elementType, shape }: TensorSignature): string =>
  `${name}: ${kind === 'tensor' ? elementType : kind}${shape ? ` [${shape.map((size) => size ?? '?').join(', ')}]` : ''}`;
