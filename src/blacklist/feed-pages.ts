/** Answers of the feed as bytes, each made once for all who lack the same. */
import type { Clock, Instant } from '../ground/clock.ts'
import type { CacheCounts } from '../ground/counts.ts'
import { entityTag } from '../ground/entity-tag.ts'
import type { BlacklistFeed } from './feed.ts'

/** Entries leave by themselves too, so an answer is made anew every few seconds at the latest. */
const REMAKE_MS = 5000
/** Answers to different cursors; most ask for the newest changes or for everything. */
const MOST_PAGES = 50

export interface Page {
  cursor: string
  body: Buffer
  etag: string
  madeAt: Instant
  /** The same as an event. */
  event: Buffer | undefined
}

export class FeedPages {
  readonly #feed: BlacklistFeed
  readonly #clock: Clock
  readonly #counts: CacheCounts
  #cursor = ''
  /** By where they start. */
  readonly #kept = new Map<number, Page>()

  /** @param counts of answers that were there, and that had to be made */
  constructor(feed: BlacklistFeed, clock: Clock, counts: CacheCounts) {
    this.#feed = feed
    this.#clock = clock
    this.#counts = counts
  }

  since(after: number): Page {
    const { cursor } = this.#feed
    if (cursor !== this.#cursor) this.#kept.clear()
    this.#cursor = cursor
    const start = this.#feed.startFor(after)
    const kept = this.#kept.get(start)
    const isFresh = kept !== undefined && Math.abs(this.#clock.now() - kept.madeAt) <= REMAKE_MS
    this.#counts[isFresh ? 'hit' : 'miss'] += 1
    return isFresh ? kept : this.#make(start)
  }

  #make(start: number): Page {
    const text = this.#feed.since(start)
    const madeAt = this.#clock.now()
    const page = { cursor: this.#cursor, body: Buffer.from(text), etag: entityTag(text), madeAt, event: undefined }
    // A Map keeps insertion order: this is the oldest.
    const [oldest = start] = this.#kept.keys()
    if (this.#kept.size >= MOST_PAGES) this.#kept.delete(oldest)
    this.#kept.set(start, page)
    return page
  }
}

/** A page as an event of a stream. */
export const eventOf = (page: Page): Buffer =>
  (page.event ??= Buffer.from(`event: blacklist\ndata: ${page.body.toString()}\nid: ${page.cursor}\n\n`))
