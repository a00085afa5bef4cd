import { expect, it } from 'vitest';
import { asksConfirmation } from '../contracts/go-live.js';
import { whyNotConfirm } from './go-live.js';

it.each<[string, boolean, boolean]>([['low', false, true], ['low', true, false], ['medium', true, true], ['critical', true, true], ['high', false, true]])(
  'of tier %s, with one confirmed before: %s, the owner is asked: %s', (tier, before, asks) => {
    expect(asksConfirmation(tier, before)).toBe(asks);
  });

const AT = '2026-01-01T00:00:00.000Z';
const asked = { model: 'churn', deployment: 'default', version: 3, champion: 3, goLive: { epoch: 2, confirmed: null } };

it('the version that answers is confirmed', () => {
  expect(whyNotConfirm(asked)).toBeNull();
});

it.each<[string, Partial<Parameters<typeof whyNotConfirm>[0]>, RegExp]>([
  ['twice', { goLive: { epoch: 2, confirmed: { by: 'ann', at: AT } } }, /^ann has confirmed at 2026-01-01T00:00:00\.000Z .*; it is confirmed once$/],
  ['where another answers', { champion: 4 }, /does not answer in default: version 4 does/],
  ['where nothing answers', { champion: null }, /does not answer in default: nothing does/],
  ['without a use case', { goLive: null }, /without a use case in its spec/],
])('none is confirmed %s', (_, changes, expected) => {
  expect(whyNotConfirm({ ...asked, ...changes })).toMatch(expected);
});
