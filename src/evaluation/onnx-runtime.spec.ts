import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { logisticParts, model } from './tiny-onnx.js';

/** Loads and runs a model in a process of its own. @returns what of ONNX Runtime lies below its home afterwards */
function leftAtHome(runtime: string): string[] {
  const home = mkdtempSync(join(tmpdir(), 'perennial-home-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  writeFileSync(join(home, 'model.onnx'), model(logisticParts([1, 2, 3])));
  const program = `
    import { InferenceSession, Tensor } from ${JSON.stringify(runtime)};
    const session = await InferenceSession.create(${JSON.stringify(join(home, 'model.onnx'))});
    await session.run({ features: new Tensor('float32', Float32Array.of(1, 2, 3), [1, 3]) });
    await session.release();`;
  const loader = new URL('./typescript-source.mjs', import.meta.url).href;
  // Without CI in the environment, where it keeps silent by itself.
  const { status, stderr } = spawnSync(process.execPath, ['--import', loader, '--input-type=module', '-e', program], {
    env: { PATH: process.env.PATH, HOME: home }, encoding: 'utf8', cwd: join(import.meta.dirname, '..', '..'),
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return readdirSync(home, { recursive: true }).map(String).filter((name) => /onnxruntime|microsoft/i.test(name));
}

it('leaves nothing behind that a report could be made of, as the bare runtime does', () => {
  expect(leftAtHome(new URL('./onnx-runtime.ts', import.meta.url).href)).toEqual([]);
  if (process.platform === 'linux') expect(leftAtHome('onnxruntime-node')).not.toEqual([]);
});
