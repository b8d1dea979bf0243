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

/** What is asked for. */
export interface Position {
  /** The cursor after which everything is wanted; `undefined`: the list from its beginning. */
  after: string | undefined
  /** A list that starts over begins another life, and answers to questions of an earlier life say nothing about it. */
  life: number
}

/** What a page did; `at` is the position from which its connection goes on. */
export type Taken = { at: Position; kinds: ReadonlySet<RevocationKind> } | 'outdated' | 'start over'

interface List {
  life: number
  entries: RevocationList
  /** Everything up to here is in the list; `undefined` before the first page. */
  cursor: string | undefined
}

const NOTHING: ReadonlySet<RevocationKind> = new Set()
const PRUNE_EVERY_MS = 30_000
/** If the clocks part by more while a connection is silent, the machine has slept, and what it reads now is old. */
const SLEPT_MS = 5_000

export class FollowedList {
  readonly #lingerSeconds: number
  /** The list that counts. It goes on denying what it denies while another one is loaded. */
  #current: List
  /** A list that starts over; there as long as the current one may lack something. */
  #loading: List | undefined
  #lives = 0
  #version = 0
  /** At this moment the issuer knew of nothing that the list lacks. */
  #heardAt: Moment | undefined
  #prunedAtMs = -Infinity
  /** The least that the wall clock was ever ahead of the even one. */
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

  /** Whether nothing is missing from the list that counts, as of its cursor. */
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

  /** What to ask for next. */
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
   * The issuer has said that nothing came since.
   * @param at the position of the connection that brought this
   * @param moment when that was true: the time of the question, where there was one
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
   * What was forgotten while the clock was ahead counts again when the clock is set right, and only the issuer still
   * has it.
   * @returns whether the list has to start over for that reason
   */
  watchClock({ wallMs, evenMs }: Moment): boolean {
    this.#leastAheadMs = Math.min(this.#leastAheadMs, wallMs - evenMs)
    if (!this.#current.entries.isMissing(wallMs / 1000)) return false
    if (this.isWhole) this.#startOver()
    this.#heardAt = undefined
    return true
  }

  /** An entry has ended when it has by the slowest clock so far, so a clock that is ahead for a moment costs nothing. */
  #prune({ evenMs }: Moment): void {
    if (evenMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
    this.#prunedAtMs = evenMs
    this.#current.entries.prune((evenMs + this.#leastAheadMs) / 1000)
  }

  /** @param asked the question that `page` answers */
  take(asked: Position, page: FeedDocument): Taken {
    const list = [this.#current, this.#loading].find((each) => each?.life === asked.life)
    if (!list) return 'outdated'
    if (asked.after !== undefined && isBefore(page.cursor, asked.after)) {
      // The database was restored. Which list the answer belongs to is not for an answer to `after` to say.
      if (this.isWhole || list === this.#loading) this.#startOver()
      return 'start over'
    }
    const at = { after: page.cursor, life: list.life }
    // All of it came over another connection already, and what came since may have undone it.
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

  /** @param kinds those of the entries that went are added */
  #finish(list: List, kinds: Set<RevocationKind>): void {
    for (const kind of this.#current.entries.kinds) kinds.add(kind)
    this.#current = list
    this.#loading = undefined
  }
}
