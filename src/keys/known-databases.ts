/**
 * Beside the master key stands a list of the databases that it has sealed keys for. A database on it that is
 * gone was lost, not never made: the start is refused, instead of beginning anew with other keys and no clients.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const listFile = (keysDir: string): string => join(keysDir, 'databases')

/** Absolute paths, oldest first. */
export const listKnownDatabases = (keysDir: string): string[] => {
  try {
    return readFileSync(listFile(keysDir), 'utf8').split('\n').filter(Boolean)
  } catch {
    return [] // none yet; where it cannot be read, the master key beside it cannot either and that is told
  }
}

export const isKnownDatabase = (keysDir: string, file: string): boolean =>
  listKnownDatabases(keysDir).includes(resolve(file))

export function rememberDatabase(keysDir: string, file: string): void {
  if (!isKnownDatabase(keysDir, file)) appendFileSync(listFile(keysDir), `${resolve(file)}\n`, { mode: 0o600 })
}
