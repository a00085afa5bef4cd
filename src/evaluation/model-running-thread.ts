import { parentPort, workerData } from 'node:worker_threads';
import type { ModelMessage, ModelOrder, ModelQuestion } from './model-thread.js';
import { OnnxSession } from './onnx-session.js';
import { threadFailure } from './thread-channel.js';

/** Runs as a thread of the scoring process: loads the model, says that it is ready, and answers batch after batch. */
const port = parentPort!;
const { job, threads } = workerData as ModelOrder;
const width = job.spec.data.features.length;

/** Asks for one row and for three, so that a model with a fixed or wrong batch size shows. */
async function probe(session: OnnxSession): Promise<void> {
  for (const rows of [1, 3]) await session.predict(new Float32Array(rows * width), rows, new Float32Array(rows), 0);
}

async function load(): Promise<OnnxSession> {
  const session = await OnnxSession.load(job.modelPath, job.modelDigest, job.spec, threads);
  if (job.work.select.kind === 'first') await probe(session);
  return session;
}

async function answer(session: OnnxSession, { rows, features }: ModelQuestion): Promise<void> {
  const predictions = new Float32Array(rows);
  await session.predict(features.subarray(0, rows * width), rows, predictions, 0);
  const message: ModelMessage = { kind: 'answer', features, predictions };
  port.postMessage(message, [features.buffer as ArrayBuffer, predictions.buffer]);
}

const fail = (error: unknown): void => port.postMessage(threadFailure(error));

void load().then((session) => {
  port.on('message', (question: ModelQuestion) => void answer(session, question).catch(fail));
  const message: ModelMessage = { kind: 'ready' };
  port.postMessage(message);
}, fail);
