import { modelSpecSchema } from '../../src/spec/model-spec.js';

/** The spec of the rows and the model that prepare.py makes. */
export const benchSpec = modelSpecSchema.parse({
  apiVersion: 'perennial/v1',
  model: 'scoring-bench',
  purpose: 'A million rows to measure how fast a candidate is scored.',
  owner: 'bench',
  tier: 'low',
  task: 'binary-classification',
  data: {
    source: { path: 'rows.parquet' },
    eventTime: 'at',
    key: ['at'],
    label: 'label',
    labelHorizon: 'PT0S',
    features: Array.from({ length: 30 }, (_, index) => ({ name: `f${index}`, type: 'number', maxMissing: 1 })),
  },
  training: { trainer: 'none' },
  gates: { comparison: { metric: 'auc' } },
});
