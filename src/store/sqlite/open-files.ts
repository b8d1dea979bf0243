/**
 * Whether the files that this process has open are still those at the path of the database. A file can be removed or replaced
 * beneath a process that has it open. Then this process goes on with files that nobody else sees: its writes are lost when it
 * ends, and it never hears of the denials of others. SQLite itself removes the journal only when its last user closes.
 */
import { realpathSync, rmSync, statSync } from 'node:fs'
import type { Clock } from '../../ground/clock.ts'
import { Displaced } from '../../ground/errors.ts'
import type { Connection } from './connection.ts'
import { indexOf, journalOf } from './database-file.ts'
import { SavedCopy } from './saved-copy.ts'
import { bringingBack } from './saved-name.ts'

const SUFFIXES = ['', '-wal', '-shm'] as const

interface Noted {
  path: string
  suffix: (typeof SUFFIXES)[number]
  /** Device and inode; `undefined` where there was no such file, which is then not compared. */
  identity: string | undefined
}

type Fate = 'removed' | 'replaced'

export class OpenFiles {
  readonly #raw: Connection['raw']
  /** The database, links followed. Its journal stands beside it. */
  readonly #real: string
  readonly #noted: Noted[]
  readonly #clock: Pick<Clock, 'elapsed'>
  #copy: SavedCopy
  #isCheckpointed = false
  /** When the loss was noticed. */
  #lostAt: number | undefined

  /** @param connection has read already: from then on the journal and its index are there until it closes */
  constructor({ file, raw }: Connection, clock: Pick<Clock, 'elapsed'>) {
    this.#raw = raw
    this.#clock = clock
    this.#real = realpathSync(file)
    this.#copy = new SavedCopy(raw, this.#real)
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
      if (this.#lostAt !== undefined) this.#forgetLoss()
      return
    }
    this.#lostAt ??= this.#clock.elapsed()
    throw this.#judge(lost)
  }

  /** How long a denial by a command could be missing here. Milliseconds; 0 where nothing is lost. */
  silenceMs(): number {
    return this.#lostAt === undefined ? 0 : this.#clock.elapsed() - this.#lostAt
  }

  /** Whether another journal is in the place of the one that is open. SQLite would remove it by its name at the close. */
  hasForeignJournal(): boolean {
    return this.#noted.some((noted) => noted.suffix === '-wal' && isLost(noted) && identify(noted.path) !== undefined)
  }

  /** Saves before the close what would be gone with it. */
  async saveLost(): Promise<void> {
    const lost = this.#noted.find(isLost)
    if (!lost) return
    this.#judge(lost)
    if (this.#needsCopy(lost)) await this.#copy.save()
  }

  #forgetLoss(): void {
    this.#lostAt = undefined
    this.#isCheckpointed = false
    this.#copy = new SavedCopy(this.#raw, this.#real)
  }

  /** Does what keeps the data, and tells the step that is left to the operator. */
  #judge(lost: Noted): Displaced {
    const fate: Fate = identify(lost.path) === undefined ? 'removed' : 'replaced'
    const found = `${NAMES[lost.suffix]} ${lost.path} was ${fate} beneath this process`
    if (lost.suffix === '' && this.#isOnlyLink())
      return restartable(`${found}: make it lead to ${this.#real}, or restart it`)
    if (this.#needsCopy(lost)) return this.#saveWhole(lost, found, fate)
    if (lost.suffix === '-shm') return restartable(`${found}: restart it`)
    this.#checkpoint()
    return this.#isCheckpointed
      ? restartable(`${found}: restart it`)
      : unsaved(`${found}, and is not in the database yet: do not stop this process before it is; see: signet doctor`)
  }

  /** The database is where it was, and a link that led there does not any more. */
  #isOnlyLink(): boolean {
    const database = this.#noted.find(({ suffix }) => suffix === '')
    return database !== undefined && identify(this.#real) === database.identity
  }

  /** A removed journal is brought into the database. Beside a new journal this would mix two states. */
  #needsCopy({ suffix, path }: Noted): boolean {
    return (suffix === '' && !this.#isOnlyLink()) || (suffix === '-wal' && identify(path) !== undefined)
  }

  #saveWhole({ suffix }: Noted, found: string, fate: Fate): Displaced {
    if (suffix === '' && fate === 'replaced') this.#withdrawJournal()
    this.#copy.begin()
    const { path, fault } = this.#copy
    if (path === undefined)
      return unsaved(
        `${found}, which has the only copy and has not saved it yet: do not stop this process${fault === undefined ? '' : `; ${fault}`}`,
      )
    if (fate === 'replaced')
      return restartable(
        `${found}: restart it, to go on with the file that is there; its own state is saved in ${path}`,
      )
    const help = `stop the server; ${bringingBack(this.#real, path)}; start the server`
    return new Displaced(`${found}, which has saved it in ${path}: ${help}`, {
      state: 'saved',
      help: `nothing was written; ${help}`,
    })
  }

  /**
   * Removes the names of the open journal and its index from beside another database: SQLite would replay the journal into
   * it. They stay open here. SQLite itself leaves them behind when the file that they belong to is not at its path.
   */
  #withdrawJournal(): void {
    for (const noted of this.#noted) {
      if (noted.suffix === '' || noted.identity === undefined || isLost(noted)) continue
      try {
        rmSync(noted.path, { force: true })
      } catch {
        // The folder may not be written now. The next look tries again.
      }
    }
  }

  /** Brings what is committed into the database file: the removed journal is gone when this process ends. */
  #checkpoint(): void {
    if (this.#isCheckpointed) return
    try {
      const [result] = this.#raw.pragma('wal_checkpoint(PASSIVE)') as {
        busy: number
        log: number
        checkpointed: number
      }[]
      this.#isCheckpointed = result?.busy === 0 && result.log === result.checkpointed
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

const restartable = (message: string): Displaced =>
  new Displaced(message, {
    state: 'restartable',
    help: 'nothing was written; restart the server, which then reads the files that are there',
  })

const unsaved = (message: string): Displaced =>
  new Displaced(message, {
    state: 'unsaved',
    help: 'nothing was written; do not stop the server, which has the only copy: its log names the step',
  })

const isLost = ({ path, identity }: Noted): boolean => identity !== undefined && identify(path) !== identity

function identify(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && `${stats.dev}:${stats.ino}`
}
