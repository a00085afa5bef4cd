import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TarEntry, tarOf, unpackTar } from './tar-file.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-tar-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function packed(entries: readonly TarEntry[]): Promise<string> {
  const path = join(folder, 'a.tar');
  await pipeline(Readable.from(tarOf(entries), { objectMode: false }), createWriteStream(path));
  return path;
}

const LARGE = Buffer.from(Array.from({ length: 1_200_000 }, (_, index) => index % 251));
const ENTRIES = (): TarEntry[] => {
  writeFileSync(join(folder, 'large'), LARGE);
  return [{ name: 'manifest.json', from: Buffer.from('{}'), bytes: 2 }, { name: 'deep/er/large', from: join(folder, 'large'), bytes: LARGE.length }, { name: 'empty', from: Buffer.alloc(0), bytes: 0 }];
};

it('comes back as it went in, from ours and from any tar', async () => {
  const path = await packed(ENTRIES());
  expect(await unpackTar(path, join(folder, 'ours'))).toEqual(['manifest.json', 'deep/er/large', 'empty']);
  execFileSync('mkdir', [join(folder, 'theirs')]);
  execFileSync('tar', ['xf', path, '-C', join(folder, 'theirs')]);
  for (const place of ['ours', 'theirs']) {
    expect(readFileSync(join(folder, place, 'deep/er/large')).equals(LARGE)).toBe(true);
    expect(readFileSync(join(folder, place, 'manifest.json'), 'utf8')).toBe('{}');
    expect(readFileSync(join(folder, place, 'empty'))).toHaveLength(0);
  }
});

it('is refused where it was cut off, changed, or leads out of its folder', async () => {
  const path = await packed(ENTRIES());
  const bytes = readFileSync(path);
  bytes[0]! ^= 1;
  writeFileSync(join(folder, 'changed.tar'), bytes);
  await expect(unpackTar(join(folder, 'changed.tar'), join(folder, 'b'))).rejects.toMatchObject({ type: 'ArtifactCorrupt', message: expect.stringContaining('corrupted') as string });
  truncateSync(path, 400_000);
  await expect(unpackTar(path, join(folder, 'c'))).rejects.toMatchObject({ type: 'ArtifactCorrupt', message: expect.stringContaining('Unexpected end of data') as string });
  execFileSync('ln', ['-s', '/etc/hostname', join(folder, 'link')]);
  execFileSync('tar', ['cf', join(folder, 'link.tar'), '-C', folder, 'link']);
  await expect(unpackTar(join(folder, 'link.tar'), join(folder, 'e'))).rejects.toMatchObject({ message: expect.stringContaining('"link" is no plain file') as string });
  await expect(unpackTar(await packed([{ name: '../out', from: Buffer.from('x'), bytes: 1 }]), join(folder, 'd'))).rejects.toMatchObject({ message: expect.stringContaining('outside') as string });
});

it('takes a name of any length, and is not made of a file that has other bytes than were said', async () => {
  const name = `${'n'.repeat(150)}/${'ü'.repeat(40)}`;
  const path = await packed([{ name, from: Buffer.from('x'), bytes: 1 }]);
  expect(await unpackTar(path, join(folder, 'long'))).toEqual([name]);
  expect(execFileSync('tar', ['tf', path, '--quoting-style=literal'], { encoding: 'utf8' })).toBe(`${name}\n`);
  await expect(packed([{ ...ENTRIES()[1]!, bytes: 5 }])).rejects.toThrow('Size mismatch');
});
