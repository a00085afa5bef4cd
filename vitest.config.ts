import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.spec.ts', 'models/**/*.spec.ts', 'test/**/*.spec.ts'],
    exclude: ['node_modules', 'dist', 'var'],
    pool: 'forks',
    // Real servers and trainers: more at once would only make each wait for the two cores.
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
  },
});
