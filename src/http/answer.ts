/**
 * The one way to answer. A handler returns a `Reply`; `answer` writes its head and body in one piece, straight to Node's
 * response. It keeps the headers that were set there or in Hono's context before (such as `Set-Cookie`). A web
 * `Response` with its `Headers` would cost more than everything else that a response from memory needs.
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from './context.ts'
import type { Reply } from './reply.ts'

/** Bytes of an unread body that Node may throw away to keep a connection. */
const MOST_DRAINED = 65_536

/** @param set headers that were set in Hono's context. */
export function answer(context: Context, { status, headers, body }: Reply, set?: Headers): Response {
  const { outgoing, incoming } = context
  const head = standardHeaders(context)
  head.push(...headers)
  const bytes = body === undefined ? 0 : Buffer.byteLength(body)
  if (body !== undefined) head.push('Content-Length', String(bytes))
  if (!head.includes('Connection') && hasLongUnreadBody(context)) head.push('Connection', 'close')
  if (set) for (const [name, value] of set) outgoing.appendHeader(name, value)
  outgoing.writeHead(status, head)
  // A route that answers GET answers HEAD too, without the body (RFC 9110 §9.3.2).
  if (body === undefined || incoming.method === 'HEAD') outgoing.end()
  // Text of one byte a character is the same in both encodings, and Node writes this one faster.
  else outgoing.end(body, bytes === body.length ? 'latin1' : 'utf8')
  return RESPONSE_ALREADY_SENT
}

/** Headers of every response. A stopping server answers the requests that it has, and keeps no connection. */
export function standardHeaders({ facts, isReady, route }: Pick<Context, 'facts' | 'isReady' | 'route'>): string[] {
  const headers = ['X-Request-Id', facts.request_id, 'X-Content-Type-Options', 'nosniff']
  if (route?.access.isCrossOrigin) headers.push('Access-Control-Allow-Origin', '*')
  if (!isReady()) headers.push('Connection', 'close')
  return headers
}

/** The rest of a long body is not waited for: the connection ends with the response. */
function hasLongUnreadBody({ incoming }: Context): boolean {
  if (incoming.complete) return false
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers
  return coding !== undefined || (length !== undefined && Number(length) > MOST_DRAINED)
}
