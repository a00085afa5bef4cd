import { InferenceSession, Tensor } from '../../src/evaluation/onnx-runtime.js';

/** The floor: the runtime alone on batches that are already in memory; nothing is read and nothing measured of them. */
const [modelPath, threads, rows] = process.argv.slice(2) as [string, string, string];
const BATCH_ROWS = 8_192;
const FEATURES = 30;

const session = await InferenceSession.create(modelPath, { intraOpNumThreads: Number(threads), interOpNumThreads: 1, logSeverityLevel: 3 });
/** Normal numbers as prepare.py draws them, many batches of them: a batch that repeats is predicted by the processor. */
let state = 1;
const uniform = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
const batches = Array.from({ length: 32 }, () => Float32Array.from({ length: BATCH_ROWS * FEATURES }, normal));

const start = performance.now();
let done = 0;
while (done < Number(rows)) {
  const size = Math.min(BATCH_ROWS, Number(rows) - done);
  await session.run({ features: new Tensor('float32', batches[(done / BATCH_ROWS) % batches.length]!.subarray(0, size * FEATURES), [size, FEATURES]) }, ['probabilities']);
  done += size;
}
process.stdout.write(`${JSON.stringify({ rows: done, scoreS: (performance.now() - start) / 1000, metricsS: 0, peakBytes: process.resourceUsage().maxRSS * 1024, metrics: {} })}\n`);
