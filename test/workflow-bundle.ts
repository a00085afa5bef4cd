import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

const WORKFLOWS = join(import.meta.dirname, '..', 'workflows');

/** The workflows from their sources with their interceptors, as `npm run build` bundles the compiled ones. */
export const bundleWorkflows = (): Promise<WorkflowBundleWithSourceMap> =>
  bundleWorkflowCode({ workflowsPath: join(WORKFLOWS, 'index.ts'), workflowInterceptorModules: [join(WORKFLOWS, 'interceptors.ts')], logger: new DefaultLogger('ERROR') });
