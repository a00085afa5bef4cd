import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/motion.js';

const ROOT = join(import.meta.dirname, '..', '..');
const FOLDER = join(ROOT, 'var', 'time-skipping');
const JARS = join(FOLDER, 'lib');
const FETCH_WITHIN_MS = 120_000;
const ATTEMPTS = 8;

/** Why there is no server whose time can be skipped; null where there is one. It is a Java program, which Maven fetches once. */
export function whyNoTimeSkipping(): string | null {
  for (const tool of [['java', '-version'], ['mvn', '--version']] as const) {
    try {
      execFileSync(tool[0], [tool[1]], { stdio: 'ignore' });
    } catch {
      return `skipped: there is no ${tool[0]} here, which Temporal's time-skipping server needs`;
    }
  }
  try {
    fetchServer();
    return null;
  } catch (error) {
    return `skipped: Temporal's time-skipping server cannot be fetched with Maven (${error instanceof Error ? error.message : 'unknown'})`;
  }
}

/** Temporal with a clock of its own: where every workflow waits, it jumps to the next timer. */
export async function startTimeSkipping(): Promise<TestWorkflowEnvironment> {
  const launcher = join(FOLDER, 'server.sh');
  writeFileSync(launcher, `#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp '${JARS}/*' io.temporal.testserver.TestServer "$@"\n`);
  chmodSync(launcher, 0o755);
  const environment = await started(launcher);
  await environment.connection.operatorService.addSearchAttributes({ namespace: environment.namespace ?? 'default', searchAttributes: ATTRIBUTES });
  return environment;
}

/** The SDK gives it five seconds to listen, and on a busy machine a Java program may take longer. */
async function started(launcher: string): Promise<TestWorkflowEnvironment> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path: launcher } } });
    } catch (error) {
      if (attempt === ATTEMPTS || !String(error).includes('did not start within')) throw error;
    }
  }
}

/** Kept for the next time, as a whole or not at all. */
function fetchServer(): void {
  if (existsSync(JARS)) return;
  const fetched = `${JARS}.${process.pid}`;
  mkdirSync(FOLDER, { recursive: true });
  try {
    execFileSync('mvn', ['-q', '-B', '-f', join(import.meta.dirname, 'pom.xml'), 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${fetched}`], { stdio: 'pipe', timeout: FETCH_WITHIN_MS });
    renameSync(fetched, JARS);
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

/** As the API's numbers: text with an index 2 and whole numbers 3. */
const INDEXED = { KEYWORD: 2, INT: 3 } as const;
const ATTRIBUTES = Object.fromEntries(Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, INDEXED[type]]));
