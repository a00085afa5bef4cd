import { Injectable } from '@nestjs/common';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactStore } from '../src/artifacts/artifact-store.js';
import { fileDigest } from '../src/artifacts/file-digest.js';
import { type TarEntry, tarOf } from '../src/artifacts/tar-file.js';
import { canonicalJson, sha256 } from '../src/contracts/canonical.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { RetirementId } from '../src/contracts/retirements.js';
import { AuditLedger } from '../src/registry/audit-ledger.js';
import { AuditTreeRepository, type InclusionProof } from '../src/registry/audit-tree.repository.js';
import type { AuditEntry } from '../src/registry/entities/audit-entry.entity.js';
import { ModelEvidenceRepository } from '../src/registry/model-evidence.repository.js';
import { ActivitySettings } from './activity-settings.js';
import { ArchivedVersions } from './archived-versions.js';
import { StoreProvider } from './store-provider.js';

const ENTRIES_A_PAGE = 500;
export const MANIFEST = 'manifest.json';

/** What an archive holds. */
export interface ArchiveManifest extends RetirementId {
  readonly format: 'perennial-archive/1';
  readonly madeAt: string;
  /** `record/<table>.jsonl`, `audit/entries.jsonl`, `artifacts/<hexadecimal digits of the digest>`. */
  readonly files: readonly { readonly name: string; readonly digest: string; readonly bytes: number }[];
  /** Files that the record names, were in the store, and could not be read. Of archives that are made now none: they wait until all can be. */
  readonly missing: readonly string[];
}

export interface MadeArchive {
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
  readonly missing: readonly string[];
  readonly manifest: string;
}

/** Makes one file of all that there is of a model: its rows of the record, its audit entries with their proofs, model files and reports. Bulk data stays where it is, until it is due. */
@Injectable()
export class ModelArchive {
  private readonly store: ArtifactStore;

  constructor(
    private readonly evidence: ModelEvidenceRepository,
    private readonly ledger: AuditLedger,
    private readonly tree: AuditTreeRepository,
    private readonly settings: ActivitySettings,
    private readonly versions: ArchivedVersions,
    stores: StoreProvider,
  ) {
    this.store = stores.store;
  }

  /** @param beat is told how many files are ready @returns where files that belong into it are damaged or lost their digests alone, and no archive is made */
  async make({ model, number }: RetirementId, at: Date, signal: AbortSignal, beat: (progress: unknown) => void): Promise<MadeArchive | Pick<MadeArchive, 'missing'>> {
    const folder = await mkdtemp(join(this.settings.workDir, 'archive-'));
    try {
      const entries: (TarEntry & { readonly digest: string })[] = [];
      const add = (entry: TarEntry & { readonly digest: string }): void => {
        signal.throwIfAborted();
        beat({ files: entries.push(entry) });
      };
      for (const name of await this.writeRecord(model, folder)) add(await written(folder, name));
      await this.writeLedger(model, join(folder, 'audit/entries.jsonl'), signal);
      add(await written(folder, 'audit/entries.jsonl'));
      const [missing, required]: [string[], string[]] = [[], await this.versions.required(model)];
      for (const { digest, classes } of await this.evidence.files(model)) {
        if (!classes.some((one) => one === 'artifacts' || one === 'reports')) continue;
        const path = await this.kept(digest);
        // The record names digests of other things than files too.
        if (path === 'damaged' || (path === 'absent' && required.includes(digest))) missing.push(digest);
        else if (path !== 'absent') add({ name: `artifacts/${digest.slice('sha256:'.length)}`, from: path, bytes: (await stat(path)).size, digest });
      }
      if (missing.length > 0) return { missing };
      const manifest: ArchiveManifest = { format: 'perennial-archive/1', model, number, madeAt: at.toISOString(), files: entries.map(({ name, digest, bytes }) => ({ name, digest, bytes })), missing };
      const bytes = Buffer.from(canonicalJson(manifest));
      const made = await this.store.putStream(tarOf([{ name: MANIFEST, from: bytes, bytes: bytes.length }, ...entries]));
      return { ...made, files: entries.length, missing, manifest: sha256(bytes) };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** @returns the names of the files */
  private async writeRecord(model: string, folder: string): Promise<string[]> {
    const files = new Map<string, ReturnType<typeof createWriteStream>>();
    await mkdir(join(folder, 'record'), { recursive: true });
    for await (const { table, lines } of this.evidence.rows(model)) {
      const name = `record/${table}.jsonl`;
      const file = files.get(name) ?? createWriteStream(join(folder, name));
      files.set(name, file);
      if (lines.length > 0) await new Promise<void>((resolve, reject) => file.write(`${lines.join('\n')}\n`, (error) => (error ? reject(error) : resolve())));
    }
    await Promise.all([...files.values()].map((file) => new Promise<void>((resolve) => file.end(resolve))));
    return [...files.keys()];
  }

  /** Each entry with its proof under the newest checkpoint, where there is one. What people wrote is in it as a digest alone: it can still be erased. */
  private async writeLedger(model: string, path: string, signal: AbortSignal): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    const file = createWriteStream(path);
    for (let after = 0; ;) {
      const entries = await this.ledger.list(model, after, ENTRIES_A_PAGE);
      for (const entry of entries) {
        signal.throwIfAborted();
        file.write(`${JSON.stringify({ ...entryLine(entry), proof: await this.proofOf(entry.id) })}\n`);
      }
      if (entries.length < ENTRIES_A_PAGE) break;
      after = entries.at(-1)!.id;
    }
    await new Promise<void>((resolve, reject) => file.on('error', reject).end(resolve));
  }

  private async proofOf(entry: number): Promise<object | null> {
    try {
      const { leafHash, path, root, ...proof }: InclusionProof = await this.tree.proofOf(entry);
      return { ...proof, leafHash: leafHash.toString('base64'), root: root.toString('base64'), path: path.map((hash) => hash.toString('base64')) };
    } catch (error) {
      if (error instanceof PerennialError && error.type === 'NotFound') return null;
      throw error;
    }
  }

  private async kept(digest: string): Promise<string> {
    try {
      return await this.store.localPath(digest);
    } catch (error) {
      if (error instanceof PerennialError && error.type === 'ArtifactMissing') return 'absent';
      if (error instanceof PerennialError && error.type === 'ArtifactCorrupt') return 'damaged';
      throw error;
    }
  }
}

const entryLine = ({ details, at, ...entry }: AuditEntry): object => ({ ...entry, at: at.toISOString(), details: details.toString('utf8') });

async function written(folder: string, name: string): Promise<TarEntry & { readonly digest: string }> {
  const path = join(folder, name);
  return { name, from: path, bytes: (await stat(path)).size, digest: await fileDigest(path) };
}
