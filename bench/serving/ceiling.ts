import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from '../../src/evaluation/onnx-runtime.js';

/** What one thread could do at most: parse, tensor, run, stringify; no HTTP, no checks, no log. `<model> <body> <seconds>`. */
const [modelPath, bodyPath, seconds] = process.argv.slice(2) as [string, string, string];
const body = readFileSync(bodyPath, 'utf8');
const session = await InferenceSession.create(modelPath, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 });

async function answer(): Promise<string> {
  const { data, shape } = (JSON.parse(body) as { inputs: [{ data: number[]; shape: number[] }] }).inputs[0];
  const outputs = await session.run({ features: new Tensor('float32', Float32Array.from(data), shape) });
  return JSON.stringify({
    model_name: 'bench', model_version: '1',
    outputs: Object.entries(outputs).map(([name, tensor]) => ({ name, shape: tensor.dims, datatype: tensor.type === 'float32' ? 'FP32' : 'INT64', data: Array.from(tensor.data as ArrayLike<number | bigint>, Number) })),
  });
}

async function requestsIn(ms: number): Promise<number> {
  const start = performance.now();
  let requests = 0;
  for (; performance.now() - start < ms; requests++) await answer();
  return (requests * 1_000) / (performance.now() - start);
}

await requestsIn(500);
console.log(JSON.stringify({ perSecond: await requestsIn(Number(seconds) * 1_000) }));
