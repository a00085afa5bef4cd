import { defineConfig } from 'vitest/config';

// `npm run record:histories`: real runs on real servers, written into this folder.
export default defineConfig({
  test: { include: ['test/histories/record.ts'], pool: 'forks', testTimeout: 600_000, hookTimeout: 120_000 },
});
