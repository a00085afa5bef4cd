import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAILURES, type FailureKind, type FailureType, isFailureType, PerennialError } from './failures.js';

const ROOT = join(import.meta.dirname, '..', '..');
const KINDS: readonly (readonly [string, FailureKind])[] = Object.entries(FAILURES);

const ROW = /^\| `(?<type>\w+)`(?<again> ↻)? \| (?<status>\d{3}) \| (?<happened>[^|]+) \| (?<remedy>[^|]+) \|$/;
const documented = readFileSync(join(ROOT, 'docs', 'ERRORS.md'), 'utf8').split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => ROW.exec(line)?.groups ?? { type: line });

describe('docs/ERRORS.md', () => {
  it('describes every type once, and no other', () => {
    expect(documented.map(({ type }) => type).sort()).toEqual(KINDS.map(([type]) => type).sort());
  });

  it.each(KINDS)('says of %s its status, what happened, what to do and whether it is tried again', (type, { status, retryable }) => {
    const row = documented.find((one) => one['type'] === type);
    expect(row).toMatchObject({ status: String(status), happened: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/\.$/) });
    expect(row?.['again'] !== undefined).toBe(retryable);
  });
});

describe('every failure type', () => {
  const code = ['src', 'workflows', 'activities'].flatMap((top) => readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && !path.endsWith(join('contracts', 'failures.ts')))
    .flatMap((path) => readFileSync(join(ROOT, top, path), 'utf8').split('\n')));
  // A docstring or the documentation of a route raises nothing.
  const raising = code.filter((line) => !/^\s*\*|^\s*\/[/*]|@Problems\(|ClassDecorator/.test(line)).join('\n');

  it.each(KINDS.map(([type]) => type))('%s is raised somewhere', (type) => {
    expect(raising).toContain(`'${type}'`);
  });

  it.each(KINDS)('%s has a headline without a full stop, and a status of HTTP', (_, { title, status }) => {
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect([400, 401, 403, 404, 409, 410, 413, 415, 422, 500, 503]).toContain(status);
  });
});

it('a PerennialError carries type, message, details and cause', () => {
  const cause = new Error('why');
  expect(new PerennialError('LeaseLost', 'gone', { model: 'm' }, { cause })).toMatchObject({ name: 'PerennialError', type: 'LeaseLost', message: 'gone', details: { model: 'm' }, cause });
});

it.each<[unknown, boolean]>([['LeaseLost' satisfies FailureType, true], ['toString', false], ['', false], [null, false], [7, false]])('isFailureType(%j) is %s', (value, expected) => {
  expect(isFailureType(value)).toBe(expected);
});
