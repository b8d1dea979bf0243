/**
 * Whether the files that this process has open are still those at the path of the database. A file can be removed or replaced
 * beneath a process that has it open. Then this process goes on with files that nobody else sees: its writes are lost when it
 * ends, and it never hears of the denials of others. SQLite itself removes the journal only when its last user closes.
 */
import { statSync } from 'node:fs'
import type { Clock } from '../../ground/clock.ts'
import { Displaced } from '../../ground/errors.ts'
import type { Connection } from './connection.ts'
import { indexOf, journalOf } from './database-file.ts'

const SUFFIXES = ['', '-wal', '-shm'] as const

interface Noted {
  path: string
  suffix: (typeof SUFFIXES)[number]
  /** Device and inode; `undefined` where there was no such file, which is then not compared. */
  identity: string | undefined
}

export class OpenFiles {
  readonly #raw: Connection['raw']
  readonly #noted: Noted[]
  readonly #clock: Pick<Clock, 'elapsed'>
  #isSaved = false
  /** When the loss was noticed. */
  #lostAt: number | undefined

  /** @param connection has read already: from then on the journal and its index are there until it closes */
  constructor({ file, raw }: Connection, clock: Pick<Clock, 'elapsed'>) {
    this.#raw = raw
    this.#clock = clock
    const paths = { '': file, '-wal': journalOf(file), '-shm': indexOf(file) }
    this.#noted = SUFFIXES.map((suffix) => {
      const path = paths[suffix]
      return { path, suffix, identity: identify(path) }
    })
  }

  /** @throws Displaced where a file was removed or replaced; again and again, until the same file is back. */
  requireInPlace(): void {
    const lost = this.#noted.find(isLost)
    if (!lost) {
      this.#lostAt = undefined
      return
    }
    this.#lostAt ??= this.#clock.elapsed()
    if (lost.suffix === '-wal') this.#saveJournal(lost.path)
    const fate = identify(lost.path) === undefined ? 'removed' : 'replaced'
    throw new Displaced(`${NAMES[lost.suffix]} ${lost.path} was ${fate} beneath this process: restart it`)
  }

  /** How long a denial by a command could be missing here. Milliseconds; 0 where nothing is lost. */
  silenceMs(): number {
    return this.#lostAt === undefined ? 0 : this.#clock.elapsed() - this.#lostAt
  }

  /** Whether another journal is in the place of the one that is open. SQLite would remove it by its name at the close. */
  hasForeignJournal(): boolean {
    return this.#noted.some((noted) => noted.suffix === '-wal' && isLost(noted) && identify(noted.path) !== undefined)
  }

  /**
   * Brings what is committed into the database file: the removed journal is gone when this process ends. Beside a new journal
   * this would mix two states, so it is left.
   */
  #saveJournal(path: string): void {
    if (this.#isSaved || identify(path) !== undefined) return
    try {
      this.#raw.pragma('wal_checkpoint(PASSIVE)')
      this.#isSaved = true
    } catch {
      // A transaction is open, or the disk is full. The next look tries again.
    }
  }
}

const NAMES = {
  '': 'the database',
  '-wal': 'the journal of the database',
  '-shm': 'the index of the journal',
} as const satisfies Record<Noted['suffix'], string>

const isLost = ({ path, identity }: Noted): boolean => identity !== undefined && identify(path) !== identity

function identify(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && `${stats.dev}:${stats.ino}`
}
