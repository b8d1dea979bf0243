/**
 * The revocation list that counts, the cursor that it stands for, and how fresh it is. Pages of the feed arrive over
 * several connections and in any order, so each is compared with the question that it answers: it is applied only where
 * it begins at a cursor that the list has reached.
 *
 * A list that starts over is loaded beside the one that counts, page by page, and takes its place with its last page.
 * Until then the entries of both deny. Touches no network.
 */
import { ageMs, type Moment } from './clock.ts'
import { isBefore, RevocationList, type Denial, type FeedDocument, type RevocationKind } from './revocation-list.ts'
import type { TokenClaims } from './token.ts'

/** The place in the feed from which a page is asked for. */
export interface Position {
  /** The cursor that the page follows; `undefined` for the first page. */
  after: string | undefined
  /** The number of the list. A list that starts over gets another number, and pages of another list do not fit. */
  life: number
}

/** The effect of a page; `at` is the position from which its connection goes on. */
export type Taken = { at: Position; kinds: ReadonlySet<RevocationKind> } | 'outdated' | 'start over'

interface List {
  life: number
  entries: RevocationList
  /** The list holds everything up to this cursor; `undefined` before the first page. */
  cursor: string | undefined
}

const NOTHING: ReadonlySet<RevocationKind> = new Set()
const PRUNE_EVERY_MS = 30_000
/** If the clocks differ by more after a silence, the machine has slept, and the bytes that it reads now are old. */
const SLEPT_MS = 5_000

export class FollowedList {
  readonly #lingerSeconds: number
  /** The list that counts. It goes on denying what it denies while another one is loaded. */
  #current: List
  /** A list that starts over; present while the current list may lack entries. */
  #loading: List | undefined
  #lives = 0
  #version = 0
  /** The moment at which the issuer had nothing that the list lacks. */
  #heardAt: Moment | undefined
  #prunedAtMs = -Infinity
  /** The smallest difference so far between wall clock and even clock. */
  #leastAheadMs = Infinity

  /** @param lingerSeconds how much longer than the issuer thinks a token may be accepted here */
  constructor(lingerSeconds: number) {
    this.#lingerSeconds = lingerSeconds
    this.#current = this.#empty()
    this.#startOver()
  }

  /** The cursor of the list that counts; `undefined` before the first whole list. */
  get cursor(): string | undefined {
    return this.#current.cursor
  }

  /** Whether the list that counts is complete up to its cursor. */
  get isWhole(): boolean {
    return this.#loading === undefined
  }

  get size(): number {
    return this.#current.entries.size
  }

  /** Changes with every entry that comes. */
  get version(): number {
    return this.#version
  }

  /** The next page to ask for. */
  get position(): Position {
    const { cursor, life } = this.#loading ?? this.#current
    return { after: cursor, life }
  }

  /** The entry that denies a token. @param kid of the key that verified it */
  findDenying(claims: TokenClaims, kid: string | undefined, nowSeconds: number): Denial | undefined {
    return (
      this.#current.entries.findDenying(claims, kid, nowSeconds) ??
      this.#loading?.entries.findDenying(claims, kid, nowSeconds)
    )
  }

  /** Milliseconds since the issuer was last heard. */
  staleMs(at: Moment): number {
    return this.#heardAt === undefined ? Infinity : ageMs(this.#heardAt, at)
  }

  /**
   * The issuer has said that there is nothing new.
   * @param at the position of the connection that brought the message
   * @param moment when the message was true: the time of the question, if there was one
   * @returns whether it is true of this list
   */
  hear(at: Position, moment: Moment, { isAnswer }: { isAnswer: boolean }): boolean {
    if (!this.isWhole || at.life !== this.#current.life) return false
    const last = this.#heardAt
    if (!isAnswer && last && moment.wallMs - last.wallMs > moment.evenMs - last.evenMs + SLEPT_MS) return false
    if (!last || moment.evenMs >= last.evenMs) this.#heardAt = moment
    this.watchClock(moment)
    this.#prune(moment)
    return true
  }

  /**
   * Entries that were forgotten while the clock was ahead count again when the clock is set right, and only the issuer
   * still has them.
   * @returns whether the list has to start over for that reason
   */
  watchClock({ wallMs, evenMs }: Moment): boolean {
    this.#leastAheadMs = Math.min(this.#leastAheadMs, wallMs - evenMs)
    if (!this.#current.entries.isMissing(wallMs / 1000)) return false
    if (this.isWhole) this.#startOver()
    this.#heardAt = undefined
    return true
  }

  /** An entry has ended when the slowest clock so far says so. A clock that is briefly ahead costs nothing. */
  #prune({ evenMs }: Moment): void {
    if (evenMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
    this.#prunedAtMs = evenMs
    this.#current.entries.prune((evenMs + this.#leastAheadMs) / 1000)
  }

  /** @param asked the position that was asked for */
  take(asked: Position, page: FeedDocument): Taken {
    const list = [this.#current, this.#loading].find((each) => each?.life === asked.life)
    if (!list) return 'outdated'
    if (asked.after !== undefined && isBefore(page.cursor, asked.after)) {
      // The database was restored. The page cannot be applied, because its place in the new list is not known.
      if (this.isWhole || list === this.#loading) this.#startOver()
      return 'start over'
    }
    const at = { after: page.cursor, life: list.life }
    // Another connection has brought all of it already, and later changes may have undone it.
    if (list.cursor !== undefined && isBefore(page.cursor, list.cursor)) return { at, kinds: NOTHING }
    list.cursor = page.cursor
    const kinds = list.entries.change(page)
    if (list === this.#loading && !page.hasMore) this.#finish(list, kinds)
    if (kinds.size > 0) this.#version += 1
    return { at, kinds }
  }

  #startOver(): void {
    this.#loading = this.#empty()
  }

  #empty(): List {
    return { life: this.#lives++, entries: new RevocationList(this.#lingerSeconds), cursor: undefined }
  }

  /** @param kinds the kinds of the former entries are added to these */
  #finish(list: List, kinds: Set<RevocationKind>): void {
    for (const kind of this.#current.entries.kinds) kinds.add(kind)
    this.#current = list
    this.#loading = undefined
  }
}
