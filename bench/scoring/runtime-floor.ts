import { InferenceSession, Tensor } from 'onnxruntime-node';

/** The floor: the runtime alone on batches that are already in memory; nothing is read and nothing measured of them. */
const [modelPath, threads, rows] = process.argv.slice(2) as [string, string, string];
const BATCH_ROWS = 8_192;
const FEATURES = 30;

const session = await InferenceSession.create(modelPath, { intraOpNumThreads: Number(threads), interOpNumThreads: 1, logSeverityLevel: 3 });
// A fixed low-discrepancy sequence, spread over the trees' branches.
const batch = Float32Array.from({ length: BATCH_ROWS * FEATURES }, (_, index) => ((index * 0.618_033_988_7) % 1) * 4 - 2);
const start = performance.now();
let done = 0;
while (done < Number(rows)) {
  const size = Math.min(BATCH_ROWS, Number(rows) - done);
  await session.run({ features: new Tensor('float32', batch.subarray(0, size * FEATURES), [size, FEATURES]) }, ['probabilities']);
  done += size;
}
process.stdout.write(`${JSON.stringify({ rows: done, scoreS: (performance.now() - start) / 1000, metricsS: 0, peakBytes: process.resourceUsage().maxRSS * 1024, metrics: {} })}\n`);
