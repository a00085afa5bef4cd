import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '#embedded/pid-lock.mjs';

/** Waits until the process has ended; false when it still runs after `timeoutMs`. */
export async function ended(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(25);
  }
  return true;
}

/** Sends the signal and, when the process still runs after `graceMs`, SIGKILL; returns once it has ended. */
export async function endProcess(pid: number, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  sendSignal(pid, signal);
  if (await ended(pid, graceMs)) return;
  sendSignal(pid, 'SIGKILL');
  await ended(pid, 5_000);
}

/** Like `process.kill`, but a process (or with a negative id a group) that is gone already is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
