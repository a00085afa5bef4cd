import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

/** `name==version` of every locked package, with the lines that follow it. */
async function packages(lock: string): Promise<{ pin: string; hashes: number }[]> {
  const text = await readFile(lock, 'utf8');
  return text
    .split(/\n(?=\S)/)
    .filter((entry) => entry.trim() !== '')
    .map((entry) => ({ pin: entry.split(/[ \\;]/, 1)[0] ?? '', hashes: entry.match(/--hash=sha256:[0-9a-f]{64}/g)?.length ?? 0 }));
}

describe.each(['requirements', 'requirements-cuda'])("the trainers' %s", (name) => {
  it('are locked by version and hash, each of them', async () => {
    const locked = await packages(`trainers/${name}.lock`);
    expect(locked.length).toBeGreaterThan(5);
    for (const { pin, hashes } of locked) {
      expect(pin).toMatch(/^[a-z0-9-]+==[0-9][0-9.]*$/);
      expect(hashes).toBeGreaterThan(0);
    }
  });

  it('name no registry', async () => {
    expect(await readFile(`trainers/${name}.lock`, 'utf8')).not.toMatch(/:\/\/|--(extra-)?index-url|--find-links/);
  });

  it('hold everything that was asked for', async () => {
    const asked = (await readFile(`trainers/${name}.in`, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const locked = (await packages(`trainers/${name}.lock`)).map(({ pin }) => pin);
    for (const line of asked) {
      const wanted = line.split(';')[0] as string;
      expect(locked.filter((pin) => pin === wanted || pin.startsWith(`${wanted}==`))).not.toEqual([]);
    }
  });
});
