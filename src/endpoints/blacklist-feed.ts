/** GET /blacklist/feed, which downstream verifiers follow; public like the JWKS. Answers one page, or a stream of pages. */
import { FeedPages } from '../blacklist/feed-pages.ts'
import { FEED } from '../blacklist/wire.ts'
import type { Clock } from '../ground/clock.ts'
import { Unavailable, invalidRequest } from '../ground/errors.ts'
import { answerOf, maybe, type AnswerShape } from '../ground/shape.ts'
import { prefers } from '../http/accept.ts'
import { LIVE_DOCUMENT } from '../http/access.ts'
import { TAKEN, type Outcome } from '../http/reply.ts'
import { answerDocument, CACHED } from '../http/public-document.ts'
import { route, type OpenCall } from '../http/route.ts'
import type { KeyReaders } from '../keys/readers.ts'
import { Followers, isCutOff, type FollowerNeeds } from './feed-followers.ts'

const STREAM_HEADERS = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache', 'X-Accel-Buffering', 'no']
/** Caches have to ask each time, so that a polling follower is as fresh as its own interval. */
const CACHE_CONTROL = 'no-cache'

type Needs = FollowerNeeds & { clock: Clock; readers: KeyReaders }

const CURSOR = { schema: { type: 'string', pattern: '^\\d{1,15}$' } }

export const feed = (needs: Needs) => {
  const pages = new FeedPages(needs.feed, needs.clock, needs.traffic.cache('feed'))
  const followers = new Followers(needs, pages)
  return route(
    {
      get: '/blacklist/feed',
      access: LIVE_DOCUMENT,
      id: 'followBlacklist',
      tag: 'Blacklist',
      says: 'What downstream verifiers follow',
      tells:
        'Names nobody: values are hashed. It comes in pages of at most 2,000 entries; with `Accept: text/event-stream` a stream of events `blacklist`, each with the cursor as its `id` and the same object as its `data`.',
      query: { after: { says: 'What came after this cursor alone.', ...CURSOR } },
      headers: { 'Last-Event-ID': { says: 'Of the stream: goes on after this cursor.', ...CURSOR } },
      answers: { 200: FEED_ANSWER },
      refuses: ['invalid_request'],
    },
    (call) => {
      if (isCutOff(needs)) throw new Unavailable('the database is silent: the feed could lack a denial')
      const { network } = needs.limits.callerOf(call.incoming)
      needs.readers.noteFollower({ userAgent: call.header('user-agent'), network })
      if (prefers(call.header('accept'), 'text/event-stream', 'application/json')) return stream(call, needs, followers)
      return answerDocument(call, pages.since(readCursor(call.query.after)), { cacheControl: CACHE_CONTROL })
    },
  )
}

/** Server-sent events, one page each. They resume by `Last-Event-ID` or `?after=`. */
function stream(call: OpenCall<never, 'after'>, { readers, limits }: Needs, followers: Followers): Outcome {
  const { incoming, outgoing } = call
  const sent = readCursor(call.header('last-event-id') ?? call.query.after)
  const caller = limits.callerOf(incoming)
  const visitor = { userAgent: call.header('user-agent'), network: caller.network }
  const onLife = () => readers.noteFollower(visitor)
  const follower = { outgoing, sent, caller, onLife }
  const isHead = incoming.method === 'HEAD'
  if (!isHead) followers.requireRoom(follower)
  outgoing.writeHead(200, [...call.standardHeaders(), ...STREAM_HEADERS])
  if (isHead) outgoing.end()
  // A pipelined request has no socket before the responses ahead of it are sent. It may never get one.
  else if (outgoing.socket) followers.add(follower)
  else outgoing.once('socket', () => followers.add(follower))
  return TAKEN
}

function readCursor(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,15}$/.test(text)) throw invalidRequest('after is a cursor that the feed gave before')
  return Number(text)
}

const EVENT = `event: blacklist\ndata: ${JSON.stringify(FEED.example)}\nid: ${FEED.example.cursor}\n\n`

const DOCUMENT_ANSWER = answerOf('The feed.', FEED, {
  ...CACHED,
  ETag: maybe('Of the document. Give it back in `If-None-Match`.'),
  'X-Accel-Buffering': maybe('Of the stream: `no`, so that nginx passes events on at once.'),
})

const FEED_ANSWER: AnswerShape = {
  ...DOCUMENT_ANSWER,
  content: { ...DOCUMENT_ANSWER.content, 'text/event-stream': { schema: { type: 'string' }, example: EVENT } },
}
