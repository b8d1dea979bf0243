/**
 * The files of a run on PostgreSQL (`SIGNET_TEST_DATABASE=postgres`): all test files, but those that say in their first
 * comment why not, in a line that begins with these words.
 */
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const WHY_NOT = /^(?: \*|\/\*\*) Not again on PostgreSQL: \S.*$/m

const ROOT = resolve(import.meta.dirname, '../..')

/** The test files that a run on PostgreSQL leaves out. */
export const leftOut = (): string[] =>
  globSync('test/**/*.test.ts', { cwd: ROOT }).filter((file) => {
    const [comment = ''] = readFileSync(resolve(ROOT, file), 'utf8').split('*/', 1)
    return comment.startsWith('/**') && WHY_NOT.test(comment)
  })
