/**
 * Saves the database of a process whose file is no longer at its path. The open file has no name then, and is gone with the
 * process. A copy is whole before it has its name, and it never takes the place of another file.
 */
import SqliteDatabase from 'better-sqlite3'
import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { draftBeside } from '../../ground/draft.ts'
import { codeOf } from '../../ground/file-access.ts'
import { shell } from '../../ground/shell-word.ts'
import type { Connection } from './connection.ts'
import { fileFault, isTaken, placeFile, removeFile } from './database-file.ts'
import { savedName } from './saved-name.ts'

/** Pages copied in one turn of the event loop: 4 MB, some milliseconds. The process goes on answering. */
const PAGES_A_TURN = 1024
/** A copy that failed is tried again after this time. The disk may have room then. */
const AGAIN_AFTER_MS = 1000

export class SavedCopy {
  readonly #raw: Connection['raw']
  readonly #file: string
  #path: string | undefined
  #fault: string | undefined
  #running: Promise<void> | undefined
  #triedAt = -Infinity

  /** @param file the path that the database had, links followed */
  constructor(raw: Connection['raw'], file: string) {
    this.#raw = raw
    this.#file = file
  }

  /** The finished copy; `undefined` as long as there is none. */
  get path(): string | undefined {
    return this.#path
  }

  /** The reason why the last attempt failed. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** Begins to save the copy, where there is none and no attempt was made just now. */
  begin(): void {
    if (performance.now() - this.#triedAt >= AGAIN_AFTER_MS) void this.save()
  }

  /** Saves the copy, unless there is one. Never rejects: `fault` tells the failure. */
  save(): Promise<void> {
    if (this.#path !== undefined) return Promise.resolve()
    this.#running ??= this.#attempt().finally(() => {
      this.#triedAt = performance.now()
      this.#running = undefined
    })
    return this.#running
  }

  async #attempt(): Promise<void> {
    try {
      this.#path = await this.#write()
      this.#fault = undefined
    } catch (error) {
      this.#fault = this.#describe(error)
    }
  }

  async #write(): Promise<string> {
    const draft = draftBeside(this.#file)
    try {
      closeSync(openSync(draft, 'wx', 0o600))
      await this.#raw.backup(draft, { progress: () => PAGES_A_TURN })
      dropJournal(draft)
      return placeAtFreeName(draft, this.#file)
    } finally {
      removeFile(draft)
    }
  }

  #describe(error: unknown): string {
    const folder = dirname(this.#file)
    if (!existsSync(folder))
      return `the folder ${folder} is gone: move it back, or make it again with: mkdir -p -m 700 ${shell(folder)}`
    const { message, help = '' } = fileFault('write', savedName(this.#file, 1), error)
    return `${message}: ${help.replace('; nothing was changed', '')}`
  }
}

/** Leaves the copy all in its one file. */
function dropJournal(copy: string): void {
  const raw = new SqliteDatabase(copy)
  try {
    raw.pragma('journal_mode = DELETE')
  } finally {
    raw.close()
  }
}

function placeAtFreeName(draft: string, file: string): string {
  for (let count = 1; ; count++) {
    const path = savedName(file, count)
    if (isTaken(path)) continue
    try {
      placeFile(draft, path)
      return path
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }
}
