import { readFile } from 'node:fs/promises';
import { sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { InferenceSession, Tensor } from './onnx-runtime.js';
import { MODEL_INPUT, MODEL_OUTPUT } from './model-signature.js';

/** A model in ONNX Runtime that answers batches of encoded rows. */
export class OnnxSession {
  private constructor(
    private readonly session: InferenceSession,
    private readonly output: string,
    /** Values that the output has for a row: [negative, positive], or the number. */
    private readonly outputWidth: number,
    private readonly features: number,
  ) {}

  /**
   * Loads the bytes that have the digest.
   * @throws PerennialError `ArtifactCorrupt` for other bytes, `ModelRefused` when the runtime does not take them
   */
  static async load(path: string, digest: string, spec: Pick<ModelSpec, 'task' | 'data'>, threads: number): Promise<OnnxSession> {
    const bytes = await readFile(path);
    const actual = sha256(bytes);
    if (actual !== digest) throw new PerennialError('ArtifactCorrupt', `${path} holds other bytes (${actual}) than were admitted (${digest})`, { digest, actual });
    try {
      const session = await InferenceSession.create(bytes, {
        intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3,
        // Threads that spin between runs take the core from whoever reads the next rows.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
      return new OnnxSession(session, MODEL_OUTPUT[spec.task], spec.task === 'regression' ? 1 : 2, spec.data.features.length);
    } catch (error) {
      throw new PerennialError('ModelRefused', `ONNX Runtime does not load the model: ${messageOf(error)}`, { reasons: [messageOf(error)] });
    }
  }

  /**
   * Answers `rows` rows of float32 [rows, F], which are the whole of `encoded`.
   * Writes the probability of the positive class, or the predicted number, to `target` from `offset` on.
   * @throws PerennialError `ScoringFailed` when the run fails or the output has another type or size
   */
  async predict(encoded: Float32Array, rows: number, target: Float32Array, offset: number): Promise<void> {
    const input = new Tensor('float32', encoded, [rows, this.features]);
    const answer = await this.session.run({ [MODEL_INPUT]: input }, [this.output]).catch((error: unknown) => {
      throw new PerennialError('ScoringFailed', `The model failed on a batch of ${rows} rows: ${messageOf(error)}`, { rows });
    });
    const tensor = answer[this.output];
    const data = tensor?.data;
    if (!(data instanceof Float32Array) || data.length !== rows * this.outputWidth) {
      const shape = tensor ? `${tensor.type} [${tensor.dims.join(', ')}]` : 'nothing';
      throw new PerennialError('ScoringFailed', `For ${rows} rows the output ${this.output} is ${shape}; it must be float32 [${rows}, ${this.outputWidth}]`, { rows, shape });
    }
    const last = this.outputWidth - 1;
    for (let row = 0; row < rows; row++) target[offset + row] = data[row * this.outputWidth + last]!;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
