import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ensureAuditKey } from '../embedded/local-audit-key.js';
import { alarmReceiver } from './alarm-receiver.js';
import { auditSigning } from './audit-signing.js';
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

describe('what signs the audit ledger', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-key-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const keyFile = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem);
    return join(folder, name);
  };
  const pkcs8 = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signing = (file: string | undefined, checkpoints?: string) => auditSigning(readEnvironment({ AUDIT_KEY_FILE: file, AUDIT_CHECKPOINTS: checkpoints }));

  it('is a key with a folder, or nothing', () => {
    expect(signing(undefined)).toBeNull();
    expect(signing(keyFile('good', pkcs8(privateKey)), folder)).toMatchObject({ origin: 'perennial/audit', folder, key: { asymmetricKeyType: 'ed25519' } });
    expect(() => signing(keyFile('good', pkcs8(privateKey)))).toThrow(/AUDIT_KEY_FILE and AUDIT_CHECKPOINTS belong together/);
    expect(() => signing(undefined, folder)).toThrow(/belong together/);
  });

  it.each([
    ['is not there', () => join(folder, 'none'), /none, which cannot be read \(ENOENT\); make a key with `openssl genpkey/],
    ['holds no key', () => keyFile('words', 'hunter2'), /holds no private key of Ed25519/],
    ['holds a public key', () => keyFile('public', publicKey.export({ type: 'spki', format: 'pem' }) as string), /holds no private key of Ed25519/],
    ['holds a key of another kind', () => keyFile('other', pkcs8(generateKeyPairSync('x25519').privateKey)), /holds no private key of Ed25519/],
  ])('is refused where the file %s, without its content', (_, file, says) => {
    expect(() => signing(file(), folder)).toThrow(says);
    expect(() => signing(file(), folder)).not.toThrow(/hunter2/);
  });

  it('is made once by an installation of one machine, for its owner alone', () => {
    const file = ensureAuditKey(folder);
    const pem = readFileSync(file, 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(ensureAuditKey(folder)).toBe(file);
    expect(readFileSync(file, 'utf8')).toBe(pem);
    expect(signing(file, folder)?.key.asymmetricKeyType).toBe('ed25519');
  });

  it.each(['two words', 'a+b', 'a\nb'])('has no name like %j', (AUDIT_ORIGIN) => {
    expect(() => readEnvironment({ AUDIT_ORIGIN })).toThrow(/AUDIT_ORIGIN/);
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
