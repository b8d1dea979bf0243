import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres-run.ts'],
    // A process each: tests open real files and native addons.
    pool: 'forks',
    maxWorkers: 2,
    // These end a test that hangs. No test measures time by them, so a busy machine has room.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
