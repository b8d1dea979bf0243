/** Folders that are gone afterwards, and the files that one Signet keeps in one. */
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Takes work that is to be done at the end, of a test or of a whole run. */
export type OnEnd = (work: () => Promise<void> | void) => void

/** @param name how the folder's name begins */
export function temporaryFolder(onEnd: OnEnd, name = 'signet-test-'): string {
  const folder = mkdtempSync(join(tmpdir(), name))
  onEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

export const databaseIn = (folder: string): string => join(folder, 'data/signet.db')

/**
 * The PostgreSQL on which this run of the tests works instead of SQLite files: the URL of a database in which each folder
 * has a schema of its own. `undefined` for SQLite.
 */
export const postgresOfRun = process.env.SIGNET_TEST_DATABASE === 'postgres' ? process.env.SIGNET_TEST_URL : undefined

const databaseUrlOf = (folder: string): string =>
  postgresOfRun === undefined
    ? `file:${databaseIn(folder)}`
    : `${postgresOfRun}?schema=t_${hash('sha256', folder).slice(0, 20)}`

/** Variables for a Signet that keeps everything in one folder, or in a schema of its name, and serves on a free port. */
export const environmentOf = (folder: string, env: Record<string, string> = {}): Record<string, string> => ({
  SIGNET_PORT: '0',
  SIGNET_DATABASE_URL: databaseUrlOf(folder),
  SIGNET_KEYS_DIR: join(folder, 'keys'),
  ...env,
})
