import { describe, expect, it } from 'vitest';
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
