import { createHash } from 'node:crypto';

/**
 * The Merkle tree of RFC 6962, section 2.1 (RFC 9162 has the same): SHA-256, a byte 0x00 before a leaf's data and 0x01 before two
 * hashes, so that no node can pass for a leaf. Sizes and positions are numbers below 2^53, which 32-bit operators would cut off.
 */
export type Hash = Buffer;

export const HASH_BYTES = 32;
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

export const leafHash = (data: Uint8Array): Hash => createHash('sha256').update(LEAF).update(data).digest();
export const nodeHash = (left: Hash, right: Hash): Hash => createHash('sha256').update(NODE).update(left).update(right).digest();

/** A complete subtree: of 2^level leaves, from leaf place × 2^level on. Level 0 is a leaf. */
export interface Subtree {
  readonly level: number;
  readonly place: number;
}

/** Leaves from `start` to before `end`: what one hash of a proof stands for. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Hash = createHash('sha256').digest();

/** A tree that grows leaf by leaf and keeps no more than the hashes that its next root is made of. */
export class GrowingTree {
  private count: number;
  private readonly peaks: Hash[];

  /** @param peaks hashes of `subtreesOf({ start: 0, end: size })`, where it is not empty */
  constructor(size = 0, peaks: readonly Hash[] = []) {
    this.count = size;
    this.peaks = [...peaks];
  }

  get size(): number {
    return this.count;
  }

  get root(): Hash {
    return joined(this.peaks);
  }

  /** @returns the subtrees above the leaf that it completes, from below */
  append(leaf: Hash): (Subtree & { readonly hash: Hash })[] {
    const completed: (Subtree & { hash: Hash })[] = [];
    let hash = leaf;
    for (let [level, place] = [1, this.count]; place % 2 === 1; level += 1) {
      place = (place - 1) / 2;
      hash = nodeHash(this.peaks.pop() as Hash, hash);
      completed.push({ level, place, hash });
    }
    this.peaks.push(hash);
    this.count += 1;
    return completed;
  }
}

/** The complete subtrees that make up a range of a proof or a whole tree, from the left. There are at most log2 of them. */
export function subtreesOf({ start, end }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  for (let at = start; at < end;) {
    const level = levelOf(end - at);
    subtrees.push({ level, place: at / 2 ** level });
    at += 2 ** level;
  }
  return subtrees;
}

/** The hash of a range, from those of its subtrees. */
export const rangeHash = (range: LeafRange, hashOf: (subtree: Subtree) => Hash): Hash => joined(subtreesOf(range).map(hashOf));

function joined(peaks: readonly Hash[]): Hash {
  const last = peaks.at(-1);
  return last === undefined ? EMPTY_ROOT : peaks.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

/** What the hashes of an inclusion proof stand for, in its order: from the leaf up (PATH of RFC 6962, 2.1.1). */
export function inclusionRanges(position: number, size: number): LeafRange[] {
  const path = (start: number, end: number): LeafRange[] => {
    if (end - start === 1) return [];
    const middle = start + splitOf(end - start);
    return position < middle ? [...path(start, middle), { start: middle, end }] : [...path(middle, end), { start, end: middle }];
  };
  return path(0, size);
}

/** The same of a proof that the tree of `size` leaves continues that of `first` (PROOF of RFC 6962, 2.1.2). */
export function consistencyRanges(first: number, size: number): LeafRange[] {
  const proof = (start: number, end: number, whole: boolean): LeafRange[] => {
    if (first === end) return whole ? [] : [{ start, end }];
    const middle = start + splitOf(end - start);
    return first <= middle ? [...proof(start, middle, whole), { start: middle, end }] : [...proof(middle, end, false), { start, end: middle }];
  };
  return first === 0 ? [] : proof(0, size, true);
}

/** The largest power of two below a number of leaves, 2 or more. */
const splitOf = (leaves: number): number => 2 ** levelOf(leaves - 1);

/** The level of the largest complete subtree of so many leaves. Counted, since a logarithm is rounded. */
function levelOf(leaves: number): number {
  let level = 0;
  while (2 ** (level + 1) <= leaves) level += 1;
  return level;
}

/** Whether a leaf stands at a position of the tree with that root (RFC 9162, 2.1.3.2). */
export function isIncluded({ leaf, position, size, root }: { readonly leaf: Hash; readonly position: number; readonly size: number; readonly root: Hash }, path: readonly Hash[]): boolean {
  if (position < 0 || position >= size) return false;
  const climb = new Climb(position, size - 1);
  let hash = leaf;
  for (const sibling of path) {
    if (climb.atTop) return false;
    hash = climb.fromLeft() ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
    climb.up();
  }
  return climb.atTop && hash.equals(root);
}

/** A tree as it was signed: how many leaves, and what over them. */
export interface TreeHead {
  readonly size: number;
  readonly root: Hash;
}

/** Whether the later tree has every leaf of the earlier one at its place, and then others (RFC 9162, 2.1.4.2). */
export function isConsistent(earlier: TreeHead, later: TreeHead, path: readonly Hash[]): boolean {
  if (earlier.size > later.size) return false;
  if (earlier.size === later.size) return path.length === 0 && earlier.root.equals(later.root);
  if (earlier.size === 0) return path.length === 0 && earlier.root.equals(EMPTY_ROOT);
  const [begin, ...rest] = 2 ** levelOf(earlier.size) === earlier.size ? [earlier.root, ...path] : path;
  if (begin === undefined || path.length === 0) return false;
  const climb = new Climb(earlier.size - 1, later.size - 1);
  climb.skipWhileRight();
  let [old, now] = [begin, begin];
  for (const sibling of rest) {
    if (climb.atTop) return false;
    if (climb.fromLeft()) [old, now] = [nodeHash(sibling, old), nodeHash(sibling, now)];
    else now = nodeHash(now, sibling);
    climb.up();
  }
  return climb.atTop && old.equals(earlier.root) && now.equals(later.root);
}

/** The way from a leaf to the root, beside that from the tree's last leaf. */
class Climb {
  constructor(
    private place: number,
    private last: number,
  ) {}

  get atTop(): boolean {
    return this.last === 0;
  }

  /** Whether the next sibling stands on the left. A last node without a sibling goes up as it is until it has one. */
  fromLeft(): boolean {
    const left = this.place % 2 === 1 || this.place === this.last;
    while (left && this.place % 2 === 0 && this.place !== 0) this.up();
    return left;
  }

  skipWhileRight(): void {
    while (this.place % 2 === 1) this.up();
  }

  up(): void {
    this.place = Math.floor(this.place / 2);
    this.last = Math.floor(this.last / 2);
  }
}
