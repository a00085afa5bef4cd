import { ADAPTERS, GUARDED, ROOMS, WORKFLOW_PACKAGES } from './fence.js';
import { type Import, importsOf } from './imports.js';

/** Source files by their paths below the root, with `/`. */
export type SourceTree = ReadonlyMap<string, string>;

/** `src/data/x.ts` is in `data`, `workflows/x.ts` in `workflows`, `src/main.ts` in `main`. */
export function roomOf(path: string): string {
  const [top = '', second = '', ...below] = path.split('/');
  if (top !== 'src') return top;
  return below.length > 0 ? second : second.replace(/\.[a-z]+$/, '');
}

/** Tests may import anything; nothing may import them. */
const isTest = (path: string): boolean => /\.spec\.ts$|-fixture\.ts$|\/testing\//.test(path);

const FORBIDDEN_NAME = /(^|\/|[-.])(utils?|common|helpers?|misc)([-./]|$)/;
const KEBAB = /^[a-z0-9]+([.-][a-z0-9]+)*\.(ts|mjs)$/;
const BARRELS = new Set(['workflows/index.ts', 'activities/index.ts']);

/** What breaks the fence: one line each, naming the file and what it may not do. */
export function violationsOf(tree: SourceTree): string[] {
  const files = [...tree].filter(([path]) => !isTest(path)).map(([path, source]) => ({ path, imports: importsOf(path, source) }));
  const byPath = new Map(files.map((file) => [file.path, file.imports]));
  return [
    ...[...tree.keys()].flatMap(wrongName),
    ...files.flatMap(({ path, imports }) => [...wrongRooms(path, imports), ...wrongTechnology(path, imports), ...wrongGuarded(path, imports)]),
    ...files.filter(({ path }) => roomOf(path) === 'workflows').flatMap(({ path }) => wrongInWorkflow(path, byPath)),
  ];
}

function wrongName(path: string): string[] {
  const file = path.split('/').at(-1) ?? '';
  if (file === 'index.ts' && !BARRELS.has(path)) return [`${path}: no barrels but the entries of workflows and activities`];
  if (FORBIDDEN_NAME.test(path)) return [`${path}: the name says nothing of what is in it`];
  return KEBAB.test(file) ? [] : [`${path}: file names are kebab-case`];
}

function wrongRooms(path: string, imports: readonly Import[]): string[] {
  const room = roomOf(path);
  const fence = ROOMS[room];
  if (!fence) return [`${path}: the room ${room} has no line in the fence`];
  return imports.filter(({ ours }) => ours).flatMap(({ kind, target }) => {
    const other = roomOf(target);
    if (isTest(target) || other === 'test' || other === 'bench') return [`${path}: ${target} is for tests`];
    if (other === room || fence[kind]?.includes(other) || (kind !== 'runs' && fence.runs?.includes(other))) return [];
    const instead = kind === 'runs' && fence.types?.includes(other) ? ', other than by type' : '';
    return [`${path}: ${room} may not see ${other}${instead}`];
  });
}

function wrongTechnology(path: string, imports: readonly Import[]): string[] {
  return imports.filter(({ ours, kind }) => !ours && kind !== 'types').flatMap(({ target }) => {
    const allowed = ADAPTERS[target];
    if (!allowed || allowed.some((place) => path === place || path.startsWith(`${place}/`))) return [];
    return [`${path}: ${target} is loaded in ${allowed.join(', ')} only`];
  });
}

function wrongGuarded(path: string, imports: readonly Import[]): string[] {
  return imports.filter(({ ours, target }) => ours && GUARDED[target] && !GUARDED[target].includes(path)).map(({ target }) => `${path}: ${target} is for ${GUARDED[target]?.join(', ')} only`);
}

/** Follows what a workflow loads, through whatever room. */
function wrongInWorkflow(start: string, byPath: ReadonlyMap<string, readonly Import[]>): string[] {
  const seen = new Set<string>();
  const visit = (path: string): string[] => {
    if (seen.has(path)) return [];
    seen.add(path);
    const loaded = (byPath.get(path) ?? []).filter(({ kind }) => kind !== 'types');
    return loaded.flatMap(({ ours, target }) => {
      if (ours) return visit(target);
      return WORKFLOW_PACKAGES.includes(target) ? [] : [`${start}: a workflow may not load ${target}${path === start ? '' : `, as ${path} does`}`];
    });
  };
  return visit(start);
}
