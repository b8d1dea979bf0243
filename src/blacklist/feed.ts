/**
 * The feed that downstream verifiers follow. It names nobody (values are hashed), and it stays small: an
 * entry is in it only while a token that it denies could still be alive.
 *
 * Anybody may ask for it, as often as they like, so an answer must not cost a look at every entry: each is hashed and
 * written as JSON once, in order of revision, and an answer is a piece of that.
 */
import { createHash } from 'node:crypto'
import { toSeconds, type Clock, type Instant } from '../ground/clock.ts'
import type { BlacklistEntry } from '../store/store.ts'
import type { Blacklist } from './match.ts'

/** Whoever lacks more than so many changes is given everything: that is made once for all who ask. */
const MOST_CHANGES = 500
/** So many lines at least, before those that are over are looked for. */
const FEW_LINES = 1000

export interface FeedEntry {
  id: string
  kind: BlacklistEntry['kind']
  /** base64url SHA-256 of `kind:value`. */
  hash: string
  /** Seconds; a token matches when its `iat` is not after this. */
  issued_before: number
  /** Seconds; followers forget the entry then. */
  expires_at: number
}

export interface FeedDocument {
  /** Give it back as `?after=` for what came since. */
  cursor: string
  entries: FeedEntry[]
  /** Ids of entries that were lifted. */
  removed: string[]
}

/** One change, ready to be sent. */
interface Line {
  revision: number
  id: string
  isLifted: boolean
  deniesUntil: Instant
  json: string
}

export class BlacklistFeed {
  readonly #blacklist: Blacklist
  readonly #clock: Clock
  /** In order of revision. An entry that was lifted has two. */
  #lines: Line[] = []
  #mostLines = FEW_LINES
  /** Stands behind the newest entry that was read: a Map's iterator goes on to what is put in later. */
  #unread: Iterator<BlacklistEntry> | undefined
  /** The blacklist's when it was last read. */
  #revision = -1

  constructor(blacklist: Blacklist, clock: Clock) {
    this.#blacklist = blacklist
    this.#clock = clock
  }

  get cursor(): string {
    return String(this.#blacklist.revision)
  }

  /**
   * The oldest cursor for which the same is news as for this one; 0 where everything is. So those who ask for the
   * same can be told the same, and there are at most `MOST_CHANGES` different answers at a time.
   */
  startFor(after: number): number {
    this.#read()
    // A cursor from the future was given by a database that a restore replaced: start over.
    if (after > this.#blacklist.revision) return 0
    const first = this.#firstAfter(after)
    return this.#lines.length - first > MOST_CHANGES ? 0 : (this.#lines[first - 1]?.revision ?? 0)
  }

  /** What came after a cursor, as the JSON of a `FeedDocument`; everything that counts now for `0`. */
  since(after: number): string {
    this.#read()
    const lines = lasting(this.#lines.slice(this.#firstAfter(after)), this.#clock.now())
    const listed = (isLifted: boolean) =>
      lines
        .filter((line) => line.isLifted === isLifted)
        .map(({ json }) => json)
        .join(',')
    return `{"cursor":"${this.cursor}","entries":[${listed(false)}],"removed":[${listed(true)}]}`
  }

  follow(notify: () => void): () => void {
    return this.#blacklist.follow(notify)
  }

  /** The place of the first line after a cursor. */
  #firstAfter(cursor: number): number {
    let from = 0
    let to = this.#lines.length
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#lines[middle]?.revision ?? Infinity) > cursor) to = middle
      else from = middle + 1
    }
    return from
  }

  /** Takes over what is new on the blacklist. */
  #read(): void {
    if (this.#revision === this.#blacklist.revision) return
    if (!this.#readOn()) this.#readAnew()
    this.#revision = this.#blacklist.revision
    if (this.#lines.length <= this.#mostLines) return
    this.#lines = lasting(this.#lines, this.#clock.now())
    this.#mostLines = Math.max(FEW_LINES, 2 * this.#lines.length)
  }

  /** An entry that changed stands at the end again. False where that did not lead to the newest one. */
  #readOn(): boolean {
    let newest = this.#lines.at(-1)?.revision ?? 0
    while (newest < this.#blacklist.revision) {
      const entry = this.#unread?.next().value
      // None, or an older one: the blacklist was made anew, or its newest entry is forgotten already.
      if (!entry || entry.revision <= newest) return false
      this.#lines.push(lineOf(entry))
      newest = entry.revision
    }
    return newest === this.#blacklist.revision
  }

  #readAnew(): void {
    this.#lines = []
    this.#unread = this.#blacklist.entries()[Symbol.iterator]()
    if (this.#readOn()) return
    this.#unread = undefined
    this.#lines = [...this.#blacklist.entries()].map(lineOf).toSorted((one, other) => one.revision - other.revision)
  }
}

/** Without what no token can be alive for, and without entries that are lifted further on. */
function lasting(lines: Line[], now: Instant): Line[] {
  const lifted = new Set(lines.flatMap(({ id, isLifted }) => (isLifted ? [id] : [])))
  return lines.filter(({ id, isLifted, deniesUntil }) => deniesUntil > now && (isLifted || !lifted.has(id)))
}

function lineOf(entry: BlacklistEntry): Line {
  const { id, revision, deniesUntil, removedAt } = entry
  const isLifted = removedAt !== null
  return { id, revision, deniesUntil, isLifted, json: JSON.stringify(isLifted ? id : feedEntry(entry)) }
}

const feedEntry = ({ id, kind, value, issuedBefore, deniesUntil }: BlacklistEntry): FeedEntry => ({
  id,
  kind,
  hash: createHash('sha256').update(`${kind}:${value}`).digest('base64url'),
  issued_before: toSeconds(issuedBefore),
  expires_at: toSeconds(deniesUntil),
})
