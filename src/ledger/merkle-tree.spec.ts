import { describe, expect, it } from 'vitest';
import { consistencyRanges, EMPTY_ROOT, GrowingTree, type Hash, inclusionRanges, isConsistent, isIncluded, leafHash, type LeafRange, nodeHash, rangeHash, type Subtree, subtreesOf } from './merkle-tree.js';

// The leaves and roots that implementations of RFC 6962 share (certificate-transparency's merkle_tree_test).
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) => Buffer.from(hex, 'hex'));
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
// Their published proofs: [leaf, size, path] and [earlier, later, path].
const INCLUSIONS: [number, number, string[]][] = [
  [0, 1, []],
  [0, 8, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4']],
  [5, 8, ['bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7']],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [1, 5, ['6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b']],
];
const CONSISTENCIES: [number, number, string[]][] = [
  [1, 1, []],
  [1, 8, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4']],
  [6, 8, ['0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7']],
  [2, 5, ['5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b']],
];
const UP_TO = 70;

const hex = (hashes: readonly Hash[]): string[] => hashes.map((hash) => hash.toString('hex'));

/** A grown tree with every node that it completed, as the record keeps them. */
function grown(leaves: readonly Hash[]): { roots: Hash[]; hashOf: (subtree: Subtree) => Hash } {
  const tree = new GrowingTree();
  const nodes = new Map(leaves.map((hash, place) => [`0/${place}`, hash]));
  const roots = [tree.root, ...leaves.map((leaf) => {
    for (const { level, place, hash } of tree.append(leaf)) nodes.set(`${level}/${place}`, hash);
    return tree.root;
  })];
  return { roots, hashOf: ({ level, place }) => nodes.get(`${level}/${place}`) as Hash };
}

/** MTH as RFC 6962 defines it, by recursion. */
function rootByDefinition(leaves: readonly Hash[]): Hash {
  if (leaves.length < 2) return leaves[0] ?? EMPTY_ROOT;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(rootByDefinition(leaves.slice(0, split)), rootByDefinition(leaves.slice(split)));
}

describe('the reference tree', () => {
  const { roots, hashOf } = grown(LEAVES.map(leafHash));
  const pathOf = (ranges: readonly LeafRange[]): string[] => hex(ranges.map((range) => rangeHash(range, hashOf)));

  it('has the published roots', () => {
    expect(hex(roots)).toEqual(ROOTS);
  });

  it.each(INCLUSIONS)('has the published proof of leaf %i in %i', (position, size, path) => {
    expect(pathOf(inclusionRanges(position, size))).toEqual(path);
  });

  it.each(CONSISTENCIES)('has the published proof that %i continues to %i', (earlier, later, path) => {
    expect(pathOf(consistencyRanges(earlier, later))).toEqual(path);
  });
});

describe(`every tree of up to ${UP_TO} leaves`, () => {
  const leaves = Array.from({ length: UP_TO }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)));
  const { roots, hashOf } = grown(leaves);
  const head = (size: number) => ({ size, root: roots[size] as Hash });
  const pathOf = (ranges: readonly LeafRange[]): Hash[] => ranges.map((range) => rangeHash(range, hashOf));
  const sizes = Array.from({ length: UP_TO }, (_, index) => index + 1);

  it('has the root that the definition gives, also when it goes on from its peaks', () => {
    for (const size of sizes) {
      expect(roots[size]).toEqual(rootByDefinition(leaves.slice(0, size)));
      const again = new GrowingTree(size - 1, subtreesOf({ start: 0, end: size - 1 }).map(hashOf));
      again.append(leaves[size - 1] as Hash);
      expect([again.size, again.root]).toEqual([size, roots[size]]);
    }
  });

  it('proves each leaf, and refuses the proof for another place, size, leaf, root or path', () => {
    for (const size of sizes) {
      for (let position = 0; position < size; position += 1) {
        const path = pathOf(inclusionRanges(position, size));
        const claim = { leaf: leaves[position] as Hash, position, ...head(size) };
        const holds = (changed: Partial<typeof claim>, other = path): boolean => isIncluded({ ...claim, ...changed }, other);
        expect(holds({}), `${position} in ${size}`).toBe(true);
        const wrong = [
          holds({ leaf: flipped(claim.leaf, position) }), holds({ root: flipped(claim.root, size) }), holds({}, [...path, claim.leaf]), holds({ position: size }), holds({ position: -1 }), holds({ position: position === 0 ? size : position - 1 }),
          ...path.map((hash, at) => holds({}, path.with(at, flipped(hash, at + size)))), ...(path.length > 0 ? [holds({}, path.slice(0, -1)), holds({}, path.slice(1)), holds({}, [])] : []),
        ];
        expect(wrong, `${position} in ${size}`).not.toContain(true);
      }
    }
  });

  it('proves that it continues each earlier one, and refuses the proof for others', () => {
    for (const later of sizes) {
      for (let earlier = 0; earlier <= later; earlier += 1) {
        const path = pathOf(consistencyRanges(earlier, later));
        expect(isConsistent(head(earlier), head(later), path), `${earlier} to ${later}`).toBe(true);
        const wrong = [
          isConsistent({ size: earlier, root: flipped(roots[earlier] as Hash, later) }, head(later), path),
          ...(earlier === 0 ? [] : [isConsistent(head(earlier), { size: later, root: flipped(roots[later] as Hash, earlier) }, path)]),
          isConsistent(head(earlier), head(later), [...path, leaves[0] as Hash]),
          ...(earlier === later ? [] : [isConsistent(head(later), head(earlier), path)]),
          ...path.flatMap((hash, at) => [isConsistent(head(earlier), head(later), path.with(at, flipped(hash, at + later))), isConsistent(head(earlier), head(later), path.filter((_, other) => other !== at))]),
        ];
        expect(wrong, `${earlier} to ${later}`).not.toContain(true);
      }
    }
  });

  it('refuses the proof of a tree in which any one earlier leaf was changed', () => {
    for (const changed of [0, 1, 6, 31, 32, 39]) {
      const other = grown(leaves.with(changed, leafHash(Buffer.from('another'))));
      const ranges = consistencyRanges(40, UP_TO);
      expect(isConsistent(head(40), { size: UP_TO, root: other.roots[UP_TO] as Hash }, ranges.map((range) => rangeHash(range, other.hashOf)))).toBe(false);
    }
  });
});

it('needs no more than two subtrees a level, whatever the size', () => {
  const size = 2 ** 40 + 12_345;
  expect(inclusionRanges(2 ** 39 + 7, size).length).toBeLessThanOrEqual(41);
  expect(consistencyRanges(2 ** 33 + 3, size).length).toBeLessThanOrEqual(42);
  expect(inclusionRanges(0, 2 ** 40)).toHaveLength(40);
});

function flipped(hash: Hash, bit: number): Hash {
  const changed = Buffer.from(hash);
  changed[bit % 32] = (changed[bit % 32] as number) ^ (1 << (bit % 8));
  return changed;
}
