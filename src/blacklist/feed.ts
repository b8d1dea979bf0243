/**
 * The feed that downstream verifiers follow. It names nobody (values are hashed), and it stays small: an entry is in it
 * only while a token that the entry denies could still be alive.
 *
 * Anybody may ask for it, as often as they like. So the feed is cut into pages of bounded size, the places of the cuts
 * do not depend on the caller, and a page of older entries is the same object until one of its entries changes.
 */
import { hash } from 'node:crypto'
import { toSeconds, type Clock } from '../ground/clock.ts'
import type { BlacklistEntry } from '../store/records/blacklist.ts'
import type { Blacklist } from './match.ts'

export interface FeedSizes {
  /** Entries and removals of one page. A line has 180 bytes at most, so 2,000 of them stay under 512 KiB. */
  mostLines: number
  /** A caller who lacks more of the newest lines than this gets all of them, which are the same page for everybody. */
  mostExact: number
}

const SIZES: FeedSizes = { mostLines: 2000, mostExact: 500 }
/** After this time the pages are packed again, without the lines that the blacklist has forgotten. */
const PACK_EVERY_MS = 600_000

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
  /** The next page, or later changes, are asked for with this as `?after=`. */
  cursor: string
  entries: FeedEntry[]
  /** Ids of entries that were lifted. */
  removed: string[]
  /** Set where another page follows. */
  more?: true | undefined
}

/** The source of one page: the lines between two revisions. */
export interface Cut {
  /** The revision after which it begins. */
  start: number
  /** The revision up to which it tells of everything. */
  end: number
  hasMore: boolean
  /** In order of revision. */
  lines: readonly BlacklistEntry[]
  /** Older lines: this very object stands for the page until the pages are packed again. */
  isSettled: boolean
}

/** The source of the feed. */
export type FeedSource = Pick<Blacklist, 'revision' | 'entries' | 'size' | 'replacements' | 'follow'>

/** The feed as documents: the whole list, and the page after a cursor. */
export class BlacklistFeed {
  readonly #blacklist: FeedSource
  readonly #clock: Clock
  readonly #sizes: FeedSizes
  /** Pages of older lines, in order of revision. */
  #settled: Cut[] = []
  /** The lines after those pages, in order of revision, each id once. */
  #newest: BlacklistEntry[] = []
  /** JSON of the newest lines. Older lines are written once, with their page. */
  readonly #written = new Map<BlacklistEntry, string>()
  /** Points behind the last entry that was read. An iterator of a Map also returns what is added later. */
  #unread: Iterator<BlacklistEntry> | undefined
  /** The blacklist's revision when it was last read. */
  #revision = -1
  #packedAtMs = -Infinity
  /** The blacklist's count when the pages were packed for it. */
  #replacements = 0

  constructor(blacklist: FeedSource, clock: Clock, sizes = SIZES) {
    this.#blacklist = blacklist
    this.#clock = clock
    this.#sizes = sizes
  }

  get cursor(): string {
    return String(this.#blacklist.revision)
  }

  /** The page that follows a cursor; the first page for `0`. It may repeat lines from before the cursor. */
  cutAfter(after: number): Cut {
    this.#read()
    // A cursor from the future was given by a database that a restore replaced: the caller's list starts over.
    const from = after > this.#blacklist.revision ? 0 : after
    const settled = this.#settled[firstWhere(this.#settled, ({ end }) => end > from)]
    return settled ?? this.#cutNewest(from)
  }

  /** The JSON of a line: an entry, or the id of one that was lifted. */
  write(entry: BlacklistEntry, { isSettled }: Pick<Cut, 'isSettled'>): string {
    const written = this.#written.get(entry) ?? JSON.stringify(isLifted(entry) ? entry.id : feedEntry(entry))
    if (!isSettled) this.#written.set(entry, written)
    return written
  }

  follow(notify: () => void): () => void {
    return this.#blacklist.follow(notify)
  }

  #cutNewest(from: number): Cut {
    const { mostLines, mostExact } = this.#sizes
    const after = firstWhere(this.#newest, ({ revision }) => revision > from)
    const first = this.#newest.length - after > mostExact ? 0 : after
    const lines = this.#newest.slice(first, first + mostLines)
    const hasMore = first + lines.length < this.#newest.length
    return {
      start: this.#newest[first - 1]?.revision ?? this.#settledEnd,
      end: (hasMore ? lines.at(-1)?.revision : undefined) ?? this.#blacklist.revision,
      hasMore,
      lines,
      isSettled: false,
    }
  }

  /** Takes over what is new on the blacklist. */
  #read(): void {
    const { revision } = this.#blacklist
    const age = this.#clock.elapsed() - this.#packedAtMs
    const isOld = this.#isSwollen || age > PACK_EVERY_MS || this.#hasReplaced(age)
    if (revision === this.#revision && !isOld) return
    if (isOld || revision < this.#revision || !this.#readOn()) this.#pack()
    this.#revision = revision
  }

  /** Packing takes a microsecond a line or so: it is worth that as soon as it is a small part of the time. */
  #hasReplaced(age: number): boolean {
    const { replacements, size } = this.#blacklist
    if (replacements === this.#replacements || age < size / 50) return false
    this.#replacements = replacements
    return true
  }

  /** A client's own denials are replaced by one, again and again where the client goes on: their lines must not pile up. */
  get #isSwollen(): boolean {
    const lines = this.#settled.length * this.#sizes.mostLines + this.#newest.length
    return lines > 2 * (this.#blacklist.size + this.#sizes.mostLines)
  }

  /** @returns false where this did not lead to the newest entry */
  #readOn(): boolean {
    let revision = this.#newest.at(-1)?.revision ?? this.#settledEnd
    while (revision < this.#blacklist.revision) {
      const entry = this.#unread?.next().value
      // The blacklist was read again, or its newest entry is forgotten already.
      if (!entry || entry.revision <= revision) return false
      this.#forget(entry.id)
      this.#append(entry)
      revision = entry.revision
    }
    return true
  }

  /** Begins anew with everything that the blacklist knows. */
  #pack(): void {
    this.#packedAtMs = this.#clock.elapsed()
    this.#settled = []
    this.#newest = []
    this.#written.clear()
    this.#unread = this.#blacklist.entries()[Symbol.iterator]()
    let newest = 0
    while (newest < this.#blacklist.revision) {
      const entry = this.#unread.next().value
      if (!entry) return void (this.#unread = undefined)
      if (entry.revision < newest) return this.#packSorted()
      this.#append(entry)
      newest = entry.revision
    }
  }

  #packSorted(): void {
    this.#settled = []
    this.#newest = []
    this.#unread = undefined
    const all = [...this.#blacklist.entries()].toSorted((one, other) => one.revision - other.revision)
    for (const entry of all) this.#append(entry)
  }

  /** The cut is where it was before, when the first `mostLines` of the newest lines were a page of their own. */
  #append(entry: BlacklistEntry): void {
    const { mostLines, mostExact } = this.#sizes
    this.#newest.push(entry)
    if (this.#newest.length < mostLines + mostExact) return
    const lines = this.#newest.splice(0, mostLines)
    for (const line of lines) this.#written.delete(line)
    const end = lines.at(-1)?.revision ?? 0
    this.#settled.push({ start: this.#settledEnd, end, hasMore: true, lines, isSettled: true })
  }

  /**
   * Takes a line out because a newer one tells of the same entry. A settled page keeps its line: that page is sent only
   * to callers whose cursor is before its end, and they are sent the newer line afterwards.
   */
  #forget(id: string): void {
    const place = this.#newest.findIndex((entry) => entry.id === id)
    if (place < 0) return
    for (const line of this.#newest.splice(place, 1)) this.#written.delete(line)
  }

  get #settledEnd(): number {
    return this.#settled.at(-1)?.end ?? 0
  }
}

/** The place of the first element for which `holds` is true, where it is true for all that follow; else the length. */
function firstWhere<T>(sorted: readonly T[], holds: (element: T) => boolean): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >> 1
    const element = sorted[middle]
    if (element === undefined || holds(element)) to = middle
    else from = middle + 1
  }
  return from
}

export const isLifted = ({ removedAt }: BlacklistEntry): boolean => removedAt !== null

const feedEntry = ({ id, kind, value, issuedBefore, deniesUntil }: BlacklistEntry): FeedEntry => ({
  id,
  kind,
  hash: hash('sha256', `${kind}:${value}`, 'base64url'),
  issued_before: toSeconds(issuedBefore),
  expires_at: toSeconds(deniesUntil),
})
