/**
 * The feed of a foreign issuer, for tests that say what comes when: it answers as Signet's does, but answers can be
 * held back on their way, lines cut, and the database behind it replaced by an older one.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json, type KeyServer } from './key-server.ts'

export interface FeedServer {
  revoke(jti: string): void
  lift(jti: string): void
  /** As after a restore: what came after a cursor never happened. */
  restore(cursor: number): void
  heartbeat(): void
  /** Writes bytes on every open line. */
  write(bytes: string): void
  /** Answers to polls are made at once from now on, and arrive when they are sent; `release` holds back no more. */
  holdPolls(): { count(): number; send(): void; release(): void }
  /** Answers no request any more; lines that are open stay. */
  answerNobody(): void
  /** Answers no request any more, and ends the lines. */
  leave(): void
  comeBack(): void
  /** Polls are answered by a cache from now on, which has had the answer for so many seconds. */
  cache(seconds: number): void
  /** Only polls from now on. */
  takeNoStreams(): void
  /** At most so many changes a page from now on; a stream that is asked for is sent all pages at once. */
  page(changes: number): void
  /** Streams end after so many events. */
  cutStreams(events: number): void
  /** `?after=` and `Last-Event-ID` of what was asked so far; `undefined` for the whole list. */
  asked: (string | undefined)[]
  lines(): number
}

interface Change {
  revision: number
  jti: string
  isLifted: boolean
}

const FEED = '/blacklist/feed'
const LIVES_SECONDS = 900

export function startFeed(server: KeyServer): FeedServer {
  let changes: Change[] = []
  let revision = 0
  let isAway = false
  let hasStreams = true
  let pageSize = Infinity
  let eventsOfStream = Infinity
  let headers: Record<string, string> = {}
  let held: (() => void)[] | undefined
  const issuedBefore = Math.floor(server.clock.now() / 1000) + 1
  const lines = new Map<ServerResponse, number>()
  const asked: (string | undefined)[] = []

  const documentSince = (after: number) => {
    const newest = new Map(changes.map((change) => [change.jti, change]))
    const all = [...newest.values()].filter((change) => change.revision > (after > revision ? 0 : after))
    const news = all.toSorted((one, other) => one.revision - other.revision).slice(0, pageSize)
    const hasMore = news.length < all.length
    return {
      cursor: String(hasMore ? news.at(-1)?.revision : revision),
      entries: news.filter(({ isLifted }) => !isLifted).map(({ jti }) => entryOf(jti, issuedBefore)),
      removed: news.filter(({ isLifted }) => isLifted).map(({ jti }) => `entry-${jti}`),
      ...(hasMore && { more: true }),
    }
  }
  const tell = (line: ServerResponse, sent: number, events = Infinity) => {
    const document = documentSince(sent)
    line.write(`event: blacklist\nid: ${document.cursor}\ndata: ${JSON.stringify(document)}\n\n`)
    lines.set(line, Number(document.cursor))
    if (events <= 1) line.end()
    else if (document.more) tell(line, Number(document.cursor), events - 1)
  }
  const change = (jti: string, isLifted: boolean) => {
    changes.push({ revision: ++revision, jti, isLifted })
    for (const [line, sent] of lines) tell(line, sent)
  }
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (isAway) return void request.socket.destroy()
    const isStream = request.headers.accept === 'text/event-stream'
    if (isStream && !hasStreams) return void response.writeHead(406).end()
    const query = new URL(request.url ?? '', server.issuer).searchParams
    const after = request.headers['last-event-id'] ?? query.get('after') ?? undefined
    asked.push(after?.toString())
    if (!isStream) {
      const document = documentSince(Number(after ?? 0))
      const send = () => json(document, headers)(request, response)
      return held ? void held.push(send) : send()
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.on('close', () => lines.delete(response))
    return tell(response, Number(after ?? 0), eventsOfStream)
  }
  const write = (bytes: string) => {
    for (const line of lines.keys()) line.write(bytes)
  }
  server.answers.set(FEED, answer)
  return {
    revoke: (jti) => change(jti, false),
    lift: (jti) => change(jti, true),
    restore(cursor) {
      revision = cursor
      changes = changes.filter((each) => each.revision <= cursor)
      for (const line of lines.keys()) line.destroy()
    },
    heartbeat: () => write(': still here\n\n'),
    write,
    holdPolls() {
      const mine: (() => void)[] = []
      const send = () => {
        for (const each of mine.splice(0)) each()
      }
      held = mine
      return {
        count: () => mine.length,
        send,
        release() {
          held = undefined
          send()
        },
      }
    },
    answerNobody: () => void (isAway = true),
    leave() {
      isAway = true
      for (const line of lines.keys()) line.destroy()
    },
    comeBack: () => void (isAway = false),
    cache: (seconds) => void (headers = { age: String(seconds) }),
    takeNoStreams: () => void (hasStreams = false),
    page: (size) => void (pageSize = size),
    cutStreams: (events) => void (eventsOfStream = events),
    asked,
    lines: () => lines.size,
  }
}

const entryOf = (jti: string, issuedBefore: number) => ({
  id: `entry-${jti}`,
  kind: 'jti',
  hash: createHash('sha256').update(`jti:${jti}`).digest('base64url'),
  issued_before: issuedBefore,
  expires_at: issuedBefore + LIVES_SECONDS,
})
