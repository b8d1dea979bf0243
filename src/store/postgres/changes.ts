/**
 * The changes in the database that this process has heard of: rows of the table `changes`, read by a cursor. The revision
 * is raised under a lock that its transaction keeps until the end, so revisions are in the order of commits, and no
 * change with a lower revision is committed later.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Announcer, EVERYTHING, MOST_CHANGES } from '../announcer.ts'
import type { Change, ChangedNoun, ChangeListener } from '../records/change.ts'
import { readOnly } from './failures.ts'
import type { Pool, Session, Values } from './pool.ts'
import { CLOCK_MS, type DatabaseTime } from './time.ts'

/** A change with its revision. */
export interface Noted extends Change {
  revision: number
}

interface News {
  /** The cursor when it was asked. */
  from: number
  changes: Noted[]
  revision: number
}

export class ChangeLog {
  readonly #announcer = new Announcer()
  readonly #pool: Pool
  readonly #time: DatabaseTime
  readonly #after: string
  #cursor = 0
  /** When memory was last known to be as new as the database. In time that passed. */
  #confirmedAt: number
  #isFailing = false

  private constructor(pool: Pool, time: DatabaseTime, schema: string) {
    this.#pool = pool
    this.#time = time
    this.#confirmedAt = time.elapsed()
    this.#after = `SELECT r.value, ${CLOCK_MS}, current_setting('transaction_read_only'), c.revision, c.noun, c.id
      FROM "${schema}".revision r LEFT JOIN "${schema}".changes c ON c.revision > $1
      WHERE r.id = 1 ORDER BY c.revision LIMIT ${MOST_CHANGES + 1}`
  }

  /** Begins at the newest revision: memory is read after this. */
  static async open(pool: Pool, time: DatabaseTime, schema: string): Promise<ChangeLog> {
    const log = new ChangeLog(pool, time, schema)
    log.#cursor = (await log.#gather()).revision
    return log
  }

  onChange(listener: ChangeListener): void {
    this.#announcer.onChange(listener)
  }

  /** The revision at which memory is; `undefined` while it takes changes over. */
  get heard(): number | undefined {
    return this.#announcer.isBehind ? undefined : this.#cursor
  }

  /** The last revision that this process knows of. */
  get cursor(): number {
    return this.#cursor
  }

  /** Something for a caller to wait for: changes that are known here and not taken over yet. Never rejects. */
  catchUp(): Promise<void> | undefined {
    return this.#announcer.isBehind ? this.#announcer.settle() : undefined
  }

  /** Has memory taken to a revision that is committed. @returns whether it is there; not, where the look has failed */
  async reach(revision: number, withinMs: number): Promise<boolean> {
    if (this.heard === revision) return true
    const arriving = (this.#cursor < revision ? this.look() : (this.catchUp() ?? this.look())).catch(() => {})
    await Promise.race([arriving, sleep(withinMs, undefined, { ref: false })])
    return this.heard === revision
  }

  /** Asks the database for changes, and has them taken over. Rejects where it does not answer, or a listener fails. */
  async look(): Promise<void> {
    const asked = this.#time.elapsed()
    try {
      this.#accept(await this.#gather())
      await this.#announcer.deliver()
      this.#confirmedAt = Math.max(this.#confirmedAt, asked)
      this.#isFailing = false
    } catch (error) {
      this.#isFailing = true
      throw error
    }
  }

  /** Milliseconds since memory was known to be as new as the database, where the last look has failed; else 0. */
  silenceMs(): number {
    return this.#isFailing ? this.#time.elapsed() - this.#confirmedAt : 0
  }

  /**
   * Tells the changes of a transaction of this process that has just been committed.
   * @returns whether all listeners have taken them over
   */
  announce(changes: Noted[], revision: number): Promise<boolean> {
    this.#take(changes, revision)
    return this.#announcer.announce()
  }

  async settled(): Promise<void> {
    await this.#announcer.settled()
  }

  /** A single statement, so the revision and the changes are of one moment. */
  async #gather(): Promise<News> {
    const from = this.#cursor
    const read = this.#time.reading()
    const rows = await this.#pool.alone((session) => this.#ask(session, from))
    const [first] = rows
    if (!first) throw new Error('the table revision has lost its row')
    read(Number(first[1]))
    const revision = Number(first[0])
    const changes = rows.flatMap(([, , , number, noun, id]): Noted[] =>
      // The columns are those of the table, whose nouns are a closed set.
      number === null ? [] : [{ revision: Number(number), noun: noun as ChangedNoun, id: id as string | null }],
    )
    return { from, changes, revision }
  }

  /** A server that takes no writes may be behind the one that does, so its news are no answer. */
  async #ask(session: Session, from: number): Promise<Values[]> {
    const rows = await session.ask(this.#after, [from])
    if (rows[0]?.[2] !== 'on') return rows
    session.giveUp()
    throw readOnly()
  }

  #accept({ from, changes, revision }: News): void {
    if (revision >= from) return this.#take(changes, revision)
    // The revision is before the one that the question named: an older copy has replaced the database.
    this.#announcer.accept(EVERYTHING)
    this.#cursor = revision
  }

  /** Of two answers that overlap, the changes of each revision are told once. */
  #take(changes: Noted[], revision: number): void {
    if (revision <= this.#cursor) return
    const unknown = changes.filter((change) => change.revision > this.#cursor)
    // Fewer changes than revisions: the sweep has deleted some, there are too many, or revisions were skipped.
    const isCut = unknown.length < revision - this.#cursor
    this.#announcer.accept(isCut ? EVERYTHING : unknown.map(({ noun, id }) => ({ noun, id })))
    this.#cursor = revision
  }
}
