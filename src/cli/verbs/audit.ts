import { createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AuditListAnswer, CheckpointAnswer, ErasureAnswer, ProofAnswer, ReconciliationAnswer, SinkListAnswer } from '../../api/audit/audit.dto.js';
import { PerennialError } from '../../contracts/failures.js';
import { type Checkpoint, openCheckpoint } from '../../ledger/checkpoint.js';
import { type LedgerReport, LedgerVerifier, linesOf } from '../../ledger/ledger-verifier.js';
import { isIncluded, leafHash } from '../../ledger/merkle-tree.js';
import { jsonBody } from '../api-client.js';
import { moment } from '../numbers.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { plain, styled } from '../terminal.js';

export interface AuditListOptions {
  readonly after: number;
  readonly limit: number;
}

export interface AuditProofOptions {
  readonly size?: number;
  /** File of the public key. */
  readonly key?: string;
}

export interface AuditVerifyOptions {
  readonly export: string;
  readonly checkpoint: readonly string[];
  readonly key: string;
}

/** `perennial audit list <model>` */
export async function auditList(session: Session, model: string, { after, limit }: AuditListOptions): Promise<ExitCode> {
  const list = await session.api.get<AuditListAnswer>(`/v1/models/${encodeURIComponent(model)}/audit?after=${after}&limit=${limit}`);
  const columns = [{ title: 'Entry', align: 'right' }, { title: 'When' }, { title: 'Who' }, { title: 'What' }, { title: 'On' }, { title: 'Why' }] as const;
  session.show(list, () => table(session.terminal, columns, list.items.map(({ id, at, actor, action, subject, texts }) =>
    [String(id), moment(at), actor, action, subject, texts.map(({ text, erasedAt }) => text ?? `(erased ${moment(erasedAt ?? '')})`).join('; ')]), `The ledger has no entry of ${model} after ${after}`));
  return EXIT.done;
}

/** `perennial audit export`: the file is there once it is whole. */
export async function auditExport(session: Session, { out, size }: { readonly out: string; readonly size?: number }): Promise<ExitCode> {
  const incoming = `${out}.new`;
  try {
    await pipeline(Readable.from(session.api.stream(`/v1/audit/export${size === undefined ? '' : `?size=${size}`}`)), createWriteStream(incoming));
    await rename(incoming, out);
  } catch (error) {
    await rm(incoming, { force: true });
    throw withFile(error, out, 'cannot be written; name a file with --out');
  }
  session.show({ file: out }, () => `The ledger is in ${plain(out)}\n`);
  return EXIT.done;
}

/** `perennial audit checkpoint` */
export async function auditCheckpoint(session: Session, { out }: { readonly out?: string }): Promise<ExitCode> {
  const checkpoint = await session.api.get<CheckpointAnswer>('/v1/audit/checkpoint');
  if (out !== undefined) await writeFile(out, checkpoint.note).catch((error: unknown) => { throw withFile(error, out, 'cannot be written; name a file with --out'); });
  session.show(checkpoint, () => (out === undefined ? checkpoint.note : `The checkpoint over ${checkpoint.size} entries is in ${plain(out)}\n`));
  return EXIT.done;
}

/** `perennial audit erase <entry>` */
export async function auditErase(session: Session, entry: number, request: { readonly reason: string; readonly field?: string }): Promise<ExitCode> {
  const body = await session.api.command<ErasureAnswer>(`/v1/audit/entries/${entry}/erase`, jsonBody(request));
  session.show(body, () => {
    if (body.erased.length === 0) return `What was written beside entry ${entry} had been erased before\n`;
    const fields = body.erased.map((one) => `${one.field} of entry ${one.entry}`).join(', ');
    return `Erased ${plain(fields)}, and ${body.copies} ${body.copies === 1 ? 'copy' : 'copies'} beside the ledger. Backups, exports and histories of before still have it.\n`;
  });
  return EXIT.done;
}

/** `perennial audit sinks`: failed where one of them does not take checkpoints. */
export async function auditSinks(session: Session): Promise<ExitCode> {
  const list = await session.api.get<SinkListAnswer>('/v1/audit/sinks');
  const columns = [{ title: 'Sink' }, { title: 'Entries', align: 'right' }, { title: 'Delivered' }, { title: 'Behind', align: 'right' }, { title: 'Since' }, { title: 'Why' }] as const;
  session.show(list, () => table(session.terminal, columns, list.items.map(({ sink, size, deliveredAt, behind, behindSince, reason }) =>
    [sink, String(size), deliveredAt === null ? 'never' : moment(deliveredAt), String(behind), behindSince === null ? '' : moment(behindSince), reason ?? '']), 'Checkpoints go to the folder alone; CHECKPOINT_S3 and CHECKPOINT_WEBHOOK_URL name places outside'));
  return list.items.some(({ failingSince }) => failingSince !== null) ? EXIT.failed : EXIT.done;
}

/** `perennial audit reconcile`: failed is whatever one of the two knows and the other does not. */
export async function auditReconcile(session: Session): Promise<ExitCode> {
  const found = await session.api.get<ReconciliationAnswer>('/v1/audit/reconciliation');
  session.show(found, () => reconciliationOf(session, found));
  return found.differences === 0 ? EXIT.done : EXIT.failed;
}

function reconciliationOf({ terminal }: Session, { number, since, until, endedAt, entries, runs, commands, differences, listed }: ReconciliationAnswer): string {
  const more = differences - listed.length;
  const head = facts(terminal, [
    ['reconciliation', `${number}, of ${moment(endedAt)}`],
    ['compared', `what happened from ${moment(since)} to ${moment(until)}`],
    ['looked at', `${entries} runs that entries name, ${runs} runs that leave entries, ${commands} commands that workflows were sent`],
    ['ledger and Temporal', differences === 0 ? styled(terminal, 'green', 'know the same') : styled(terminal, 'red', `${differences} ${differences === 1 ? 'difference' : 'differences'}`)],
  ]);
  const lines = [...listed.map(({ says, firstSeen }) => (firstSeen === number ? says : `${says} (known since reconciliation ${firstSeen})`)), ...(more > 0 ? [`and ${more} more`] : [])];
  return `${head}${lines.map((line) => `${styled(terminal, 'red', '✗')} ${plain(line)}\n`).join('')}`;
}

/** `perennial audit proof <entry>`: asked of the service, checked here. */
export async function auditProof(session: Session, entry: number, { size, key }: AuditProofOptions): Promise<ExitCode> {
  const publicKey = key === undefined ? undefined : await readKey(key);
  const proof = await session.api.get<ProofAnswer>(`/v1/audit/entries/${entry}/proof${size === undefined ? '' : `?size=${size}`}`);
  const fault = faultOf(proof, publicKey);
  const shown = { ...proof, holds: fault === null, fault };
  session.show(shown, () => facts(session.terminal, [
    ['entry', `${proof.entry}, at position ${proof.position}`],
    ['tree', `${proof.size} entries, root ${proof.root}`],
    ['leaf', proof.leaf],
    ['proof', fault === null ? styled(session.terminal, 'green', publicKey ? 'holds, under a genuine checkpoint' : 'holds; with --key the checkpoint is checked as well') : styled(session.terminal, 'red', fault)],
  ]));
  return fault === null ? EXIT.done : EXIT.failed;
}

function faultOf({ leaf, leafHash: kept, position, size, root, path, checkpoint }: ProofAnswer, key: KeyObject | undefined): string | null {
  const hash = leafHash(Buffer.from(leaf));
  if (hash.toString('base64') !== kept) return 'The entry is not what the tree has of it: one of them was changed';
  if (!isIncluded({ leaf: hash, position, size, root: Buffer.from(root, 'base64') }, path.map((sibling) => Buffer.from(sibling, 'base64')))) return 'The path does not lead from the entry to the root';
  if (!key) return null;
  if (checkpoint === null) return `No checkpoint was signed over ${size} entries; ask without --size`;
  const signed = openCheckpoint(checkpoint, key);
  return signed.size === size && signed.root.toString('base64') === root ? null : 'The checkpoint is over another root';
}

/** `perennial audit verify`: needs no service and no database. Failed is whatever is not as it was signed. */
export async function auditVerify(session: Session, options: AuditVerifyOptions): Promise<ExitCode> {
  const key = await readKey(options.key);
  const verifier = new LedgerVerifier(await Promise.all(options.checkpoint.map((file) => readCheckpoint(file, key))));
  try {
    for await (const line of linesOf(createReadStream(options.export))) verifier.take(line);
  } catch (error) {
    throw withFile(error, options.export, 'cannot be read; name an export with --export');
  }
  const report = verifier.finish();
  session.show(report, () => verdictOf(session, report));
  return report.genuine ? EXIT.done : EXIT.failed;
}

function verdictOf({ terminal }: Session, report: LedgerReport): string {
  const { genuine, entries, covered, erasedTexts, checkpoints, faults, moreFaults } = report;
  const newer = Math.max(0, entries - covered);
  const head = facts(terminal, [
    ['ledger', genuine ? styled(terminal, 'green', 'is what was signed') : styled(terminal, 'red', 'is not what was signed')],
    ['entries', `${entries}; ${covered} under a checkpoint that fits${newer > 0 ? `, ${newer} that no such checkpoint vouches for` : ''}`],
    ['erased', erasedTexts > 0 ? `${erasedTexts} ${erasedTexts === 1 ? 'text' : 'texts'} of people` : null],
    ...checkpoints.map(({ size, at, root }) => ['checkpoint', `${size} entries, signed ${moment(at)}: ${ROOTS[root]}`] as const),
  ]);
  const more = moreFaults > 0 ? [`and ${moreFaults} more`] : [];
  return `${head}${[...faults.map(({ message }) => message), ...more].map((line) => `${styled(terminal, 'red', '✗')} ${plain(line)}\n`).join('')}`;
}

const ROOTS = { fits: 'the root fits', departs: 'another root', unknown: 'cannot be computed, because entries are missing' } as const;

async function readCheckpoint(file: string, key: KeyObject): Promise<Checkpoint> {
  try {
    return openCheckpoint(await readFile(file, 'utf8'), key);
  } catch (error) {
    if (error instanceof PerennialError) throw new PerennialError(error.type, `${file}: ${error.message}`, error.details);
    throw withFile(error, file, 'cannot be read; name a checkpoint with --checkpoint');
  }
}

async function readKey(file: string): Promise<KeyObject> {
  const pem = await readFile(file, 'utf8').catch((error: unknown) => { throw withFile(error, file, 'cannot be read; name the public key of the ledger with --key'); });
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Told below.
  }
  throw ProblemError.of('InvalidRequest', `${file} holds no public key of Ed25519 in PEM; it lies beside the checkpoints as public-key-….pem`, file);
}

/** Faults of the file system name their file and what to do; others stay as they are. */
function withFile(error: unknown, file: string, what: string): unknown {
  const { code, syscall } = error as { code?: string; syscall?: string };
  return syscall === undefined ? error : ProblemError.of('InvalidRequest', `${file} ${what} (${code ?? 'unknown'})`, file);
}
