/** A backup: one file, consistent and checked, that appears under its name when it is finished. */
import SqliteDatabase from 'better-sqlite3'
import { closeSync, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { draftBeside } from '../../ground/draft.ts'
import { Fault } from '../../ground/errors.ts'
import { codeOf } from '../../ground/file-access.ts'
import type { Engine } from '../engine.ts'
import { damaged, fileFault, isTaken, placeFile, removeFile } from './database-file.ts'
import type { OpenDatabase } from './database.ts'
import { checkIntegrity } from './facts.ts'
import { isBusy, unavailable } from './failures.ts'
import { readPatiently } from './patience.ts'

/** Pages copied in one turn of the event loop: 4 MB, some milliseconds. */
const PAGES_A_TURN = 1024

export function backupVerb({ connection }: OpenDatabase): Pick<Engine, 'backup'> {
  return {
    backup: async (target) => {
      const file = resolve(target)
      if (isTaken(file)) throw alreadyThere(file)
      const temporary = draftBeside(file)
      try {
        closeSync(openSync(temporary, 'wx', 0o600))
        await copyNow(connection.file, temporary)
        finishCopy(temporary, connection.file)
        placeFile(temporary, file)
      } catch (error) {
        throw backupFault(file, error)
      } finally {
        removeFile(temporary)
      }
    },
  }
}

/**
 * Copies the state of this moment. Without a reading that is open meanwhile, SQLite begins anew whenever another process has
 * written (https://sqlite.org/backup.html), and beside a busy server a copy of several turns would never end.
 */
async function copyNow(file: string, copy: string): Promise<void> {
  const raw = new SqliteDatabase(file, { fileMustExist: true, timeout: 0 })
  try {
    raw.exec('BEGIN')
    await readPatiently(() => raw.exec('SELECT 1 FROM settings'))
    await raw.backup(copy, { progress: () => PAGES_A_TURN })
  } finally {
    raw.close()
  }
}

/** Leaves the copy without journal files of its own, and makes sure that it can be read to the end. */
function finishCopy(copy: string, original: string): void {
  const raw = new SqliteDatabase(copy)
  try {
    raw.pragma('journal_mode = DELETE')
    const findings = checkIntegrity(raw)
    if (findings !== 'ok') throw damaged(original, findings)
  } finally {
    raw.close()
  }
}

const alreadyThere = (file: string): Fault =>
  new Fault(`${file} exists already`, 'backups never replace a file: choose another name or move it away')

function backupFault(file: string, error: unknown): unknown {
  if (error instanceof Fault) return error
  if (codeOf(error) === 'EEXIST') return alreadyThere(file)
  return isBusy(error) ? unavailable(error) : fileFault('write', file, error)
}
