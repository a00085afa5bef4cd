export { deployment } from './deployment.workflow.js';
export { ingestion } from './ingestion.workflow.js';
export { modelLifecycle } from './model-lifecycle.workflow.js';
export { reconcile } from './reconcile.workflow.js';
export { replay } from './replay.workflow.js';
export { retrain } from './retrain.workflow.js';
export { rollback } from './rollback.workflow.js';
