/**
 * The revocation list, the cursor that it stands for, and as of when: what an answer of the feed does to it. Answers
 * come by several lines and in any order, so each is held against what it answers. It is either the whole list, or
 * what came after a cursor that this list has reached; nothing else is ever applied. Touches no network.
 */
import { ageMs, type Moment } from './clock.ts'
import { RevocationList, type FeedDocument, type RevocationKind } from './revocation-list.ts'

/** What is asked for. */
export interface Position {
  /** The cursor after which everything is wanted; `undefined`: the whole list. */
  after: string | undefined
  /** A list that starts over begins another life, and answers to questions of an earlier one say nothing about it. */
  life: number
}

/** What an answer did; `at` is the position from which the line that brought it goes on. */
export type Taken = { at: Position; kinds: ReadonlySet<RevocationKind> } | 'outdated' | 'start over'

const NOTHING: ReadonlySet<RevocationKind> = new Set()
const PRUNE_EVERY_MS = 30_000
/** Clocks that part by more while a line is silent: the machine has slept, and what it reads now was sent before. */
const SLEPT_MS = 5_000

export class FollowedList {
  readonly entries: RevocationList
  #cursor: string | undefined
  #life = 0
  /** Whether nothing is missing from the list, as of its cursor. It goes on denying what it denies all the same. */
  #isWhole = false
  /** At this moment the issuer knew of nothing that the list lacks. */
  #heardAt: Moment | undefined
  #prunedAtMs = -Infinity
  /** The least that the wall clock was ever ahead of the even one. */
  #leastAheadMs = Infinity

  /** @param lingerSeconds how much longer than the issuer thinks a token may be accepted here */
  constructor(lingerSeconds: number) {
    this.entries = new RevocationList(lingerSeconds)
  }

  get cursor(): string | undefined {
    return this.#cursor
  }

  get isWhole(): boolean {
    return this.#isWhole
  }

  /** What to ask for next. */
  get position(): Position {
    return { after: this.#isWhole ? this.#cursor : undefined, life: this.#life }
  }

  /** Milliseconds since the issuer was last heard. */
  staleMs(at: Moment): number {
    return this.#heardAt === undefined ? Infinity : ageMs(this.#heardAt, at)
  }

  /**
   * The issuer has said that nothing came since.
   * @param at to whom it was said
   * @param moment when that was true: the time of the question, where there was one
   * @returns whether it is true of this list
   */
  hear(at: Position, moment: Moment, { isAnswer }: { isAnswer: boolean }): boolean {
    if (!this.#isWhole || at.life !== this.#life) return false
    const last = this.#heardAt
    if (!isAnswer && last && moment.wallMs - last.wallMs > moment.evenMs - last.evenMs + SLEPT_MS) return false
    if (!last || moment.evenMs >= last.evenMs) this.#heardAt = moment
    this.watchClock(moment)
    this.#prune(moment)
    return true
  }

  /**
   * What was forgotten while the clock was ahead counts again when it is set right, and only the issuer still has it.
   * @returns whether the whole list is needed for that reason
   */
  watchClock({ wallMs, evenMs }: Moment): boolean {
    this.#leastAheadMs = Math.min(this.#leastAheadMs, wallMs - evenMs)
    if (!this.entries.isMissing(wallMs / 1000)) return false
    this.#isWhole = false
    this.#heardAt = undefined
    return true
  }

  /** An entry has ended when it has by the slowest clock there was: one that is ahead for a moment costs nothing. */
  #prune({ evenMs }: Moment): void {
    if (evenMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
    this.#prunedAtMs = evenMs
    this.entries.prune((evenMs + this.#leastAheadMs) / 1000)
  }

  /** @param asked what `document` answers */
  take(asked: Position, document: FeedDocument): Taken {
    if (asked.life !== this.#life) return 'outdated'
    if (asked.after === undefined) return this.#replace(document)
    if (isBefore(document.cursor, asked.after)) {
      // Given by a database that a restore replaced. Which list it belongs to is not for an answer to `after` to say.
      this.#isWhole = false
      return 'start over'
    }
    const at = { after: document.cursor, life: this.#life }
    // All of it came by another line already, and what came since may have undone it.
    if (this.#cursor !== undefined && isBefore(document.cursor, this.#cursor)) return { at, kinds: NOTHING }
    this.#cursor = document.cursor
    return { at, kinds: this.entries.change(document) }
  }

  #replace(document: FeedDocument): Taken {
    this.#life += 1
    this.#isWhole = true
    this.#cursor = document.cursor
    return { at: this.position, kinds: this.entries.replace(document) }
  }
}

/** Cursors are whole numbers: `readFeed` takes no others. */
const isBefore = (one: string, other: string): boolean => Number(one) < Number(other)
