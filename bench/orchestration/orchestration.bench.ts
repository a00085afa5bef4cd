import { DefaultLogger, Runtime } from '@temporalio/worker';
import { benchFloodedModel } from './flooded-model.js';
import { Installation } from './installation.js';
import { benchRetrainOverhead } from './retrain-overhead.js';
import { benchTenSteps } from './ten-steps.js';
import { benchWaitingModels } from './waiting-models.js';

/**
 * What orchestration costs: a step, a retrain beyond its work, a model that waits, a model that is flooded.
 * Arguments: any of `steps`, `retrains`, `models`, `flood` (all where none is named), and how many models wait, or events come.
 */
const PARTS = ['steps', 'retrains', 'models', 'flood'];
const args = process.argv.slice(2);
const named = args.filter((arg) => !/^\d+$/.test(arg));
const unknown = named.filter((arg) => !PARTS.includes(arg));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}; choose from ${PARTS.join(', ')}`);
  process.exit(2);
}
const wanted = (part: string): boolean => named.length === 0 || named.includes(part);
const count = args.find((arg) => /^\d+$/.test(arg));

Runtime.install({ logger: new DefaultLogger('ERROR') });
if (wanted('steps')) await benchTenSteps();
if (wanted('retrains') || wanted('models') || wanted('flood')) {
  const perennial = await Installation.start();
  try {
    if (wanted('retrains')) await benchRetrainOverhead(perennial);
    if (wanted('models')) await benchWaitingModels(perennial, Number(count ?? 200));
    if (wanted('flood')) await benchFloodedModel(perennial, Number(count ?? 20_000));
  } finally {
    await perennial.stop();
  }
}
