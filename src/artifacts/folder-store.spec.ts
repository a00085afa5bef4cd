import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../contracts/canonical.js';
import { FolderStore } from './folder-store.js';

let folder: string;
let root: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-artifacts-'));
  root = join(folder, 'store');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('FolderStore', () => {
  it('keeps bytes and files by their digest, once', async () => {
    const store = new FolderStore(root);
    writeFileSync(join(folder, 'model.onnx'), 'the bytes');
    const [fromFile, fromBytes] = await Promise.all([store.putFile(join(folder, 'model.onnx')), store.putBytes('the bytes')]);
    expect(fromFile).toEqual({ digest: sha256('the bytes'), bytes: 9 });
    expect(fromBytes).toEqual(fromFile);
    expect(await new FolderStore(root).readBytes(fromFile.digest)).toEqual(Buffer.from('the bytes'));
    expect(readdirSync(join(root, 'incoming'))).toEqual([]);
  });

  it('names what is not there and what is no digest', async () => {
    const store = new FolderStore(root);
    await expect(store.localPath(sha256('nothing'))).rejects.toMatchObject({ type: 'ArtifactMissing' });
    await expect(store.localPath('sha256:../../etc/passwd')).rejects.toMatchObject({ type: 'ArtifactMissing' });
  });

  it('refuses an artifact whose bytes were changed', async () => {
    const { digest } = await new FolderStore(root).putBytes('as it was');
    const path = await new FolderStore(root).localPath(digest);
    chmodSync(path, 0o600);
    writeFileSync(path, 'tampered with');
    await expect(new FolderStore(root).localPath(digest)).rejects.toMatchObject({ type: 'ArtifactCorrupt', details: { digest } });
  });
});
