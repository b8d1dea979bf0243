/**
 * Changes that processes have to hear of: rows of the table `changes`, read by a cursor. Changes of this process are
 * announced as soon as they are committed. Changes of other processes are announced when a look finds them. There is
 * only one announcement at a time.
 */
import type { Clock } from '../../ground/clock.ts'
import { Announcer, EVERYTHING, MOST_CHANGES } from '../announcer.ts'
import type { Change, ChangedNoun, ChangeListener } from '../records/change.ts'
import type { Connection } from './connection.ts'

/** The changes after the cursor, and where the cursor goes once they are certain. */
export interface News {
  changes: Change[]
  revision: number
}

export class ChangeLog {
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #clock: Clock
  readonly #announcer = new Announcer()
  #noted = 0
  #foreignCommits = 0
  #revision: number
  #dataVersion: number
  readonly #mayLagMs: number
  #lookedAt = -Infinity

  /** @param mayLagMs how far memory may be behind other processes when a request is decided; 0 for not at all */
  constructor(connection: Connection, clock: Clock, mayLagMs = 0) {
    this.#mayLagMs = mayLagMs
    this.#statements = prepareStatements(connection)
    this.#clock = clock
    // In this order: a commit between the two reads changes the data version again, and so is found by the next look.
    this.#dataVersion = this.#readDataVersion()
    this.#revision = this.#lastRevision()
  }

  /** How many changes this process has noted. The write queue sees by it which writes made changes. */
  get noted(): number {
    return this.#noted
  }

  /** How often a look has found that another connection has committed something. A write looks at its beginning. */
  get foreignCommits(): number {
    return this.#foreignCommits
  }

  /** Records a change inside a write; returns its revision. */
  note(noun: ChangedNoun, id: string | null): number {
    return this.skip(noun, 1, id)
  }

  /** The same, and raises the revision by `by`. */
  skip(noun: ChangedNoun, by: number, id: string | null = null): number {
    this.#noted += 1
    const revision = Number(this.#statements.raise.get({ by }))
    this.#statements.insert.run({ revision, noun, id, at: this.#clock.now() })
    return revision
  }

  /**
   * The changes after the cursor. Inside a write these include changes of other processes. Writers take turns, so no
   * change with a lower revision can be committed later.
   */
  gather(): News {
    const revision = this.#lastRevision()
    const missing = revision - this.#revision
    if (missing > MOST_CHANGES) return { changes: EVERYTHING, revision }
    const found = missing > 0 ? this.#statements.after.all({ revision: this.#revision }) : []
    // Revisions have no gaps. Fewer rows than revisions means that the sweep has deleted some of the rows.
    return { changes: found.length < missing ? EVERYTHING : found, revision }
  }

  /**
   * Moves the cursor past committed changes and tells the listeners. A listener that fails is told again. Never rejects.
   * @returns whether all listeners have taken the changes over; the write must not be answered before
   */
  announce(news: News): Promise<boolean> {
    this.#accept(news)
    return this.#announcer.announce()
  }

  onChange(listener: ChangeListener): void {
    this.#announcer.onChange(listener)
  }

  /** The changes that other connections have committed since the last look. One pragma if there are none. */
  look(): News | undefined {
    const dataVersion = this.#readDataVersion()
    if (dataVersion === this.#dataVersion) return undefined
    const news = this.gather()
    this.#dataVersion = dataVersion
    this.#foreignCommits += 1
    return news
  }

  /**
   * Brings memory up to the state of the database at the time of the call, or `mayLagMs` before. A caller that waits for
   * the result sees every change that any process had committed by then. `undefined` if there is nothing to wait for,
   * which is nearly always. Never rejects: if the database cannot be asked, memory stays as it is.
   */
  catchUp(): Promise<void> | undefined {
    try {
      return this.isBehind({ mayLag: true }) ? this.#announcer.settle() : undefined
    } catch {
      return undefined
    }
  }

  /**
   * Whether listeners have still to hear of something that is committed.
   * @param mayLag whether a look of a moment ago is good enough
   */
  isBehind({ mayLag = false } = {}): boolean {
    const news = mayLag && this.#isFresh() ? undefined : this.look()
    if (news) this.#accept(news)
    return this.#announcer.isBehind
  }

  /** A look costs two system calls. That is too much for every request, because other processes rarely write. */
  #isFresh(): boolean {
    if (this.#mayLagMs === 0) return false
    const now = performance.now()
    if (now - this.#lookedAt < this.#mayLagMs) return true
    this.#lookedAt = now
    return false
  }

  /** Announces the changes of a look, and those that a listener failed to take over. Rejects with the listener's error. */
  async deliver(news: News | undefined): Promise<void> {
    if (news) this.#accept(news)
    await this.#announcer.deliver()
  }

  /** Resolves when every announcement so far was made. */
  settled(): Promise<void> {
    return this.#announcer.settled()
  }

  #accept(news: News): void {
    this.#announcer.accept(news.changes)
    this.#revision = Math.max(this.#revision, news.revision)
  }

  #readDataVersion(): number {
    return Number(this.#statements.dataVersion.get())
  }

  #lastRevision(): number {
    return Number(this.#statements.lastRevision.get() ?? 0)
  }
}

function prepareStatements({ raw }: Connection) {
  // Older versions have no row of the revision. They count by the sequence of the table alone.
  const sequence = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)"
  return {
    dataVersion: raw.prepare('PRAGMA data_version').pluck(),
    // Not max(revision) of the changes: the sweep may have deleted the last row.
    lastRevision: raw.prepare(`SELECT max(value, ${sequence}) FROM revision`).pluck(),
    raise: raw.prepare(`UPDATE revision SET value = max(value, ${sequence}) + :by RETURNING value`).pluck(),
    insert: raw.prepare('INSERT INTO changes (revision, noun, id, at) VALUES (:revision, :noun, :id, :at)'),
    after: raw.prepare<[{ revision: number }], Change>(
      'SELECT noun, id FROM changes WHERE revision > :revision ORDER BY revision',
    ),
  }
}
