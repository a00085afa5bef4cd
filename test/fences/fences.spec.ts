import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundleWorkflows } from '../workflow-bundle.js';
import { type SourceTree, violationsOf } from './check.js';
import { ADAPTERS, ROOMS, WORKFLOW_PACKAGES } from './fence.js';

const ROOT = join(import.meta.dirname, '..', '..');
const FIXTURE = join(import.meta.dirname, 'fixture');
const TOPS = ['src', 'workflows', 'activities', 'migrations'];

function treeBelow(root: string): SourceTree {
  const paths = TOPS.flatMap((top) => readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((path) => join(root, top, path)));
  const sources = paths.filter((path) => /\.(ts|mjs)$/.test(path) && !path.endsWith('.d.mts'));
  return new Map(sources.map((path) => [relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')]));
}

describe('the fence', () => {
  it('holds in the sources', () => {
    expect(violationsOf(treeBelow(ROOT))).toEqual([]);
  });

  it('knows no room that is gone', () => {
    const rooms = new Set([...treeBelow(ROOT).keys()].map((path) => (path.startsWith('src/') ? path.split('/')[1]?.replace('.ts', '') : path.split('/')[0])));
    expect(Object.keys(ROOMS).filter((room) => !rooms.has(room))).toEqual([]);
  });

  it('has no circle of rooms that load each other', () => {
    const depth = (room: string, above: readonly string[]): void => {
      expect(above, [...above, room].join(' → ')).not.toContain(room);
      for (const other of ROOMS[room]?.runs ?? []) depth(other, [...above, room]);
    };
    for (const room of Object.keys(ROOMS)) depth(room, []);
  });
});

describe('each rule of the fence', () => {
  const tree = treeBelow(FIXTURE);
  const found = violationsOf(tree);
  const cases = [...tree].flatMap(([path, source]) => {
    const rule = /^\/\/ fence: (.+)$/m.exec(source)?.[1];
    return rule === undefined ? [] : [{ path, expected: `${path}: ${rule}` }];
  });

  it.each(cases)('catches $path', ({ path, expected }) => {
    expect(found.filter((line) => line.startsWith(`${path}: `))).toContain(expected);
  });

  it('lets the fixture break nothing else', () => {
    const expected = new Set(cases.map((one) => one.expected));
    const more = found.filter((line) => !expected.has(line) && !cases.some(({ path }) => line.startsWith(`${path}: a workflow may not load`)));
    expect(more).toEqual([]);
  });

  it('has a fixture for every room', () => {
    const rooms = new Set(cases.map(({ path }) => (path.startsWith('src/') ? path.split('/')[1]?.replace('.ts', '') : path.split('/')[0])));
    expect(Object.keys(ROOMS).filter((room) => !rooms.has(room))).toEqual([]);
  });
});

describe('the bundle of the workflows', () => {
  it('holds nothing but workflows, contracts and what Temporal brings', async () => {
    const { code } = await bundleWorkflows();
    const modules = [...code.matchAll(/^\/\*\*\*\/ "([^"]+)"/gm)].map(([, name]) => name as string);
    const ours = modules.filter((name) => name.startsWith('./') && !name.includes('node_modules/'));
    expect(ours).toContain('./workflows/retrain.workflow.ts');
    expect(ours.filter((name) => !/^\.\/(workflows|src\/contracts)\//.test(name))).toEqual([]);
    const packages = modules.flatMap((name) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? []);
    // The last three are parts of Temporal's own packages.
    const known = new Set([...WORKFLOW_PACKAGES, 'long', 'ms', 'nexus-rpc']);
    expect([...new Set(packages)].filter((name) => !known.has(name))).toEqual([]);
    for (const technology of Object.keys(ADAPTERS).filter((name) => !WORKFLOW_PACKAGES.includes(name))) expect(packages).not.toContain(technology);
  });
});
