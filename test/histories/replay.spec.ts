import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleWorkflows } from '../workflow-bundle.js';
import { fromRecorded, type RecordedHistory } from './history-file.js';

const ROOT = join(import.meta.dirname, '..', '..');
const NAMES = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.json'));
const read = (name: string): RecordedHistory => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as RecordedHistory;
const typeOf = ({ history }: RecordedHistory): string => (history.events[0]?.['workflowExecutionStartedEventAttributes'] as { workflowType: { name: string } }).workflowType.name;

let code: string;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  ({ code } = await bundleWorkflows());
});

const replay = (recorded: RecordedHistory): Promise<void> =>
  Worker.runReplayHistory({ workflowBundle: { code } }, fromRecorded(recorded), recorded.workflowId);

describe('the workflows as they are now', () => {
  it.each(NAMES)('replay %s', async (name) => {
    await expect(replay(read(name))).resolves.toBeUndefined();
  });

  it('have all been recorded', () => {
    const exported = [...readFileSync(join(ROOT, 'workflows', 'index.ts'), 'utf8').matchAll(/export \{ (\w+) \}/g)].map(([, name]) => name as string);
    expect(exported.length).toBeGreaterThan(0);
    expect(exported.filter((type) => !NAMES.some((name) => typeOf(read(name)) === type))).toEqual([]);
  });

  it('do not replay a history in which another step was taken', async () => {
    const name = NAMES.find((one) => one.endsWith('-retrain-promoted.json')) as string;
    const changed = JSON.parse(JSON.stringify(read(name)).replaceAll('"takeSnapshot"', '"takeAnotherSnapshot"')) as RecordedHistory;
    await expect(replay(changed)).rejects.toThrow(/determinism|takeAnotherSnapshot/i);
  });
});

describe('a recorded history', () => {
  const SECRETS = /\bper_[\w-]{20,}|authorization|bearer |password|passwd|secret|api[_-]?key|private[_-]?key|postgres(ql)?:\/\//i;
  const PLACES = /\/home\/|\/Users\/|\/root\/|\b\d+@[\w-]+\b/;

  it.each(NAMES)('%s holds no secret and names no machine', (name) => {
    const text = plainText(read(name).history);
    expect(SECRETS.exec(text)?.[0]).toBeUndefined();
    expect(PLACES.exec(text)?.[0]).toBeUndefined();
  });

  it('would be searched below its encoding', () => {
    const hidden = { data: Buffer.from('{"url":"postgres://me:it@there"}').toString('base64') };
    expect(plainText({ events: [hidden] })).toMatch(SECRETS);
  });
});

/** All strings of a history, payloads decoded. */
function plainText(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value === null || typeof value !== 'object') return '';
  return Object.entries(value).map(([name, member]) => (name === 'data' && typeof member === 'string' ? `${Buffer.from(member, 'base64').toString('utf8')}\n` : plainText(member))).join('');
}
