/**
 * Pages of the feed as bytes. Each is made once for all callers who lack the same. A page of older entries is kept with
 * its section, so that no other cursor can push it out.
 */
import type { Clock, Instant } from '../ground/clock.ts'
import type { CacheCounts } from '../ground/counts.ts'
import { entityTag } from '../ground/entity-tag.ts'
import { isLifted, type BlacklistFeed, type Cut } from './feed.ts'

/** A page of the newest entries is made again after this time, because entries also end by themselves. */
const REMAKE_MS = 5000
/** Pages of the newest entries that are kept; most callers lack the last few changes. */
const MOST_NEWEST = 50

export interface FeedPage {
  cursor: string
  hasMore: boolean
  body: Buffer
  etag: string
  /** The same as an event of a stream; `body` is a part of these bytes. */
  event: Buffer
  madeAt: Instant
}

export class FeedPages {
  readonly #feed: BlacklistFeed
  readonly #clock: Clock
  readonly #counts: CacheCounts
  readonly #settled = new WeakMap<Cut, FeedPage>()
  /** By where they start; the one that was used last stands last. */
  readonly #newest = new Map<number, FeedPage>()
  /** The cursor that the newest pages lead to. */
  #cursor = ''

  /** @param counts of pages that were there, and that had to be made */
  constructor(feed: BlacklistFeed, clock: Clock, counts: CacheCounts) {
    this.#feed = feed
    this.#clock = clock
    this.#counts = counts
  }

  /** The page that follows a cursor; the first page for `0`. */
  since(after: number): FeedPage {
    const cut = this.#feed.cutAfter(after)
    const kept = cut.isSettled ? this.#settled.get(cut) : this.#findNewest(cut)
    this.#counts[kept ? 'hit' : 'miss'] += 1
    const page = kept ?? makePage(this.#feed, cut, this.#clock.now())
    if (cut.isSettled) this.#settled.set(cut, page)
    else this.#keepNewest(cut, page)
    return page
  }

  #findNewest({ start }: Cut): FeedPage | undefined {
    const { cursor } = this.#feed
    if (cursor !== this.#cursor) this.#newest.clear()
    this.#cursor = cursor
    const kept = this.#newest.get(start)
    return kept && Math.abs(this.#clock.now() - kept.madeAt) <= REMAKE_MS ? kept : undefined
  }

  #keepNewest({ start }: Cut, page: FeedPage): void {
    this.#newest.delete(start)
    this.#newest.set(start, page)
    if (this.#newest.size <= MOST_NEWEST) return
    // The largest page is the one that newcomers ask for: it stays, however many other cursors are asked for.
    const first = Math.min(...this.#newest.keys())
    const oldest = [...this.#newest.keys()].find((each) => each !== first)
    if (oldest !== undefined) this.#newest.delete(oldest)
  }
}

function makePage(feed: BlacklistFeed, cut: Cut, now: Instant): FeedPage {
  const entries: string[] = []
  const removed: string[] = []
  for (const line of cut.lines)
    if (line.deniesUntil > now) (isLifted(line) ? removed : entries).push(feed.write(line, cut))
  const more = cut.hasMore ? ',"more":true' : ''
  const cursor = String(cut.end)
  const text = `{"cursor":"${cursor}","entries":[${entries.join(',')}],"removed":[${removed.join(',')}]${more}}`
  const before = Buffer.from('event: blacklist\ndata: ')
  const event = Buffer.concat([before, Buffer.from(`${text}\nid: ${cursor}\n\n`)])
  const body = event.subarray(before.length, before.length + Buffer.byteLength(text))
  return { cursor, hasMore: cut.hasMore, body, etag: entityTag(text), event, madeAt: now }
}
