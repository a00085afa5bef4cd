import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { DataSource } from 'typeorm';
import type { CallsUnderWay } from '../commands/calls-under-way.js';

const PROBE_TIMEOUT_MS = 2_000;

export interface DependencyState {
  readonly name: 'postgres' | 'temporal' | 'artifacts';
  readonly state: 'up' | 'down';
  readonly ms: number;
  /** Why it is down, without addresses and secrets. */
  readonly reason?: string;
}

/** What the API cannot work without, each tried for real. */
export class Dependencies {
  constructor(
    private readonly dataSource: DataSource,
    private readonly client: Client,
    private readonly calls: CallsUnderWay,
    private readonly artifactFolder: string,
  ) {}

  async probe(): Promise<DependencyState[]> {
    return Promise.all([
      probeOf('postgres', () => this.dataSource.query('SELECT 1')),
      probeOf('temporal', () => this.calls.track(this.client.withDeadline(Date.now() + PROBE_TIMEOUT_MS, () => this.client.workflowService.getSystemInfo({})))),
      probeOf('artifacts', () => writeAndRemove(join(this.artifactFolder, 'incoming'))),
    ]);
  }
}

async function probeOf(name: DependencyState['name'], attempt: () => Promise<unknown>): Promise<DependencyState> {
  const began = performance.now();
  const reason = await Promise.race([attempt().then(() => undefined, reasonOf), timeout()]);
  const ms = Math.round(performance.now() - began);
  return reason === undefined ? { name, state: 'up', ms } : { name, state: 'down', ms, reason };
}

function timeout(): Promise<string> {
  return new Promise((resolve) => { setTimeout(resolve, PROBE_TIMEOUT_MS, `no answer within ${PROBE_TIMEOUT_MS} ms`).unref(); });
}

/** A code says enough; messages may hold addresses or paths. */
function reasonOf(error: unknown): string {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  if (code === 4) return `no answer within ${PROBE_TIMEOUT_MS} ms`;
  return typeof code === 'string' || typeof code === 'number' ? `cannot be used (${code})` : 'cannot be used';
}

async function writeAndRemove(folder: string): Promise<void> {
  const file = join(folder, randomUUID());
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(file, 'ready', { flag: 'wx' });
  } finally {
    await rm(file, { force: true });
  }
}
