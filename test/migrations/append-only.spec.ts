import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/contracts/canonical.js';
import { MIGRATIONS } from '../../src/registry/data-source.js';
import committed from './digests.json' with { type: 'json' };

const FOLDER = join(import.meta.dirname, '..', '..', 'migrations');
const files = new Map(readdirSync(FOLDER).sort().map((name) => [name, sha256(readFileSync(join(FOLDER, name)))]));
const digests = new Map(Object.entries(committed));

/** How the folder differs from what was committed, each with what to do. */
function changes(found: ReadonlyMap<string, string>, known: ReadonlyMap<string, string>): string[] {
  const newest = [...known.keys()].at(-1) ?? '';
  return [
    ...[...known.keys()].filter((name) => !found.has(name)).map((name) => `${name} is gone: databases have it already; bring it back`),
    ...[...found].flatMap(([name, digest]) => {
      if (known.get(name) === digest) return [];
      if (known.has(name)) return [`${name} was changed: databases have it as it was; undo that and add a migration`];
      if (name < newest) return [`${name} would run before ${newest}, which databases have already; give it a later timestamp`];
      return [`${name} is new: add "${name}": "${digest}" to test/migrations/digests.json`];
    }),
  ];
}

describe('migrations', () => {
  it('are only ever added', () => {
    expect(changes(files, digests)).toEqual([]);
  });

  it('are all run, in their order', () => {
    const stamps = [...files.keys()].map((name) => Number(/^(\d{13})-[a-z0-9-]+\.ts$/.exec(name)?.[1]));
    expect(MIGRATIONS.map(({ name }) => Number(/\d{13}$/.exec(name)?.[0]))).toEqual(stamps);
  });

  it.each<[string, ReadonlyMap<string, string>, RegExp]>([
    ['changed', new Map([['2-b.ts', 'other']]), /2-b\.ts was changed/],
    ['removed', new Map(), /2-b\.ts is gone/],
    ['added', new Map([['2-b.ts', 'digest'], ['3-c.ts', 'new']]), /3-c\.ts is new: add "3-c\.ts": "new"/],
    ['slipped in before', new Map([['1-a.ts', 'new'], ['2-b.ts', 'digest']]), /1-a\.ts would run before 2-b\.ts/],
  ])('are told when one is %s', (_, found, expected) => {
    const told = changes(found, new Map([['2-b.ts', 'digest']]));
    expect(told).toEqual([expect.stringMatching(expected)]);
  });
});
