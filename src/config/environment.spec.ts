import { describe, expect, it } from 'vitest';
import { alarmReceiver } from './alarm-receiver.js';
import { readEnvironment } from './environment.js';
import { requireServers } from './servers.js';

describe('readEnvironment', () => {
  it('has a default for everything, and takes an empty variable for one that is not set', () => {
    const environment = readEnvironment({ API_PORT: '', DATABASE_URL: '' });
    expect(environment).toMatchObject({ API_PORT: 3000, GATEWAY_PORT: 3001, TEMPORAL_NAMESPACE: 'default' });
    expect(environment.DATABASE_URL).toBeUndefined();
    expect(readEnvironment({ GPU_DEVICES: '' }).GPU_DEVICES).toBe('');
  });

  it('names every faulty setting and never its value', () => {
    const attempt = () => readEnvironment({ DATABASE_URL: 'mysql://user:hunter2@host/db', API_PORT: 'hunter2', LOG_LEVEL: 'hunter2' });
    expect(attempt).toThrow(/DATABASE_URL.*API_PORT.*LOG_LEVEL/);
    expect(attempt).not.toThrow(/hunter2/);
  });
});

describe('requireServers', () => {
  it('names what a role of its own is not told', () => {
    expect(() => requireServers(readEnvironment({}))).toThrow(/DATABASE_URL and TEMPORAL_ADDRESS must be set/);
    expect(requireServers(readEnvironment({ DATABASE_URL: 'postgres://a@b/c' }), ['DATABASE_URL']).DATABASE_URL).toBe('postgres://a@b/c');
  });
});

describe('the receiver of alarms', () => {
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const read = (settings: Record<string, string>) => alarmReceiver(readEnvironment(settings));

  it('is an address with a secret, or nobody', () => {
    expect(read({ ALARM_WEBHOOK_URL: 'https://alarms.example/in', ALARM_WEBHOOK_SECRET: secret })).toEqual({ url: 'https://alarms.example/in', secret });
    expect(read({ ALARM_WEBHOOK_SECRET: secret })).toBeNull();
    expect(() => read({ ALARM_WEBHOOK_URL: 'https://alarms.example/in' })).toThrow(/without ALARM_WEBHOOK_SECRET; set it to whsec_/);
  });

  it.each([24, 32, 63, 64])('may have a secret of %i bytes', (bytes) => {
    expect(read({ ALARM_WEBHOOK_URL: 'http://a', ALARM_WEBHOOK_SECRET: `whsec_${Buffer.alloc(bytes, 1).toString('base64')}` })).not.toBeNull();
  });

  it.each([
    ['a short secret', { ALARM_WEBHOOK_SECRET: `whsec_${Buffer.alloc(23).toString('base64')}` }, /ALARM_WEBHOOK_SECRET: must be whsec_/],
    ['a long secret', { ALARM_WEBHOOK_SECRET: `whsec_${Buffer.alloc(65).toString('base64')}` }, /24 to 64 bytes/],
    ['a secret without its prefix', { ALARM_WEBHOOK_SECRET: secret.slice(6) }, /must be whsec_/],
    ['another scheme', { ALARM_WEBHOOK_URL: 'ftp://hunter2' }, /ALARM_WEBHOOK_URL: must be a URL of http/],
    ['no URL', { ALARM_WEBHOOK_URL: 'hunter2' }, /ALARM_WEBHOOK_URL/],
    ['a password in the address', { ALARM_WEBHOOK_URL: 'https://me:hunter2@alarms.example' }, /must not hold a user or password/],
  ])('is refused with %s, which is not repeated', (_, settings, says) => {
    expect(() => read(settings)).toThrow(says);
    expect(() => read(settings)).not.toThrow(/hunter2|AQEBAQ/);
  });
});
