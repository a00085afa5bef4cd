/** What the files of a room may import of ours. A file may always import its own room. */
export interface RoomFence {
  /** Needed when the importing file is loaded. */
  readonly runs?: readonly string[];
  /** Loaded later, by `import()`, when a role or a verb is asked for. */
  readonly loads?: readonly string[];
  /** By `import type` only, gone at run time. */
  readonly types?: readonly string[];
}

/** From the leaf upwards. Whatever is not named here is forbidden, a new room without a line too. */
export const ROOMS: Readonly<Record<string, RoomFence>> = {
  contracts: {},
  migrations: {},
  config: { runs: ['contracts'] },
  spec: { runs: ['contracts'] },
  // The form of the audit ledger: what a third party recomputes, so it needs nothing else of ours.
  ledger: { runs: ['contracts'] },
  registry: { runs: ['contracts', 'spec', 'ledger', 'migrations'] },

  // The domain: each sees what is below, and of the record nothing but its types.
  artifacts: { runs: ['contracts', 'spec'], types: ['registry'] },
  data: { runs: ['contracts', 'spec', 'artifacts'], types: ['registry'] },
  // The observation log's form and what is read of it; the gateway writes it.
  observations: { runs: ['contracts', 'spec', 'artifacts', 'data'], types: ['registry'] },
  training: { runs: ['contracts', 'spec', 'artifacts', 'data'], types: ['registry'] },
  evaluation: { runs: ['contracts', 'spec', 'artifacts', 'data'], types: ['registry'] },
  rollout: { runs: ['contracts', 'spec', 'artifacts', 'data', 'evaluation'], types: ['registry'] },
  drift: { runs: ['contracts', 'spec', 'artifacts', 'data', 'observations', 'evaluation', 'rollout'], types: ['registry'] },
  // What stages ask for and what people's votes come to.
  lifecycle: { runs: ['contracts', 'spec'], types: ['registry'] },
  // Signed messages to whoever has to know.
  alarms: { runs: ['contracts'], types: ['registry'] },
  // Who calls, by what they show: both doors ask.
  access: { runs: ['contracts'], types: ['registry'] },
  // The gateway is a room and a role: it reads the routing and keeps a lease.
  serving: { runs: ['contracts', 'spec', 'artifacts', 'data', 'observations', 'evaluation', 'rollout', 'registry', 'access'] },

  // The motion.
  // Copies of checkpoints go to buckets and webhooks.
  dispatch: { runs: ['contracts', 'ledger', 'artifacts', 'alarms'], types: ['registry'] },
  activities: { runs: ['contracts', 'spec', 'artifacts', 'data', 'observations', 'training', 'evaluation', 'rollout', 'drift', 'lifecycle', 'alarms', 'registry', 'dispatch'] },
  workflows: { runs: ['contracts'], types: ['activities'] },
  worker: { runs: ['contracts', 'config', 'artifacts', 'alarms', 'registry', 'dispatch', 'activities'] },

  // The doors.
  // One prediction is read where it was logged, and DuckDB is loaded for it when it is asked for (docs/adr/0007-the-api-reads-one-prediction.md).
  // What it judges of what it shows comes from the lifecycle's pure functions (docs/adr/0011-the-api-judges-what-it-shows.md).
  api: { runs: ['contracts', 'config', 'spec', 'lifecycle', 'registry', 'access', 'dispatch', 'artifacts', 'alarms'], loads: ['observations'], types: ['workflows', 'observations'] },
  embedded: { runs: ['contracts', 'config', 'registry'] },
  // `policy backtest` decides and trains on this machine, without an API: no other verb loads those rooms.
  cli: { runs: ['contracts', 'config', 'ledger', 'embedded'], loads: ['tour', 'training', 'drift'], types: ['api'] },
  tour: { runs: ['contracts', 'config', 'spec', 'data', 'embedded', 'cli'], types: ['api'] },
  main: {
    runs: ['contracts', 'config'],
    loads: ['api', 'cli', 'embedded', 'registry', 'serving', 'worker'],
    types: ['serving'],
  },
};

/** Technology that only an adapter may load, so that it can be replaced in one place. Names are of files or rooms. */
export const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  '@duckdb/node-bindings': ['src/data/duckdb.ts'],
  '@duckdb/node-api': ['src/data/duckdb.ts', 'src/data/table-appender.ts', 'src/evaluation/parquet-rows.ts'],
  'onnxruntime-node': ['src/evaluation/onnx-runtime.ts'],
  '@temporalio/worker': ['src/worker'],
  '@temporalio/workflow': ['workflows'],
  '@temporalio/activity': ['activities'],
  '@temporalio/testing': ['src/embedded/find-temporal.mjs'],
  aws4fetch: ['src/artifacts/s3-bucket.ts'],
  commander: ['src/cli'],
  'csv-parse/sync': ['src/api/inventory/inventory-file.ts'],
  fastify: ['src/serving/http-server.ts', 'src/api'],
  'prom-client': ['src/api/metrics', 'src/serving/serving-metrics.ts'],
  pg: ['src/embedded/postgres-roles.ts', 'src/serving/routing-listener.ts'],
  'tar-stream': ['src/artifacts/tar-file.ts'],
  typeorm: ['src/registry', 'migrations', 'src/api/api.module.ts', 'src/serving/record-link.ts'],
};

/** All that a workflow may load, itself or through contracts: anything else is not there, or not the same, at a replay. */
export const WORKFLOW_PACKAGES: readonly string[] = ['@temporalio/workflow', '@temporalio/common'];

/** Files of ours that few may load: what they do cannot be undone. */
export const GUARDED: Readonly<Record<string, readonly string[]>> = {
  'src/artifacts/artifact-eraser.ts': ['activities/evidence-deletion.ts', 'src/worker/worker.module.ts'],
};
