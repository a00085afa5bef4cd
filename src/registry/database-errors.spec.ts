import { QueryFailedError } from 'typeorm';
import { expect, it } from 'vitest';
import { isDatabaseAway } from './database-errors.js';

const coded = (code: string): Error => Object.assign(new Error('said by the driver'), { code });

it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', '57P01', '53300', '08006'])('takes %s for a database that is away', (code) => {
  expect(isDatabaseAway(coded(code))).toBe(true);
  expect(isDatabaseAway(new QueryFailedError('SELECT 1', [], coded(code)))).toBe(true);
  expect(isDatabaseAway(new AggregateError([coded(code)]))).toBe(true);
  expect(isDatabaseAway(new Error('a step failed', { cause: coded(code) }))).toBe(true);
});

it('takes a statement that is wrong for what it is', () => {
  expect(isDatabaseAway(new QueryFailedError('SELECT', [], coded('42601')))).toBe(false);
  expect(isDatabaseAway(new QueryFailedError('INSERT', [], coded('23505')))).toBe(false);
  expect(isDatabaseAway('Connection terminated')).toBe(false);
});
