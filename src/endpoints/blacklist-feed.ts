/** GET /blacklist/feed, which downstream verifiers follow; public like the JWKS. Answers one page, or a stream of pages. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { FeedPages, type Page } from '../blacklist/feed-pages.ts'
import { invalidRequest } from '../ground/errors.ts'
import { Followers } from './feed-followers.ts'
import { hasAlready } from '../http/public-document.ts'
import type { Env, Handler, Rooms } from '../http/rooms.ts'
import { send, standardHeaders } from '../http/send.ts'

const STREAM_HEADERS = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache']
const STREAM_MANNERS = ['X-Accel-Buffering', 'no', 'Access-Control-Allow-Origin', '*']

export const feed = (rooms: Rooms): Handler => {
  const pages = new FeedPages(rooms.feed, rooms.clock, rooms.traffic.cache('feed'))
  const followers = new Followers(rooms, pages)
  const answer: Handler = (c) => {
    const { network } = rooms.limits.callerOf(c.env.incoming)
    rooms.readers.noteFollower({ userAgent: c.req.header('user-agent'), network })
    if ((c.req.header('accept') ?? '').includes('text/event-stream')) return stream(rooms, followers)(c)
    return sendPage(c, pages.since(readCursor(c.req.query('after'))))
  }
  return (c) => {
    // The page holds whatever another process has answered before.
    const news = rooms.store.catchUp()
    return news ? news.then(() => answer(c)) : answer(c)
  }
}

/** The bytes are sent as they are: a string would be copied for each caller. */
function sendPage(c: Context<Env>, { body, etag }: Page): Response {
  const { incoming, outgoing, facts } = c.env
  // Caches have to ask each time, so that a polling follower is as fresh as its own interval.
  const headers = ['Cache-Control', 'no-cache', 'ETag', etag, 'Access-Control-Allow-Origin', '*']
  if (hasAlready(c.req.header('if-none-match'), etag)) return send(c, 304, headers, '')
  headers.push('Content-Type', 'application/json', 'Content-Length', String(body.length))
  facts.status = 200
  outgoing.writeHead(200, [...standardHeaders(c.env), ...headers])
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
  return RESPONSE_ALREADY_SENT
}

/** Server-sent events, one page each. They resume by `Last-Event-ID` or `?after=`. */
const stream =
  ({ readers, limits }: Rooms, followers: Followers): Handler =>
  (c) => {
    const { incoming, outgoing, facts } = c.env
    const sent = readCursor(c.req.header('last-event-id') ?? c.req.query('after'))
    const caller = limits.callerOf(incoming)
    const visitor = { userAgent: c.req.header('user-agent'), network: caller.network }
    const onLife = () => readers.noteFollower(visitor)
    const follower = { outgoing, sent, caller, onLife }
    const isHead = incoming.method === 'HEAD'
    if (!isHead) followers.requireRoom(follower)
    facts.status = 200
    outgoing.writeHead(200, [...standardHeaders(c.env), ...STREAM_HEADERS, ...STREAM_MANNERS])
    if (isHead) outgoing.end()
    // A pipelined request has no socket before the responses ahead of it are sent. It may never get one.
    else if (outgoing.socket) followers.add(follower)
    else outgoing.once('socket', () => followers.add(follower))
    return RESPONSE_ALREADY_SENT
  }

function readCursor(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,15}$/.test(text)) throw invalidRequest('after is a cursor that the feed gave before')
  return Number(text)
}
