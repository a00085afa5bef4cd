import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The workflows, bundled at build time so that a worker starts without a compiler. */
export const WORKFLOW_BUNDLE = join(dist, 'workflow-bundle.js');

/** Bundles the compiled workflows; part of `npm run build`. */
export async function writeWorkflowBundle(): Promise<void> {
  const { code } = await bundleWorkflowCode({ workflowsPath: join(dist, 'workflows', 'index.js'), workflowInterceptorModules: [join(dist, 'workflows', 'interceptors.js')] });
  await writeFile(WORKFLOW_BUNDLE, code);
}
