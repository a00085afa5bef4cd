import { sha256 } from '../contracts/canonical.js';
import type { Checkpoint } from './checkpoint.js';
import { type ExportedText, type ExportLine, parseExportLine } from './export-line.js';
import { entryHash, textDigest } from './ledger-leaf.js';
import { GrowingTree, type Hash } from './merkle-tree.js';

/**
 * - `edited`: an entry is not what was signed; `moved`: it was signed at another position; `missing`: it was signed and is gone;
 *   `added`: it stands where the order has no place for it; `leaf-edited`: the entry is as it was signed, what the tree keeps of it is not;
 *   `differs`: entry and leaf do not fit, and no checkpoint says which of them was signed.
 * - `departs`: between two positions the tree is another than the one that was signed, and fits together in itself.
 * - `text`: what a person wrote is not what its digest stands for, or is gone without having been erased.
 * - `unreadable`: a line is no line of an export. `checkpoint`: checkpoints contradict each other.
 */
export type LedgerFaultKind = 'edited' | 'moved' | 'missing' | 'added' | 'leaf-edited' | 'differs' | 'departs' | 'text' | 'unreadable' | 'checkpoint';

export interface LedgerFault {
  readonly kind: LedgerFaultKind;
  readonly message: string;
  /** Null where it cannot be told. */
  readonly position: number | null;
  readonly entry: number | null;
}

export interface LedgerReport {
  readonly genuine: boolean;
  /** Entries in the export. */
  readonly entries: number;
  /** Those of them that a checkpoint which fits stands over. */
  readonly covered: number;
  /** Texts that were erased. */
  readonly erasedTexts: number;
  /** By size. `unknown`: what it stands over is not all there. */
  readonly checkpoints: readonly { readonly size: number; readonly at: string; readonly root: 'fits' | 'departs' | 'unknown' }[];
  readonly faults: readonly LedgerFault[];
  /** Faults beyond those listed. */
  readonly moreFaults: number;
}

interface Differing {
  readonly position: number;
  readonly entry: number;
  /** Hash of the entry as it is, and the one that the tree keeps. */
  readonly found: string;
  readonly kept: string;
}

interface Roots {
  readonly found: Hash;
  readonly kept: Hash;
}

const LISTED_FAULTS = 1_000;

/**
 * Holds an export against checkpoints, line by line and in constant memory. It grows two trees: one of the entries as they are, one of the leaf
 * hashes that the export brings. Where only one of them has the root that was signed, the other side was changed, and the entries at
 * which the two differ are the ones.
 */
export class LedgerVerifier {
  private readonly checkpoints: readonly Checkpoint[];
  private readonly found = new GrowingTree();
  private readonly kept = new GrowingTree();
  private readonly roots = new Map<number, Roots>();
  private readonly wanted: ReadonlySet<number>;
  private readonly differing: Differing[] = [];
  private readonly faults: LedgerFault[] = [];
  private moreFaults = 0;
  private erasedTexts = 0;
  private lines = 0;
  private entries = 0;
  private next = 0;
  private complete = true;

  /** @param checkpoints whose signatures were checked */
  constructor(checkpoints: readonly Checkpoint[]) {
    this.checkpoints = [...checkpoints].sort((a, b) => a.size - b.size || a.at.getTime() - b.at.getTime());
    this.wanted = new Set(checkpoints.map(({ size }) => size));
  }

  /** Takes the next line, without its line end. */
  take(line: string): void {
    this.lines += 1;
    const parsed = parseExportLine(line);
    if (!parsed) return this.add('unreadable', `Line ${this.lines} is no line of an export`, null, null);
    const { position, entryId } = parsed;
    if (position < this.next) return this.add('added', `Line ${this.lines} has position ${position}, which has gone by: entry ${entryId} was added there or moved`, position, entryId);
    if (position > this.next) this.miss(this.next, position);
    this.next = position + 1;
    this.entries += 1;
    this.grow(parsed, this.hashOf(parsed));
  }

  /** What has come out, once all lines were taken. */
  finish(): LedgerReport {
    const signed = this.checkpoints.at(-1);
    if (signed && signed.size > this.next) this.miss(this.next, signed.size);
    for (const one of this.differing) this.explain(one);
    this.findDeparture();
    this.compareCheckpoints();
    const checkpoints = this.checkpoints.map((checkpoint) => ({ size: checkpoint.size, at: checkpoint.at.toISOString(), root: this.standingOf(checkpoint) }));
    const covered = Math.max(0, ...checkpoints.filter(({ root }) => root === 'fits').map(({ size }) => size));
    return { genuine: this.faults.length === 0, entries: this.entries, covered, erasedTexts: this.erasedTexts, checkpoints, faults: this.faults, moreFaults: this.moreFaults };
  }

  /** Looks at what is in a line. @returns the hash of the entry as it is; that of the tree where the entry is gone */
  private hashOf({ position, entryId, entry, leafHash, texts }: ExportLine): Hash {
    const kept = Buffer.from(leafHash, 'base64');
    if (entry === null) {
      this.add('missing', `Entry ${entryId} at position ${position} is gone; the tree still has its leaf`, position, entryId);
      return kept;
    }
    if (sha256(entry.details) !== entry.detailsDigest) this.add('edited', `The details of entry ${entry.id} at position ${position} are not those that its digest was taken over: details or digest were edited`, position, entry.id);
    for (const problem of textProblems(entry.details, texts)) this.add('text', `Of entry ${entry.id} at position ${position}, ${problem}`, position, entry.id);
    this.erasedTexts += texts.filter(({ text }) => text === null).length;
    const found = entryHash(entry);
    if (!found.equals(kept)) this.differ({ position, entry: entry.id, found: found.toString('base64'), kept: leafHash });
    return found;
  }

  private grow({ leafHash }: ExportLine, hash: Hash): void {
    if (!this.complete) return;
    this.found.append(hash);
    this.kept.append(Buffer.from(leafHash, 'base64'));
    if (this.wanted.has(this.next)) this.roots.set(this.next, { found: this.found.root, kept: this.kept.root });
  }

  private miss(from: number, before: number): void {
    this.complete = false;
    const which = before - from === 1 ? `Position ${from} is missing` : `Positions ${from} to ${before - 1} are missing`;
    this.add('missing', `${which}: ${before - from} ${before - from === 1 ? 'entry was' : 'entries were'} taken out of the ledger`, from, null);
  }

  private explain({ position, entry, found, kept }: Differing): void {
    const sides = this.checkpoints.filter(({ size }) => size > position).map((checkpoint) => this.sidesOf(checkpoint)).find((side) => side?.found || side?.kept);
    if (sides?.found) return this.add('leaf-edited', `The leaf hash at position ${position} is not the one that was signed; entry ${entry} is as it was`, position, entry);
    if (!sides) return this.add('differs', `Entry ${entry} at position ${position} and its leaf do not fit: one of them was changed`, position, entry);
    const signedAt = this.differing.find((other) => other.kept === found);
    if (signedAt) this.add('moved', `Entry ${entry} stands at position ${position}, but was signed at position ${signedAt.position}`, position, entry);
    else this.add('edited', `Entry ${entry} at position ${position} is not what was signed there (leaf ${kept})`, position, entry);
  }

  /** The first stretch between two checkpoints in which neither tree is the signed one. */
  private findDeparture(): void {
    let from = 0;
    for (const checkpoint of this.checkpoints) {
      const standing = this.standingOf(checkpoint);
      if (standing === 'fits') from = checkpoint.size;
      if (standing !== 'departs') continue;
      const where = checkpoint.size - from > 1 ? `Between positions ${from} and ${checkpoint.size - 1}` : `At position ${from}`;
      return this.add('departs', `${where} the ledger is not the one that was signed at ${checkpoint.at.toISOString()}: entries were edited, added, taken out or put in another order, and the tree was made anew`, from, null);
    }
  }

  private compareCheckpoints(): void {
    for (const [index, later] of this.checkpoints.entries()) {
      const before = this.checkpoints[index - 1];
      if (!before) continue;
      if (before.size === later.size && !before.root.equals(later.root)) this.add('checkpoint', `Two checkpoints over ${later.size} entries have different roots: the ledger was signed in two versions`, null, null);
      if (before.size < later.size && before.at > later.at) this.add('checkpoint', `${before.size} entries were signed at ${before.at.toISOString()}, after ${later.size} had been at ${later.at.toISOString()}: the ledger was set back`, null, null);
      if (before.origin !== later.origin) this.add('checkpoint', `The checkpoints are of two ledgers, ${before.origin} and ${later.origin}`, null, null);
    }
  }

  private standingOf(checkpoint: Checkpoint): 'fits' | 'departs' | 'unknown' {
    const sides = this.sidesOf(checkpoint);
    if (!sides) return 'unknown';
    return sides.found || sides.kept ? 'fits' : 'departs';
  }

  private sidesOf({ size, root }: Checkpoint): { found: boolean; kept: boolean } | undefined {
    const roots = this.roots.get(size);
    return roots && { found: roots.found.equals(root), kept: roots.kept.equals(root) };
  }

  private differ(one: Differing): void {
    if (this.differing.length < LISTED_FAULTS) this.differing.push(one);
    else this.moreFaults += 1;
  }

  private add(kind: LedgerFaultKind, message: string, position: number | null, entry: number | null): void {
    if (this.faults.length < LISTED_FAULTS) this.faults.push({ kind, message, position, entry });
    else this.moreFaults += 1;
  }
}

/** What is wrong with the texts beside an entry, in words that follow the entry's number. */
function textProblems(details: string, texts: readonly ExportedText[]): string[] {
  const digests = digestsIn(details);
  const gone = Object.keys(digests).filter((name) => !texts.some(({ field }) => field === name));
  return [
    ...texts.filter(({ field, salt, text }) => digests[field] === undefined || (text !== null && textDigest(Buffer.from(salt ?? '', 'base64'), text) !== digests[field])).map(({ field }) => `the text \`${field}\` is not the one that the entry has a digest of`),
    ...gone.map((field) => `the text \`${field}\` is gone without having been erased`),
  ];
}

function digestsIn(details: string): Readonly<Record<string, string>> {
  try {
    return (JSON.parse(details) as { texts?: Record<string, string> } | null)?.texts ?? {};
  } catch {
    return {};
  }
}

/** Lines that end with \n and with nothing else: JSON may hold the other line ends of Unicode. Empty ones are passed over. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
