import { ThreadChannel } from './thread-channel.js';
import type { RowBatch } from './row-batch.js';
import type { ScoringJob } from './scoring-job.js';

/** What a thread that runs the model is told at its start. */
export interface ModelOrder {
  readonly job: ScoringJob;
  /** Threads of the runtime for one run. */
  readonly threads: number;
}

/** Rows to answer: float32 [batchRows, F], of which the first `rows` hold. */
export type ModelQuestion = Pick<RowBatch, 'rows' | 'features'>;

export interface ModelAnswer {
  /** As they were sent. */
  readonly features: Float32Array;
  /** float32 [rows] */
  readonly predictions: Float32Array;
}

export type ModelMessage = { readonly kind: 'ready' } | ({ readonly kind: 'answer' } & ModelAnswer);

/** A model loaded in a thread of its own: a run blocks its thread. */
export class ModelThread {
  private readonly channel: ThreadChannel<ModelMessage>;

  /** Starts to load at once; what goes wrong is thrown by `ready`. */
  constructor(order: ModelOrder) {
    this.channel = new ThreadChannel(new URL('./model-running-thread', import.meta.url), order);
  }

  /** To be asked for once, before `predict`. @throws PerennialError as OnnxSession.load, and `ScoringFailed` from the probe */
  async ready(): Promise<void> {
    await this.channel.next();
  }

  /** One question at a time. Takes the features away and gives them back. @throws PerennialError as OnnxSession.predict */
  async predict({ rows, features }: ModelQuestion): Promise<ModelAnswer> {
    const question: ModelQuestion = { rows, features };
    this.channel.post(question, [features.buffer as ArrayBuffer]);
    return (await this.channel.next()) as ModelAnswer & ModelMessage;
  }
}
