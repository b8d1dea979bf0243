import { configDefaults, defineConfig } from 'vitest/config'
import { leftOut } from './test/support/other-database.ts'

const isOnPostgres = process.env.SIGNET_TEST_DATABASE === 'postgres'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(isOnPostgres ? leftOut() : [])],
    globalSetup: ['test/support/ready-keys-run.ts', 'test/support/postgres-run.ts'],
    setupFiles: ['test/support/ready-keys-file.ts', ...(isOnPostgres ? ['test/support/postgres-file.ts'] : [])],
    // A process each: tests open real files and native addons.
    pool: 'forks',
    // Files share a process and its loaded modules, which hold no state. On PostgreSQL each file has a database of its own.
    isolate: isOnPostgres,
    // More than the cores of a small machine: tests also wait, for processes and for times that nobody can move. With
    // PostgreSQL they wait less.
    maxWorkers: isOnPostgres ? 3 : 5,
    // Tests of the command line that run beside each other, each with a process at a time.
    maxConcurrency: 2,
    // These end a test that hangs. No test measures time by them or has a shorter one, so a busy machine has room.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
