/** Folders that are gone afterwards, and the files that one Signet keeps in one. */
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

/** Variables for a Signet that keeps everything in one folder and serves on a free port. */
export const environmentOf = (folder: string, env: Record<string, string> = {}): Record<string, string> => ({
  SIGNET_PORT: '0',
  SIGNET_DATABASE_URL: `file:${databaseIn(folder)}`,
  SIGNET_KEYS_DIR: join(folder, 'keys'),
  ...env,
})
