/** `/blacklist`: entries are added, listed, read and lifted by administrators; the feed is public. */
import { createHash } from 'node:crypto'
import { streamSSE } from 'hono/streaming'
import { entryView } from '../blacklist/entry-view.ts'
import { fromSeconds, type Instant } from '../clock.ts'
import { Unavailable, invalidRequest, notFound } from '../errors.ts'
import type { Denial } from '../grants/revocation.ts'
import { actorOf } from '../http/actor.ts'
import { readJsonObject } from '../http/form.ts'
import { readPage } from '../http/page.ts'
import { answerPublic } from '../http/public-document.ts'
import type { Handler, Rooms } from '../http/rooms.ts'

const KINDS = ['jti', 'sid', 'sub', 'client_id'] as const
const MOST_REASON_CHARACTERS = 500

/** POST /blacklist */
export const addEntry =
  (rooms: Rooms): Handler =>
  async (c) => {
    const body = await readJsonObject(c)
    const denial = await readDenial(body, rooms)
    const entry = await rooms.revocation.deny(denial, actorOf(c))
    c.header('Location', `/blacklist/${entry.id}`)
    return c.json(entryView(entry), 201)
  }

async function readDenial(body: Record<string, unknown>, rooms: Rooms): Promise<Denial> {
  const named = [...KINDS, 'token' as const].filter((name) => body[name] !== undefined && body[name] !== null)
  const [name] = named
  if (named.length !== 1 || !name) throw invalidRequest(`name exactly one of ${KINDS.join(', ')}, token`)
  const value = readText(body, name, 16_384)
  if (value === undefined) throw invalidRequest(`${name} is a string of 1 character or more`)
  const reason = readText(body, 'reason', MOST_REASON_CHARACTERS)
  const expiresAt = readInstant(body.expires_at, rooms.store.now())
  if (name !== 'token') {
    if (value.length > 512) throw invalidRequest(`${name} has at most 512 characters`)
    return { kind: name, value, reason, expiresAt }
  }
  return { ...(await nameToken(value, rooms)), reason, expiresAt }
}

/** An access token is denied by its `jti`, a refresh token by its grant. */
async function nameToken(token: string, { tokenState }: Rooms): Promise<Pick<Denial, 'kind' | 'value' | 'expiresAt'>> {
  if (tokenState.isRefreshToken(token)) {
    const { grant } = await tokenState.checkRefreshToken(token)
    if (grant) return { kind: 'sid', value: grant.sid }
  } else {
    const state = await tokenState.checkAccessToken(token)
    if (state.claims) return { kind: 'jti', value: state.claims.jti }
  }
  throw invalidRequest('token is no live token of this issuer: it needs no blacklist entry')
}

function readText(body: Record<string, unknown>, name: string, most: number): string | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value === '' || value.length > most)
    throw invalidRequest(`${name} is a string of 1 to ${most} characters`)
  return value
}

/** Seconds since the epoch, or ISO 8601. */
function readInstant(value: unknown, now: Instant): Instant | undefined {
  if (value === undefined || value === null) return undefined
  const instant = typeof value === 'number' ? fromSeconds(value) : typeof value === 'string' ? Date.parse(value) : NaN
  if (!Number.isSafeInteger(Math.trunc(instant)) || instant <= now || instant > 8.64e15) {
    throw invalidRequest(
      'expires_at is a time in the future: ISO 8601, such as 2030-01-31T12:00:00Z, or seconds since the epoch',
    )
  }
  return Math.trunc(instant)
}

/** GET /blacklist */
export const listEntries =
  ({ store }: Rooms): Handler =>
  async (c) => {
    const page = readPage(c)
    const entries = await store.listBlacklist(page)
    const next = entries.length === page.limit ? (entries.at(-1)?.id ?? null) : null
    return c.json({ entries: entries.map(entryView), next })
  }

/** GET /blacklist/{id} */
export const readEntry =
  ({ store }: Rooms): Handler =>
  async (c) => {
    const entry = await store.findBlacklistEntry(c.req.param('id') ?? '')
    if (!entry || entry.removedAt !== null) throw notFound('this blacklist entry')
    return c.json(entryView(entry))
  }

/** DELETE /blacklist/{id} */
export const liftEntry =
  ({ revocation }: Rooms): Handler =>
  async (c) => {
    await revocation.lift(c.req.param('id') ?? '', actorOf(c))
    return c.body(null, 204)
  }

const MOST_FOLLOWERS = 2000
/** Tells proxies and followers that the line is alive. */
const HEARTBEAT_MS = 15_000

/** GET /blacklist/feed: the document, or a stream of what changes. */
export const feed = ({ feed: changes, isReady }: Rooms): Handler => {
  let followers = 0
  /** The whole feed as bytes, made once a change. */
  let whole: { cursor: string; madeAt: number; body: string; etag: string } | undefined

  const wholeDocument = () => {
    // Entries leave by themselves too, so the copy is made anew every few seconds at the latest.
    if (whole?.cursor !== changes.cursor || performance.now() - whole.madeAt > 5000)
      whole = { ...encode(0), madeAt: performance.now() }
    return whole
  }
  const encode = (after: number) => {
    const document = changes.since(after)
    const body = JSON.stringify(document)
    return {
      cursor: document.cursor,
      body,
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    }
  }

  const stream: Handler = (c) => {
    if (followers >= MOST_FOLLOWERS) throw new Unavailable('too many followers of the feed', { retryAfterSeconds: 10 })
    let sent = readCursor(c.req.header('last-event-id') ?? c.req.query('after'))
    c.header('X-Accel-Buffering', 'no')
    c.header('Access-Control-Allow-Origin', '*')
    followers += 1
    return streamSSE(c, async (sse) => {
      let wake = () => {}
      const stop = changes.follow(() => wake())
      const end = () => {
        stop()
        wake()
      }
      sse.onAbort(end)
      try {
        for (let first = true; !sse.aborted && isReady(); first = false) {
          const document = changes.since(sent)
          const isNews = first || document.cursor !== String(sent)
          if (isNews) await sse.writeSSE({ event: 'blacklist', id: document.cursor, data: JSON.stringify(document) })
          else await sse.write(': still here\n\n')
          sent = Number(document.cursor)
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, HEARTBEAT_MS)
            wake = () => {
              clearTimeout(timer)
              resolve()
            }
            if (changes.cursor !== document.cursor || sse.aborted) wake()
          })
        }
      } finally {
        stop()
        followers -= 1
      }
    })
  }

  return (c) => {
    if ((c.req.header('accept') ?? '').includes('text/event-stream')) return stream(c)
    const after = readCursor(c.req.query('after'))
    // Short-lived on purpose: a follower that polls is as fresh as its own interval.
    return answerPublic(c, after === 0 ? wholeDocument() : encode(after), 'no-cache')
  }
}

function readCursor(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,15}$/.test(text)) throw invalidRequest('after is a cursor that the feed gave before')
  return Number(text)
}
