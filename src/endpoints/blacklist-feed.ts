/** GET /blacklist/feed, which downstream verifiers follow; public like the JWKS. Answers one page, or a stream of pages. */
import { FeedPages } from '../blacklist/feed-pages.ts'
import { FEED } from '../blacklist/wire.ts'
import type { Clock } from '../ground/clock.ts'
import { Unavailable, invalidRequest } from '../ground/errors.ts'
import { inTurns } from '../ground/turns.ts'
import { answerOf, maybe, type AnswerShape } from '../ground/shape.ts'
import { prefers } from '../http/accept.ts'
import { LIVE_DOCUMENT } from '../http/access.ts'
import { TAKEN, type HeaderList, type Outcome } from '../http/reply.ts'
import { answerDocument, CACHED } from '../http/public-document.ts'
import { route, type OpenCall } from '../http/route.ts'
import type { KeyReaders } from '../keys/readers.ts'
import type { Store } from '../store/store.ts'
import { Followers, isCutOff, type FollowerNeeds } from './feed-followers.ts'

const STREAM_HEADERS = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache', 'X-Accel-Buffering', 'no']
/** Caches have to ask each time, so that a polling follower is as fresh as its own interval. */
const CACHE_CONTROL = 'no-cache'

/** Cursors from the future are free to make up, and each makes this process look. Milliseconds between two looks. */
const LOOK_PAUSE_MS = 20

type Needs = FollowerNeeds & {
  clock: Clock
  readers: KeyReaders
  store: Pick<Store, 'silenceMs' | 'pollChanges'>
}

const CURSOR = { schema: { type: 'string', pattern: '^\\d{1,15}$' } }

export const feed = (needs: Needs) => {
  const pages = new FeedPages(needs.feed, needs.clock, needs.traffic.cache('feed'))
  const followers = new Followers(needs, pages)
  // A look that fails makes the store silent, and `requireNoLess` judges that.
  const look = inTurns(() => needs.store.pollChanges().catch(() => {}), LOOK_PAUSE_MS)
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
      const { network } = needs.limits.callerOf(call.incoming)
      needs.readers.noteFollower({ userAgent: call.header('user-agent'), network })
      const isStream = prefers(call.header('accept'), 'text/event-stream', 'application/json')
      const after = readCursor((isStream ? call.header('last-event-id') : undefined) ?? call.query.after)
      const answer = (): Outcome => {
        requireNoLess(needs, after)
        if (isStream) return stream(call, after, needs, followers)
        return answerDocument(call, pages.since(after), { cacheControl: CACHE_CONTROL, headers: ageOf(needs.store) })
      }
      const mayCatchUp = isAhead(needs, after) && needs.store.silenceMs() === 0
      return mayCatchUp ? look().then(answer) : answer()
    },
  )
}

/** While the database is silent, the list is as old as its last answer. Followers subtract the age (RFC 9111 §5.1). */
function ageOf(store: Needs['store']): HeaderList {
  const silenceMs = store.silenceMs()
  return silenceMs > 0 ? ['Age', String(Math.ceil(silenceMs / 1000))] : []
}

/** Another replica has given a cursor that this one has not reached, or a database that a restore has replaced. */
const isAhead = ({ feed: { cursor } }: Needs, after: number): boolean => after > Number(cursor)

/**
 * A follower that has heard more of another replica would start over with less, and forget denials. So this process looks
 * before it answers; while the database is silent, looking is in vain.
 * @throws Unavailable
 */
function requireNoLess(needs: Needs, after: number): void {
  if (isAhead(needs, after) && needs.store.silenceMs() > 0)
    throw new Unavailable('the database is silent, and this follower has heard more than this replica')
}

/** Server-sent events, one page each. They resume by `Last-Event-ID` or `?after=`. */
function stream(call: OpenCall<never, 'after'>, sent: number, needs: Needs, followers: Followers): Outcome {
  const { readers, limits } = needs
  const { incoming, outgoing } = call
  // A stream that lives says that the list is fresh. A document can tell its age.
  if (isCutOff(needs))
    throw new Unavailable('the database is silent, and events could lack a denial: ask for the document')
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
  Age: maybe('Seconds for which the database has been silent: the list is so old.'),
  'X-Accel-Buffering': maybe('Of the stream: `no`, so that nginx passes events on at once.'),
})

const FEED_ANSWER: AnswerShape = {
  ...DOCUMENT_ANSWER,
  content: { ...DOCUMENT_ANSWER.content, 'text/event-stream': { schema: { type: 'string' }, example: EVENT } },
}
