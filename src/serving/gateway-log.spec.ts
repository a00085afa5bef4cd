import { describe, expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import { causeOf, gatewayLog } from './gateway-log.js';

describe('gatewayLog', () => {
  it('writes one JSON line for each message that is severe enough', () => {
    const lines: string[] = [];
    const log = gatewayLog('warn', (line) => lines.push(line));
    log.error({ model: 'm' }, 'first\nline');
    log.warn({}, 'second');
    log.info({}, 'third');
    log.debug({}, 'fourth');
    expect(lines.map((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toEqual([true, true]);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'error', role: 'gateway', message: 'first\nline', model: 'm', time: expect.stringMatching(/Z$/) as string },
      { level: 'warn', message: 'second' },
    ]);
  });
});

describe('causeOf', () => {
  it('names the failure and leaves out the query with its parameters', () => {
    expect(causeOf(new PerennialError('ArtifactCorrupt', 'other bytes'))).toEqual({ type: 'ArtifactCorrupt', cause: 'other bytes' });
    const failed = Object.assign(new Error('no such table'), { code: '42P01', query: 'SELECT', parameters: ['secret'] });
    expect(causeOf(failed)).toEqual({ type: '42P01', cause: 'no such table' });
    expect(causeOf('gone')).toEqual({ type: 'Internal', cause: 'gone' });
  });
});
