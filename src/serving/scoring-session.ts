import * as onnx from '../evaluation/onnx-runtime.js';
import { PerennialError } from '../contracts/failures.js';
import { datatypeOfRuntime } from './datatypes.js';
import type { OutputSignature } from './model-signature.js';
import { type SessionTrial, trySession } from './session-trial.js';

/** An output of a run; its first dimension are the rows. */
export interface OutputTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<unknown>;
}

/** A model in memory, ready to score. */
export interface ScoringSession {
  readonly outputs: readonly OutputSignature[];
  readonly trial: SessionTrial;
  /** @throws PerennialError `InferenceFailed` */
  run(features: Float32Array, rows: number): Promise<readonly OutputTensor[]>;
  release(): Promise<void>;
}

const INPUT = 'features';
/** What the runtime itself says of a failed run quotes values of its rows, which need not be kept; the failure is told as an error. */
const FATAL_ONLY = 4;
/** The first runs of a session allocate; both a single row and a batch are tried, so that a fixed batch size shows. */
const WARM_UP_ROWS = [1, 3, 1, 1];

/**
 * Loads a model's file and warms it.
 * @param width F, the columns of its input `features`
 * @throws PerennialError `ModelRefused` when the runtime cannot load it or it is not of the agreed form
 */
export async function openSession(path: string, width: number): Promise<ScoringSession> {
  const session = await create(path);
  try {
    checkInput(session, width);
    const outputs = readOutputs(session);
    const runner = { run: runOf(session, outputs) };
    for (const rows of WARM_UP_ROWS) await warm(runner, rows, width);
    return { ...runner, outputs, trial: await trySession(runner, width), release: () => session.release() };
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function create(path: string): Promise<onnx.InferenceSession> {
  try {
    // More threads cost latency at the tail: each would spin while the others work.
    return await onnx.InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: FATAL_ONLY });
  } catch (error) {
    throw new PerennialError('ModelRefused', `ONNX Runtime cannot load the model: ${messageOf(error)}`, {}, { cause: error });
  }
}

function checkInput(session: onnx.InferenceSession, width: number): void {
  const [input, ...others] = session.inputMetadata;
  const fits = input?.isTensor && others.length === 0 && input.name === INPUT && input.type === 'float32'
    && input.shape.length === 2 && typeof input.shape[0] === 'string' && (typeof input.shape[1] === 'string' || input.shape[1] === width);
  if (!fits) throw refused(`its only input must be \`${INPUT}\`, float32 [rows, ${width}] with a free number of rows`);
}

function readOutputs(session: onnx.InferenceSession): OutputSignature[] {
  return session.outputMetadata.map((output) => {
    const datatype = output.isTensor ? datatypeOfRuntime(output.type) : undefined;
    if (!output.isTensor || !datatype) throw refused(`its output \`${output.name}\` is not a tensor that an answer can carry; export it without ZipMap`);
    return { name: output.name, datatype, shape: output.shape.map((length, axis) => (axis > 0 && typeof length === 'number' ? length : -1)) };
  });
}

async function warm(session: Pick<ScoringSession, 'run'>, rows: number, width: number): Promise<void> {
  for (const { name, shape } of await session.run(new Float32Array(rows * width), rows)) {
    if (shape[0] !== rows) throw refused(`its output \`${name}\` has the shape [${shape.join(', ')}] for ${rows} row${rows === 1 ? '' : 's'}`);
  }
}

const runOf = (session: onnx.InferenceSession, outputs: readonly OutputSignature[]): ScoringSession['run'] => async (features, rows) => {
  const input = new onnx.Tensor('float32', features, [rows, features.length / rows]);
  try {
    const results = await session.run({ [INPUT]: input });
    return outputs.map(({ name }) => outputTensor(name, results[name] as onnx.Tensor));
  } catch (error) {
    throw new PerennialError('InferenceFailed', `The model could not score the rows: ${withoutValues(messageOf(error))}`);
  }
};

const outputTensor = (name: string, tensor: onnx.Tensor): OutputTensor => ({ name, shape: tensor.dims, data: tensor.data });

const refused = (why: string): PerennialError => new PerennialError('ModelRefused', `The model cannot serve: ${why}`);
/** Which node failed, without the status that quotes what it was given. */
const withoutValues = (message: string): string => message.split(' Status Message:', 1)[0]!;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);
