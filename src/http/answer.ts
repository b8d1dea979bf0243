/**
 * The one way to answer. A handler returns a `Reply`; `answer` writes its head and body in one piece, straight to Node's
 * response, and keeps the headers that were set there before (such as `Set-Cookie`). A web `Response` with its `Headers`
 * would cost more than everything else that a response from memory needs.
 */
import type { Context } from './context.ts'

/** Names and values in turn, as `writeHead` takes them. */
export type HeaderList = readonly string[]

export interface Reply {
  status: number
  headers: HeaderList
  /** Absent where the status has none (204, 304). */
  body?: string | Buffer
}

/** The handler has taken the response over and writes it itself, as a stream does. */
export const TAKEN = Symbol('taken')

export type Outcome = Reply | typeof TAKEN

const PRIVATE: HeaderList = ['Cache-Control', 'no-store']
const PRIVATE_JSON: HeaderList = ['Content-Type', 'application/json', ...PRIVATE]
const TOKEN_JSON: HeaderList = [...PRIVATE_JSON, 'Pragma', 'no-cache']

/** JSON that nobody may store. */
export const json = (value: unknown, status = 200, headers: HeaderList = []): Reply => ({
  status,
  headers: headers.length > 0 ? [...PRIVATE_JSON, ...headers] : PRIVATE_JSON,
  body: JSON.stringify(value),
})

/** A response that holds tokens, or tells of them (RFC 6749 §5.1). */
export const tokenJson = (value: unknown): Reply => ({ status: 200, headers: TOKEN_JSON, body: JSON.stringify(value) })

/** 201 with the path of the new record. @param location as a client asks for it, with the path of the issuer */
export const created = (value: unknown, location: string): Reply => json(value, 201, ['Location', location])

/** Done, and there is nothing to say. */
export const done = (): Reply => ({ status: 204, headers: PRIVATE })

/** 200 with an empty body (RFC 7009 §2.2). */
export const empty = (): Reply => ({ status: 200, headers: PRIVATE, body: '' })

/** Bytes of an unread body that Node may throw away to keep a connection. */
const MOST_DRAINED = 65_536

export function answer(context: Context, { status, headers, body }: Reply): void {
  const { outgoing, incoming } = context
  const head = [...standardHeaders(context), ...headers]
  if (body !== undefined) head.push('Content-Length', String(Buffer.byteLength(body)))
  if (!head.includes('Connection') && hasLongUnreadBody(context)) head.push('Connection', 'close')
  outgoing.writeHead(status, head)
  // A route that answers GET answers HEAD too, without the body (RFC 9110 §9.3.2).
  if (body === undefined || incoming.method === 'HEAD') outgoing.end()
  else outgoing.end(body)
}

/** Headers of every response. A stopping server answers the requests that it has, and keeps no connection. */
export function standardHeaders({ facts, isReady, match }: Pick<Context, 'facts' | 'isReady' | 'match'>): string[] {
  const headers = ['X-Request-Id', facts.request_id, 'X-Content-Type-Options', 'nosniff']
  if (match?.route.access.isCrossOrigin) headers.push('Access-Control-Allow-Origin', '*')
  if (!isReady()) headers.push('Connection', 'close')
  return headers
}

/** The rest of a long body is not waited for: the connection ends with the response. */
function hasLongUnreadBody({ incoming }: Context): boolean {
  if (incoming.complete) return false
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers
  return coding !== undefined || (length !== undefined && Number(length) > MOST_DRAINED)
}
