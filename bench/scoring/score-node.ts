import { dirname } from 'node:path';
import { admitModel } from '../../src/evaluation/onnx-admission.js';
import { measure } from '../../src/evaluation/metrics.js';
import { scoreParquet } from '../../src/evaluation/scoring.js';
import { benchSpec } from './bench-spec.js';

/** Ours, as a retrain does it: admitted, scored in a process of its own, metrics with intervals. */
const [rowsPath, modelPath, threads] = process.argv.slice(2) as [string, string, string];

const start = performance.now();
const { digest } = await admitModel(modelPath, benchSpec);
const scored = await scoreParquet({
  modelPath, modelDigest: digest, parquetPath: rowsPath, spec: benchSpec, asOf: '2014-01-01T00:00:00Z', threads: Number(threads), workDir: dirname(rowsPath),
});
const afterScoring = performance.now();
const { metrics } = measure(scored, { alpha: benchSpec.evaluation.alpha, threshold: benchSpec.evaluation.threshold });
const end = performance.now();
process.stdout.write(
  `${JSON.stringify({
    rows: scored.predictions.length,
    scoreS: (afterScoring - start) / 1000,
    metricsS: (end - afterScoring) / 1000,
    // Both processes' peaks together, though they do not fall on the same moment.
    peakBytes: process.resourceUsage().maxRSS * 1024 + scored.peakRssBytes,
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value])),
  })}\n`,
);
