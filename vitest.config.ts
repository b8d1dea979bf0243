import { configDefaults, defineConfig } from 'vitest/config'
import { leftOut } from './test/support/other-database.ts'

const isOnPostgres = process.env.SIGNET_TEST_DATABASE === 'postgres'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(isOnPostgres ? leftOut() : [])],
    globalSetup: ['test/support/postgres-run.ts'],
    setupFiles: isOnPostgres ? ['test/support/postgres-file.ts'] : [],
    // A process each: tests open real files and native addons.
    pool: 'forks',
    // More than the cores of a small machine: tests also wait, for processes and for times that nobody can move.
    maxWorkers: 3,
    // Tests of the command line that run beside each other, each with a process at a time.
    maxConcurrency: 2,
    // These end a test that hangs. No test measures time by them, so a busy machine has room.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
