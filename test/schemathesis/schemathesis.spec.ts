import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Installation } from '../installation.js';
import { liveModel } from '../lived-model.js';

/** Made by `npm test` from requirements.lock. */
const PROGRAM = resolve('var/schemathesis/bin/schemathesis');
/** `FUZZ_SEED=… npm test -- schemathesis` tries another one. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_130_301);
/** For each operation and phase: with two cores all of it takes two minutes. */
const EXAMPLES = 6;
const CHECKS = ['not_a_server_error', 'ignored_auth', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance', 'response_schema_conformance'];

let perennial: Installation;
let key: string;

beforeAll(async () => {
  perennial = await Installation.start();
  ({ key } = await liveModel(perennial));
}, 240_000);

afterAll(() => perennial?.stop());

interface Ended {
  readonly code: number;
  /** Without the key. */
  readonly said: string;
}

const schemathesis = (...args: string[]): Promise<Ended> => new Promise((settle) => {
  execFile(PROGRAM, ['--no-color', ...args], { cwd: perennial.folder, maxBuffer: 64 * 1024 ** 2 }, (error, stdout, stderr) =>
    settle({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, said: `${stdout}${stderr}`.replaceAll(key, '…') }));
});

it(`finds no answer that the API's document does not have, none of 5xx, and no route that ignores who calls (seed ${SEED})`, async () => {
  expect(existsSync(PROGRAM), 'var/schemathesis is made by `npm test`; run that once').toBe(true);
  process.stdout.write(`Schemathesis goes through the API with seed ${SEED}\n`);
  const { code, said } = await schemathesis(
    'run', `${perennial.instance.apiUrl}/openapi.json`, '--header', `Authorization: Bearer ${key}`, '--checks', CHECKS.join(), '--phases', 'examples,coverage,fuzzing', '--max-examples', String(EXAMPLES),
    '--seed', String(SEED), '--workers', '2', '--continue-on-failure', '--generation-database', 'none', '--request-timeout', '30', '--suppress-health-check', 'all', '--warnings', 'off',
  );
  process.stdout.write(`${said.split('\n').slice(-12).join('\n')}\n`);
  expect(code, said).toBe(0);
  // It went through all of it, and not through an empty document.
  const tested = Number(/Operations:\s+(\d+) selected/.exec(said)?.[1] ?? 0);
  expect(tested, said).toBeGreaterThan(75);
}, 600_000);
