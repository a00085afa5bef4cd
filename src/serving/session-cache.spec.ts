import { describe, expect, it } from 'vitest';
import type { ScoringSession } from './scoring-session.js';
import { openSession } from './scoring-session.js';
import { SessionCache } from './session-cache.js';
import { modelFile } from './testing/served-registry.js';

/** Counts what is opened and released of real sessions. */
function counted(): { cache: SessionCache; opened: string[]; released: string[] } {
  const [opened, released]: [string[], string[]] = [[], []];
  const cache = new SessionCache(async (digest, width): Promise<ScoringSession> => {
    opened.push(digest);
    const session = await openSession(modelFile(digest), width);
    return { trial: { rowsIndependent: true, rowsPerSecond: 1 }, outputs: session.outputs, run: (...rows) => session.run(...rows), release: async () => { released.push(digest); await session.release(); } };
  });
  return { cache, opened, released };
}

describe('SessionCache', () => {
  it('opens an artifact once for all who hold it, and frees it with the last', async () => {
    const { cache, opened, released } = counted();
    const [first, second] = await Promise.all([cache.acquire('rising.onnx', 3), cache.acquire('rising.onnx', 3)]);
    expect(second).toBe(first);
    expect(opened).toEqual(['rising.onnx']);
    first.release();
    await new Promise(setImmediate);
    expect(released).toEqual([]);
    second.release();
    await new Promise(setImmediate);
    expect(released).toEqual(['rising.onnx']);
    expect(cache.size).toBe(0);
  });

  it('opens anew what was freed', async () => {
    const { cache, opened } = counted();
    (await cache.acquire('rising.onnx', 3)).release();
    (await cache.acquire('rising.onnx', 3)).release();
    expect(opened).toHaveLength(2);
  });

  it('keeps nothing of a session that could not be opened', async () => {
    const { cache, opened } = counted();
    await expect(cache.acquire('rising.onnx', 9)).rejects.toMatchObject({ type: 'ModelRefused' });
    expect(cache.size).toBe(0);
    (await cache.acquire('rising.onnx', 3)).release();
    expect(opened).toHaveLength(2);
  });
});
