import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../src/cli/cli.js';
import { RecordedTerminal } from '../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../src/config/environment.js';
import type { LedgerReport } from '../src/ledger/ledger-verifier.js';
import { eventually, type Installation } from './installation.js';

const folderOf = (perennial: Installation): string => join(perennial.environment.STATE_DIR, 'checkpoints');

async function cli(perennial: Installation, args: readonly string[]): Promise<string> {
  const terminal = new RecordedTerminal({ columns: 160 });
  await runCli([...args], readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR }), 'main.js', terminal);
  return terminal.stdout;
}

/** Keeps the newest checkpoint where nothing of the installation writes. @returns its file */
export async function keepCheckpoint(perennial: Installation, name: string): Promise<string> {
  const kept = join(perennial.folder, `${name}.checkpoint`);
  await eventually(async () => (readdirSync(folderOf(perennial)).includes('latest') ? true : undefined), () => 'a checkpoint');
  copyFileSync(join(folderOf(perennial), 'latest'), kept);
  return kept;
}

/** Exports the ledger once all of it is in its tree, and holds it against checkpoints: the newest, and those that were kept. */
export async function verifyLedger(perennial: Installation, name: string, checkpoints: readonly string[] = []): Promise<LedgerReport> {
  await eventually(async () => ((await perennial.registry.query<unknown[]>('SELECT FROM audit_pending LIMIT 1')).length === 0 ? true : undefined), () => 'the tree to take all entries');
  const [folder, file] = [folderOf(perennial), join(perennial.environment.STATE_DIR, `${name}.ndjson`)];
  const publicKey = await eventually(async () => readdirSync(folder).find((one) => one.startsWith('public-key-')), () => 'a checkpoint');
  await cli(perennial, ['audit', 'export', '--out', file]);
  const said = await cli(perennial, ['audit', 'verify', '--export', file, '--checkpoint', join(folder, 'latest'), ...checkpoints, '--key', join(folder, publicKey), '--json']);
  return JSON.parse(said) as LedgerReport;
}
