/**
 * News of changes for other processes and for this one's memory: rows of `changes`, read by a cursor. Own changes are
 * announced as soon as they are committed, others' when a look finds them; one announcement at a time.
 */
import type { Clock } from '../../ground/clock.ts'
import type { Change, ChangedNoun, ChangeListener } from '../records/change.ts'
import { sql } from './drizzle.ts'
import type { Connection } from './connection.ts'
import { backOff } from './failures.ts'
import { changes } from './schema.ts'

const EVERYTHING: Change[] = [
  { noun: 'client', id: null },
  { noun: 'resource', id: null },
  { noun: 'key', id: null },
  { noun: 'blacklist', id: null },
]

/** More than this at once is announced as "everything". */
const MOST = 1000

/** How long a change that is committed is told again to a listener that fails, before its writer hears of that. */
const PATIENCE_MS = 2000

/** The changes after the cursor, and where the cursor goes once they are certain. */
export interface News {
  changes: Change[]
  revision: number
}

export class ChangeLog {
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #clock: Clock
  readonly #listeners: ChangeListener[] = []
  #noted = 0
  #revision: number
  #dataVersion: number
  /** Not announced yet, or to a listener that failed. */
  #unheard: Change[] = []
  #announcing: Promise<unknown> = Promise.resolve()
  #isTelling = false
  readonly #mayLagMs: number
  #lookedAt = -Infinity

  /** @param mayLagMs how old may be what is known of other processes when a verdict is given; 0 for not at all */
  constructor(connection: Connection, clock: Clock, mayLagMs = 0) {
    this.#mayLagMs = mayLagMs
    this.#statements = prepareStatements(connection)
    this.#clock = clock
    // In this order: what is committed in between moves the data version again.
    this.#dataVersion = this.#readDataVersion()
    this.#revision = this.#lastRevision()
  }

  /** Counts the changes noted by this process, to tell which writes made some. */
  get noted(): number {
    return this.#noted
  }

  /** Records a change inside a write; returns its revision. */
  note(noun: ChangedNoun, id: string | null): number {
    return this.skip(noun, 1, id)
  }

  /** The same at a revision so much higher than the newest. */
  skip(noun: ChangedNoun, by: number, id: string | null = null): number {
    this.#noted += 1
    const revision = Number(this.#statements.raise.get({ by }))
    this.#statements.insert.run({ revision, noun, id, at: this.#clock.now() })
    return revision
  }

  /**
   * What came after the cursor. Called inside a write it holds others' changes too, none of which can have
   * a revision below the write's own and be committed later: writers take turns.
   */
  gather(): News {
    const revision = this.#lastRevision()
    const missing = revision - this.#revision
    if (missing > MOST) return { changes: EVERYTHING, revision }
    const found = missing > 0 ? this.#statements.after.all({ revision: this.#revision }) : []
    // Revisions leave no gaps: fewer rows than revisions means that the sweep was here before us.
    return { changes: found.length < missing ? EVERYTHING : found, revision }
  }

  /**
   * Moves the cursor past committed news and tells the listeners, again and again where one fails. Never rejects.
   * @returns whether all of them have heard: before that the write must not be answered
   */
  async announce(news: News): Promise<boolean> {
    this.#accept(news)
    const deadline = performance.now() + PATIENCE_MS
    for (let attempt = 0; ; attempt++) {
      const failure = await inTime(this.#deliverInTurn())
      if (!failure) return true
      if (performance.now() > deadline) return false
      await backOff(attempt)
    }
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener)
  }

  /** Whether another connection has committed since the last look; then, what. One pragma when nothing did. */
  look(): News | undefined {
    const dataVersion = this.#readDataVersion()
    if (dataVersion === this.#dataVersion) return undefined
    const news = this.gather()
    this.#dataVersion = dataVersion
    return news
  }

  /**
   * Makes memory as new as the database is at the call, or was `mayLagMs` before: what waits for the result sees every
   * change that was committed by then, by any process. `undefined` where there is nothing to wait for, which is nearly always. Never
   * rejects: where the database cannot be asked, what is known stands.
   */
  catchUp(): Promise<void> | undefined {
    try {
      return this.isBehind({ mayLag: true }) ? inTime(this.#deliverInTurn()).then(() => {}) : undefined
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
    return this.#unheard.length > 0 || this.#isTelling
  }

  /** A look costs two system calls: too much for every request where hardly anybody else writes. */
  #isFresh(): boolean {
    if (this.#mayLagMs === 0) return false
    const now = performance.now()
    if (now - this.#lookedAt < this.#mayLagMs) return true
    this.#lookedAt = now
    return false
  }

  /** Announces what a look found and what a listener failed to take before. Rejects with what a listener throws. */
  async deliver(news: News | undefined): Promise<void> {
    if (news) this.#accept(news)
    if (this.#unheard.length === 0) return
    const failure = await this.#deliverInTurn()
    if (failure) throw failure.reason
  }

  /** Resolves when every announcement so far was made. */
  async settled(): Promise<void> {
    await inTime(this.#announcing)
  }

  #accept(news: News): void {
    this.#unheard = this.#unheard.concat(news.changes)
    this.#revision = Math.max(this.#revision, news.revision)
  }

  #deliverInTurn(): Promise<PromiseRejectedResult | undefined> {
    const turn = this.#announcing.then(() => this.#tellListeners())
    this.#announcing = turn
    return turn
  }

  /** A change that a listener could not take stays unheard, so that the next poll tells it again. */
  async #tellListeners(): Promise<PromiseRejectedResult | undefined> {
    if (this.#unheard.length === 0) return undefined
    const news = distinct(this.#unheard)
    this.#unheard = []
    this.#isTelling = true
    const results = await Promise.allSettled(this.#listeners.map(async (listener) => listener(news)))
    this.#isTelling = false
    const failure = results.find((result) => result.status === 'rejected')
    if (failure) this.#unheard = [...news, ...this.#unheard]
    return failure
  }

  #readDataVersion(): number {
    return Number(this.#statements.dataVersion.get())
  }

  #lastRevision(): number {
    return Number(this.#statements.lastRevision.get() ?? 0)
  }
}

/** The outcome of an announcement; a failure where a listener does not come back, so that nothing waits for ever. */
async function inTime<T>(announcement: Promise<T>): Promise<T | 'late'> {
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), PATIENCE_MS).unref()
  try {
    return await Promise.race([announcement, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function prepareStatements({ raw, sql: database }: Connection) {
  // A version that has no such row counts by the sequence of the table alone.
  const sequence = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)"
  return {
    dataVersion: raw.prepare('PRAGMA data_version').pluck(),
    // Not max(revision) of the changes: the sweep may have deleted the last row.
    lastRevision: raw.prepare(`SELECT max(value, ${sequence}) FROM revision`).pluck(),
    raise: raw.prepare(`UPDATE revision SET value = max(value, ${sequence}) + :by RETURNING value`).pluck(),
    insert: database
      .insert(changes)
      .values({
        revision: sql.placeholder('revision'),
        noun: sql.placeholder('noun'),
        id: sql.placeholder('id'),
        at: sql.placeholder('at'),
      })
      .prepare(),
    after: raw.prepare<[{ revision: number }], Change>(
      'SELECT noun, id FROM changes WHERE revision > :revision ORDER BY revision',
    ),
  }
}

function distinct(list: Change[]): Change[] {
  return [...new Map(list.map((change) => [`${change.noun} ${change.id ?? ''}`, change])).values()]
}
