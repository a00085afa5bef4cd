import { describe, expect, it } from 'vitest';
import { refusalOf, sign, TOLERANCE_SECONDS } from './signature.js';

/** The example that the standard's own libraries are tested with. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const AT = new Date(1_614_265_330_000);
const BODY = '{"test": 2432232314}';

describe('sign', () => {
  it("gives the standard's example", () => {
    expect(sign(SECRET, ID, AT, BODY)).toEqual({
      'webhook-id': ID, 'webhook-timestamp': '1614265330', 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });
});

describe('refusalOf', () => {
  const headers = sign(SECRET, ID, AT, BODY);
  const shifted = (seconds: number): Date => new Date(AT.getTime() + seconds * 1_000);

  it('lets a genuine message in, also beside signatures of other keys and versions', () => {
    expect(refusalOf(SECRET, headers, BODY, AT)).toBeUndefined();
    expect(refusalOf(SECRET, headers, Buffer.from(BODY), shifted(TOLERANCE_SECONDS))).toBeUndefined();
    const several = { ...headers, 'webhook-signature': `v1a,xyz v1,AAAA ${headers['webhook-signature']}` };
    expect(refusalOf(SECRET, several, BODY, AT)).toBeUndefined();
  });

  it.each([
    ['another body', headers, `${BODY} `],
    ['another id', { ...headers, 'webhook-id': 'other' }, BODY],
    ['another time', { ...headers, 'webhook-timestamp': '1614265331' }, BODY],
    ['a shortened signature', { ...headers, 'webhook-signature': headers['webhook-signature'].slice(0, -4) }, BODY],
    ['an empty signature', { ...headers, 'webhook-signature': 'v1,' }, BODY],
    ['another version', { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1', 'v2') }, BODY],
  ])('refuses %s', (_, changed, body) => {
    expect(refusalOf(SECRET, changed, body, AT)).toMatch(/no signature of webhook-signature is of this message/);
  });

  it('refuses the secret of another', () => {
    expect(refusalOf('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', headers, BODY, AT)).toMatch(/no signature/);
  });

  it('refuses a message that is too old or from the future, and says that clocks are apart', () => {
    for (const seconds of [TOLERANCE_SECONDS + 1, -3_600]) expect(refusalOf(SECRET, headers, BODY, shifted(seconds))).toMatch(/set both clocks/);
  });

  it('refuses what lacks a header or has no number for a time', () => {
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const) expect(refusalOf(SECRET, { ...headers, [name]: undefined }, BODY, AT)).toMatch(/must all be sent/);
    for (const time of ['', 'NaN', '1e9', '-5', '1614265330.5']) expect(refusalOf(SECRET, { ...headers, 'webhook-timestamp': time }, BODY, AT)).toBeDefined();
  });
});
