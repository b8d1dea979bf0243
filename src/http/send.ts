/**
 * Answers of the busy endpoints: head and body in one piece, straight to Node's response. A web `Response` with its
 * `Headers` costs more than everything else that an answer from memory needs.
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { Env } from './rooms.ts'

/** Names and values in turn, as `writeHead` takes them. */
export type HeaderList = string[]

const PRIVATE_JSON: HeaderList = ['Cache-Control', 'no-store', 'Pragma', 'no-cache', 'Content-Type', 'application/json']

/** Answers 200 with JSON that nobody may store (RFC 6749 §5.1). */
export const sendJson = (c: Context<Env>, value: unknown): Response => send(c, 200, PRIVATE_JSON, JSON.stringify(value))

/** @param headers the caller says `Cache-Control` and `Content-Type`; the rest that every answer has is added. */
export function send(c: Context<Env>, status: 200 | 304, headers: HeaderList, body: string): Response {
  const { outgoing, facts } = c.env
  const head = [...standardHeaders(c.env), ...headers]
  if (status === 200) head.push('Content-Length', String(Buffer.byteLength(body)))
  facts.status = status
  outgoing.writeHead(status, head)
  // What answers GET answers HEAD too, without the body (RFC 9110 §9.3.2).
  if (status === 304 || c.env.incoming.method === 'HEAD') outgoing.end()
  else outgoing.end(body)
  return RESPONSE_ALREADY_SENT
}

/** What every answer carries. A stopping server answers what it has taken and keeps no connection. */
export function standardHeaders({ facts, isReady }: Pick<Env['Bindings'], 'facts' | 'isReady'>): HeaderList {
  const headers = ['X-Request-Id', facts.request_id, 'X-Content-Type-Options', 'nosniff']
  if (!isReady()) headers.push('Connection', 'close')
  return headers
}
