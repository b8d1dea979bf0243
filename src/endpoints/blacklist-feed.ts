/** GET /blacklist/feed: what downstream verifiers follow, public like the JWKS; a document, or a stream of changes. */
import { entityTag } from '../entity-tag.ts'
import { streamSSE, type SSEStreamingApi } from 'hono/streaming'
import type { BlacklistFeed } from '../blacklist/feed.ts'
import type { Instant } from '../clock.ts'
import { Unavailable, invalidRequest } from '../errors.ts'
import { answerPublic } from '../http/public-document.ts'
import type { Handler, Rooms } from '../http/rooms.ts'

const MOST_FOLLOWERS = 2000
/** So that one network cannot take all of them. */
const MOST_OF_NETWORK = 500
/** Tells proxies and followers that the line is alive. */
const HEARTBEAT_MS = 15_000
/** Entries leave by themselves too, so the whole document is made anew every few seconds at the latest. */
const REMAKE_MS = 5000

export const feed = (rooms: Rooms): Handler => {
  const stream = streamOf(rooms)
  const whole = wholeDocument(rooms)
  const answer: Handler = (c) => {
    rooms.readers.noteFollower(c.req.header('user-agent'))
    if ((c.req.header('accept') ?? '').includes('text/event-stream')) return stream(c)
    const after = readCursor(c.req.query('after'))
    // Revalidated each time: a follower that polls is as fresh as its own interval.
    return answerPublic(c, after === 0 ? whole() : encode(rooms.feed, after), 'no-cache')
  }
  return (c) => {
    // What another process has answered before is in the document.
    const news = rooms.store.catchUp()
    return news ? news.then(() => answer(c)) : answer(c)
  }
}

function encode(changes: BlacklistFeed, after: number) {
  const document = changes.since(after)
  const body = JSON.stringify(document)
  const etag = entityTag(body)
  return { cursor: document.cursor, body, etag }
}

/** The whole feed as bytes, made once for a change. */
function wholeDocument({ feed: changes, clock, traffic }: Rooms) {
  const cache = traffic.cache('feed')
  let made: (ReturnType<typeof encode> & { madeAt: Instant }) | undefined
  return () => {
    const now = clock.now()
    const isFresh = made?.cursor === changes.cursor && Math.abs(now - made.madeAt) <= REMAKE_MS
    cache[isFresh ? 'hit' : 'miss'] += 1
    if (!made || !isFresh) made = { ...encode(changes, 0), madeAt: now }
    return made
  }
}

/** Server-sent events that resume by `Last-Event-ID` (or `?after=`). */
function streamOf({ feed: changes, readers, isReady, traffic, limits }: Rooms): Handler {
  const ofNetwork = new Map<string, number>()
  const count = (network: string, change: 1 | -1) => {
    traffic.feedFollowers += change
    const followers = (ofNetwork.get(network) ?? 0) + change
    if (followers > 0) ofNetwork.set(network, followers)
    else ofNetwork.delete(network)
  }
  return (c) => {
    const { network, isLocal } = limits.callerOf(c.env.incoming)
    const isOver = !isLocal && (ofNetwork.get(network) ?? 0) >= MOST_OF_NETWORK
    if (isOver || traffic.feedFollowers >= MOST_FOLLOWERS) throw tooMany(isOver)
    const userAgent = c.req.header('user-agent')
    const cursor = readCursor(c.req.header('last-event-id') ?? c.req.query('after'))
    c.header('X-Accel-Buffering', 'no')
    c.header('Access-Control-Allow-Origin', '*')
    count(network, 1)
    const onLife = () => readers.noteFollower(userAgent)
    return streamSSE(c, (sse) =>
      sendChanges(sse, { changes, cursor, isReady, onLife }).finally(() => count(network, -1)),
    )
  }
}

const tooMany = (isOfNetwork: boolean): Unavailable =>
  new Unavailable(`too many followers of the feed${isOfNetwork ? ' in one network' : ''}`, { retryAfterSeconds: 10 })

interface Following {
  changes: BlacklistFeed
  cursor: number
  isReady(): boolean
  /** Called at every event and heartbeat. */
  onLife(): void
}

/** Sends what the follower lacks, at once and at every change, until it leaves or the service stops. */
async function sendChanges(sse: SSEStreamingApi, { changes, cursor, isReady, onLife }: Following): Promise<void> {
  let sent = cursor
  let wake = () => {}
  const stop = changes.follow(() => wake())
  sse.onAbort(() => wake())
  try {
    for (let first = true; !sse.aborted && isReady(); first = false) {
      const document = changes.since(sent)
      const isNews = first || document.cursor !== String(sent)
      if (isNews) await sse.writeSSE({ event: 'blacklist', id: document.cursor, data: JSON.stringify(document) })
      else await sse.write(': still here\n\n')
      onLife()
      sent = Number(document.cursor)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, HEARTBEAT_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        // What happened while the last event was written.
        if (changes.cursor !== document.cursor || sse.aborted || !isReady()) wake()
      })
    }
  } finally {
    stop()
  }
}

function readCursor(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,15}$/.test(text)) throw invalidRequest('after is a cursor that the feed gave before')
  return Number(text)
}
