import { mkdir, rm, symlink, truncate, writeFile, appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DataFolder, failureOf, HOURLY_ROWS } from './data-fixture.js';
import { findSourceFiles, hashSourceFile, missingSources, refuseChangedFiles } from './source-files.js';

let folder: DataFolder;
const names = async (pattern: string): Promise<string[]> => (await findSourceFiles(folder.dataDir, pattern)).map(({ name }) => name);

beforeEach(async () => {
  folder = await DataFolder.make();
  for (const name of ['b.csv', 'a.csv', 'x1/p.parquet', 'x1/deep/q.parquet', 'x2/p.parquet', '.hidden.csv', 'odd [1]*.csv']) {
    await mkdir(join(folder.path(name), '..'), { recursive: true });
    await writeFile(folder.path(name), name);
  }
  return () => folder.remove();
});

describe('findSourceFiles', () => {
  it.each([
    ['a.csv', ['a.csv']],
    ['?.csv', ['a.csv', 'b.csv']],
    ['*.csv', ['a.csv', 'b.csv', 'odd [1]*.csv']],
    ['.hid*', ['.hidden.csv']],
    ['odd [1]*.csv', ['odd [1]*.csv']],
    ['x*/p.parquet', ['x1/p.parquet', 'x2/p.parquet']],
    ['**/*.parquet', ['x1/deep/q.parquet', 'x1/p.parquet', 'x2/p.parquet']],
    ['x1/**', ['x1/deep/q.parquet', 'x1/p.parquet']],
  ])('%s names %j', async (pattern, expected) => {
    expect(await names(pattern)).toEqual(expected);
  });

  it.each(['nothing.csv', 'x1', 'x?/*.csv', 'a.csv/*'])('%s names no file', async (pattern) => {
    expect((await failureOf(names(pattern))).type).toBe('DataNotFound');
  });

  it.each(['../a.csv', 'x1/../../a.csv', '/etc/passwd', 'x1//p.parquet', './a.csv', 'x1\\p.parquet', 'a\0.csv'])('refuses %j', async (pattern) => {
    expect((await failureOf(names(pattern))).type).toBe('InvalidRequest');
  });

  it('refuses a link out of the folder, to a file or through a folder, and follows one inside', async () => {
    await writeFile(join(folder.root, 'secret.csv'), 'secret');
    await symlink(join(folder.root, 'secret.csv'), folder.path('link.csv'));
    await symlink(folder.root, folder.path('out'));
    await symlink('a.csv', folder.path('inside.csv'));
    for (const pattern of ['link.csv', 'out/secret.csv']) {
      const failure = await failureOf(names(pattern));
      expect([failure.type, failure.message]).toEqual(['DataNotFound', expect.stringContaining('leads out of the data folder')]);
    }
    expect(await names('inside.csv')).toEqual(['inside.csv']);
  });

  it('takes a pattern of many stars without trying every way', async () => {
    await writeFile(folder.path(`${'a'.repeat(200)}.csv`), '');
    expect((await failureOf(names(`${'*a'.repeat(60)}*b`))).type).toBe('DataNotFound');
  });

  it('says that the folder itself is missing', async () => {
    await rm(folder.dataDir, { recursive: true });
    expect((await failureOf(names('a.csv'))).message).toContain('DATA_DIR');
  });
});

describe('missingSources', () => {
  it('names each path that no file matches, and nothing where all of them have files', async () => {
    expect(await missingSources(folder.dataDir, ['a.csv', 'x*/p.parquet'])).toEqual([]);
    expect(await missingSources(folder.dataDir, ['a.csv', 'weather/*.csv', 'x3/*.parquet'])).toEqual(['weather/*.csv', 'x3/*.parquet']);
  });

  it('does not know of a path that cannot be looked for, unless another lacks its files', async () => {
    expect(await missingSources(folder.dataDir, ['a.csv', '../a.csv'])).toBeNull();
    expect(await missingSources(folder.dataDir, ['../a.csv', 'none.csv'])).toEqual(['none.csv']);
  });
});

describe('hashSourceFile', () => {
  const hash = async (name: string) => hashSourceFile((await findSourceFiles(folder.dataDir, name))[0]!, name.endsWith('.csv') ? 'csv' : 'parquet');

  it('is SHA-256 of the bytes', async () => {
    await writeFile(folder.path('abc.csv'), 'abc');
    expect(await hash('abc.csv')).toMatchObject({ name: 'abc.csv', bytes: 3, digest: 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' });
  });

  it('names a Parquet file that was cut off, or is none', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    await truncate(folder.path('rows.parquet'), 500);
    expect(await failureOf(hash('rows.parquet'))).toMatchObject({ type: 'DataUnreadable', message: expect.stringContaining('rows.parquet is a Parquet file that was cut off after 500 bytes') });
    expect(await failureOf(hash('x1/p.parquet'))).toMatchObject({ type: 'DataUnreadable', message: expect.stringContaining('is no Parquet file') });
  });

  it('stops when told to', async () => {
    const [file] = await findSourceFiles(folder.dataDir, 'a.csv');
    const reason = new Error('enough');
    await expect(hashSourceFile(file!, 'csv', AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('tells when a file was written meanwhile', async () => {
    const file = await hash('a.csv');
    await refuseChangedFiles([file]);
    await appendFile(file.path, 'more');
    expect((await failureOf(refuseChangedFiles([file]))).message).toContain('a.csv changed while it was being read');
  });
});
