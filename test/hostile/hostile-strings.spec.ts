import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { isFailureType } from '../../src/contracts/failures.js';
import { Installation } from '../installation.js';
import { LEAVER, LIVED_MODEL, liveModel, livedSpec } from '../lived-model.js';
import { verifyLedger } from '../verified-ledger.js';
import { type ApiDocument, DocumentPlaces, jsonWith, type JsonPath, leavesOf, type Operation } from './document-places.js';
import { CONFUSED, hostileStrings, INSIDE, SECRET } from './hostile-values.js';

const AT_ONCE = 8;
/** Those after which little is left to be asked. */
const LAST = ['deactivatePerson', 'replacePerson', 'retire', 'withdrawRetirement', 'confirmRetirement', 'waiveRetirement'];
/** What SQL in a spec would have to be put into: these run through a training. */
const IN_DATA = /^data\.(source\.path|features\.\d+\.categories\.0)$/;
const SQL = ['quote', 'semicolon', 'duckdb', 'climb', 'absolute'];
/** Each spec that is taken begins a life: fewer strings do. */
const IN_SPECS = [...SQL, 'identifier', 'nul', 'surrogate', 'line', 'template', 'prototype', 'long'];

let perennial: Installation;
let operations: readonly Operation[];
let strings: Readonly<Record<string, string>>;
let key: string;
let filled: Readonly<Record<string, string>>;
let outside: string;
let before: Awaited<ReturnType<typeof recordOf>>;
let files: readonly string[];
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

beforeAll(async () => {
  perennial = await Installation.start();
  outside = join(perennial.folder, 'outside');
  mkdirSync(outside);
  const secretFile = join(outside, 'secret');
  writeFileSync(secretFile, SECRET);
  strings = hostileStrings(secretFile);
  const lived = await liveModel(perennial);
  ({ key } = lived);
  filled = {
    model: LIVED_MODEL, number: '1', version: '1', batch: '1', deployment: 'default', fromEpoch: '1', from: '2024-01-01', action: 'pause', name: LEAVER, keyId: randomUUID(), hold: '1', alarm: lived.alarm, command: lived.command, entry: '1',
  };
  operations = new DocumentPlaces((await perennial.call<ApiDocument>('GET', '/openapi.json')).body).operations().sort((one, other) => LAST.indexOf(one.id) - LAST.indexOf(other.id));
  before = await recordOf();
  files = filesOutside();
}, 240_000);

afterAll(async () => {
  agent.destroy();
  await perennial?.stop();
});

/** What a caller sends: the path as it is, whatever it holds. */
interface Sent {
  readonly of: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

function send({ method, path, headers = {}, body }: Sent): Promise<Answered> {
  const { hostname, port } = new URL(perennial.instance.apiUrl);
  const bytes = body === undefined ? undefined : Buffer.from(body);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, agent, headers: { authorization: `Bearer ${key}`, ...(bytes && { 'content-length': String(bytes.length) }), ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    sent.on('error', reject).end(bytes);
  });
}

/** As it stands where it can stand in a URL, so that what is escaped already stays so; a lone surrogate as some encoders write it. */
const inUrl = (text: string): string => (/^[\w.%~-]+$/.test(text) ? text : text.split(/(?<=\p{Surrogate})|(?=\p{Surrogate})/u).map((part) => (/^\p{Surrogate}$/u.test(part) ? '%ED%A0%80' : encodeURIComponent(part))).join(''));
/** What a header can carry to begin with. */
const inHeader = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]{0,8000}$/.test(text);

const nameOf = (path: string, parameter: string): string => (parameter === 'id' ? filled[path.startsWith('/v1/alarms') ? 'alarm' : path.startsWith('/v1/audit') ? 'entry' : 'command'] : filled[parameter]) ?? 'x';
const pathWith = ({ path }: Operation, instead: Readonly<Record<string, string>> = {}): string => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => instead[name] ?? nameOf(path, name));

/** Every string in every place of an operation, one at a time; the rest fits. */
function* casesOf(operation: Operation): Generator<Sent> {
  const { id, method, body } = operation;
  const whole = body && { headers: { 'content-type': body.mediaType }, body: body.mediaType === 'application/json' ? JSON.stringify(body.value) : textOf(id, 'x') };
  for (const [name, text] of Object.entries(strings)) {
    for (const parameter of operation.inPath) yield { of: `${id} path.${parameter} ${name}`, method, path: pathWith(operation, { [parameter]: inUrl(text) }), ...whole };
    for (const parameter of operation.inQuery) yield { of: `${id} query.${parameter} ${name}`, method, path: `${pathWith(operation)}?${parameter}=${inUrl(text)}`, ...whole };
    for (const header of operation.inHeader.filter(() => inHeader(text))) yield { of: `${id} header.${header} ${name}`, method, path: pathWith(operation), ...whole, headers: { ...whole?.headers, [header]: text } };
    if (body && body.mediaType !== 'application/json') yield { of: `${id} body ${name}`, method, path: pathWith(operation), ...whole, body: textOf(id, text) };
  }
  if (body?.mediaType !== 'application/json') return;
  for (const leaf of leavesOf(body.value)) {
    for (const [name, text] of [...Object.entries(strings).map(([name, one]) => [name, JSON.stringify(one)] as const), ...Object.entries(CONFUSED)]) {
      yield { of: `${id} body.${leaf.join('.')} ${name}`, method, path: pathWith(operation), headers: { 'content-type': 'application/json' }, body: jsonWith(body.value, leaf, text) };
    }
  }
  for (const [name, text] of Object.entries(CONFUSED)) yield { of: `${id} body ${name}`, method, path: pathWith(operation), headers: { 'content-type': 'application/json' }, body: text };
}

/** A table has a cell for it. */
const textOf = (id: string, text: string): string => (id === 'importInventory' ? `name,owner,description\nfound-elsewhere,"${text.replaceAll('"', '""')}",x\n` : text);

async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items[Symbol.iterator]();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { for (let next = waiting.next(); !next.done; next = waiting.next()) await work(next.value); }));
}

/** What is wrong with an answer to what nobody should have sent. */
function faultOf({ of }: Pick<Sent, 'of'>, { status, text, headers }: Answered): string | undefined {
  const inside = INSIDE.exec(text)?.[0];
  if (status >= 500) return `${of}: ${status} ${text.slice(0, 300)}`;
  if (inside !== undefined) return `${of}: the answer holds ${JSON.stringify(inside)}: ${text.slice(0, 300)}`;
  return headers['set-cookie'] === undefined ? undefined : `${of}: a header was split`;
}

/** The form of the record, and how much of it there is. */
async function recordOf(): Promise<{ readonly schema: string; readonly rows: ReadonlyMap<string, number> }> {
  const read = (statement: string): Promise<{ said: string }[]> => perennial.registry.query(statement);
  const form = await Promise.all([
    read("SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) AS said FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1"),
    read("SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS said FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1"),
    read("SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) AS said FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"),
    read("SELECT concat_ws(' ', table_name, grantee, privilege_type) AS said FROM information_schema.role_table_grants WHERE table_schema = 'public' ORDER BY 1"),
    read("SELECT concat_ws(' ', rolname, rolsuper, rolcanlogin) AS said FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' ORDER BY 1"),
  ]);
  const tables = await read("SELECT c.relname AS said FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE t.tgname LIKE '%append_only' ORDER BY 1");
  const rows = new Map<string, number>();
  for (const { said } of tables) rows.set(said, (await perennial.registry.query<{ n: number }[]>(`SELECT count(*)::int AS n FROM "${said}"`))[0]!.n);
  return { schema: createHash('sha256').update(JSON.stringify(form)).digest('hex'), rows };
}

/** Everything in the installation's folder that is not its own, with what it holds, and where an escape would leave something. */
function filesOutside(): string[] {
  const own = new Set(['state', 'artifacts', 'work', 'observations']);
  const below = (path: string): string[] => (statSync(path).isDirectory() ? readdirSync(path).sort().flatMap((name) => below(join(path, name))) : [`${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`]);
  return readdirSync(perennial.folder).filter((name) => !own.has(name)).sort().flatMap((name) => below(join(perennial.folder, name)));
}

/** Nothing was taken, and nothing was left where it does not belong. */
async function expectUnharmed(): Promise<void> {
  const now = await recordOf();
  expect(now.schema).toBe(before.schema);
  expect([...before.rows].filter(([table, rows]) => (now.rows.get(table) ?? -1) < rows)).toEqual([]);
  expect(filesOutside()).toEqual(files);
  expect(existsSync('/tmp/perennial-escaped')).toBe(false);
  expect((await send({ of: 'ready', method: 'GET', path: '/readyz' })).status).toBe(200);
}

describe('hostile strings', () => {
  it("in every place of every operation are answered as their caller's fault, or kept as text", async () => {
    const [faults, seen] = [[] as string[], new Map<number, number>()];
    let cases = 0;
    for (const operation of operations) {
      await inParallel(casesOf(operation), async (sent) => {
        cases += 1;
        const answer = await send(sent);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        const fault = faultOf(sent, answer);
        if (fault !== undefined) faults.push(fault);
      });
    }
    process.stdout.write(`hostile strings: ${cases} cases of route, place and string in ${operations.length} operations; answers by status: ${JSON.stringify(Object.fromEntries([...seen].sort()))}\n`);
    expect(faults).toEqual([]);
    expect(operations.length).toBeGreaterThan(75);
    expect(cases).toBeGreaterThan(5_000);
    // Many went as far as the record: not all were turned away at the door.
    expect(seen.get(200)! + (seen.get(202) ?? 0)).toBeGreaterThan(200);
    await expectUnharmed();
  }, 600_000);

  it('where a key or a token belongs let nobody in', async () => {
    for (const [name, text] of Object.entries(strings)) {
      const shown: readonly Readonly<Record<string, string>>[] = [{ authorization: `Bearer ${text}` }, { authorization: text }, { authorization: '', 'x-api-key': text }];
      for (const headers of shown.filter((one) => Object.values(one).every(inHeader))) {
        const sent = { of: `${Object.keys(headers).join()} ${name}`, method: 'GET', path: '/v1/models', headers };
        const answer = await send(sent);
        expect([sent.of, answer.status, faultOf(sent, answer)]).toEqual([sent.of, 401, undefined]);
      }
    }
  });

  it('in every string of a spec are refused, or kept and trained with, and break out of nothing', async () => {
    const spec = parse(livedSpec()) as Record<string, unknown>;
    const wanted = leavesOf(spec).flatMap((leaf) => IN_SPECS.map((name) => ({ leaf, name, text: strings[name]! })));
    const [faults, accepted] = [[] as string[], [] as { model: string; leaf: JsonPath; name: string }[]];
    await inParallel(wanted.entries(), async ([index, { leaf, name, text }]) => {
      const of = `spec ${leaf.join('.')} ${name}`;
      const model = `hostile-${index}`;
      const source = jsonWith({ ...spec, model }, leaf, JSON.stringify(text));
      const answer = await send({ of, method: 'POST', path: '/v1/models', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ spec: source }) });
      const fault = faultOf({ of }, answer);
      if (fault !== undefined) faults.push(fault);
      if (answer.status < 300 && IN_DATA.test(leaf.join('.')) && SQL.includes(name)) accepted.push({ model, leaf, name });
    });
    expect(faults).toEqual([]);
    expect(accepted.length).toBeGreaterThan(0);
    const ends: string[] = [];
    await inParallel(accepted, async ({ model, leaf, name }) => {
      const { outcome, failure, reason } = await perennial.awaitRetrain(model, await perennial.requestRetrain(model));
      ends.push(`${leaf.join('.')} ${name}: ${outcome}${failure ? `, ${failure.type}` : ''}`);
      if (INSIDE.test(JSON.stringify({ failure, reason })) || (failure && (!isFailureType(failure.type) || failure.type === 'Internal'))) faults.push(`${model} ${leaf.join('.')} ${name}: ${JSON.stringify({ outcome, failure, reason })}`);
    });
    process.stdout.write(`hostile specs: ${wanted.length} applied, ${accepted.length} trained: ${ends.sort().join('; ')}\n`);
    expect(faults).toEqual([]);
    await expectUnharmed();
  }, 600_000);

  it('leave a ledger that verifies', async () => {
    expect(await verifyLedger(perennial, 'after-hostile-strings')).toMatchObject({ genuine: true, faults: [] });
  });
});

describe('hostile names of files', () => {
  /** Where a verb takes a file, `@` stands for it. */
  const VERBS: readonly (readonly string[])[] = [
    ['apply', '-f', '@'], ['labels', LIVED_MODEL, '@'], ['log-experiment', LIVED_MODEL, '-f', '@'], ['inventory', 'import', '@'], ['portfolio', '--out', '@'], ['card', LIVED_MODEL, '--out', '@'],
    ['audit', 'export', '--out', '@'], ['audit', 'checkpoint', '--out', '@'], ['audit', 'verify', '--export', '@', '--checkpoint', '@', '--key', '@'], ['audit', 'proof', '1', '--key', '@'],
    ['validate', LIVED_MODEL, '1', 'conditional', '--reason', 'x', '--findings', '@'], ['validate', LIVED_MODEL, '1', 'approve', '--reason', 'x', '--answers', '@'], ['review', LIVED_MODEL, 'continue', '--reason', 'x', '--findings', '@'],
  ];

  it.each(VERBS)('are told as such by %s %s %s', async (...verb) => {
    const names = Object.entries(strings).filter(([name]) => ['quote', 'semicolon', 'nul', 'nulEnding', 'long', 'newline', 'line', 'surrogate', 'template', 'shell', 'dots'].includes(name));
    for (const [name, text] of names) {
      const file = join(outside, 'none', text);
      const terminal = new RecordedTerminal({ columns: 160 });
      const code = await runCli(verb.map((part) => (part === '@' ? file : part)), readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR, PERENNIAL_API_KEY: key }), 'main.js', terminal);
      const said = terminal.stdout + terminal.stderr;
      expect([verb[0], name, code, INSIDE.exec(said)?.[0]]).toEqual([verb[0], name, 1, undefined]);
      expect(terminal.stderr.length, said.slice(0, 500)).toBeGreaterThan(10);
    }
    expect(filesOutside()).toEqual(files);
  });
});
