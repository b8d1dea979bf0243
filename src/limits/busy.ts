/** How requests are turned away that never reach a route: the same JSON as everywhere, at the least cost. */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Log } from '../ground/log.ts'
import { standardHeaders } from '../http/send.ts'

/**
 * RFC 6749 §4.1.2.1: "currently unable to handle the request due to a temporary overloading". Nothing registered says
 * it better for /token; `slow_down` (RFC 8628 §3.5) would make device clients of other requests, and a code of §5.2
 * such as `invalid_request` makes libraries give up for good.
 */
export const BUSY = 'temporarily_unavailable'

/** Kept with the answer itself, and in no collection: see connections.ts. */
const BUSY_MARK = Symbol('busy')

/** Marks an answer that turns its caller away for load alone: a flood of them must not be a flood of lines. */
export const markBusy = (outgoing: ServerResponse): void => void Object.assign(outgoing, { [BUSY_MARK]: true })

export const isMarkedBusy = (outgoing: ServerResponse & { [BUSY_MARK]?: true }): boolean => outgoing[BUSY_MARK] ?? false

/** Bytes of a body that are thrown away to keep a connection. */
const MOST_DRAINED = 65_536

export function answerBusy(
  outgoing: ServerResponse,
  status: 429 | 503,
  { headers, description }: { headers: Record<string, string>; description: string },
  { log, isReady }: { log: Log; isReady(): boolean },
): void {
  const { method, headers: asked } = outgoing.req
  const facts = { request_id: randomUUID(), method: method ?? '', status, error: BUSY }
  const body = JSON.stringify({ error: BUSY, error_description: description })
  const head = [...standardHeaders({ facts, isReady }), 'Content-Type', 'application/json', 'Cache-Control', 'no-store']
  for (const pair of Object.entries(headers)) head.push(...pair)
  head.push('Content-Length', String(body.length))
  // What is not read must not be waited for either.
  const isLong = Number(asked['content-length'] ?? 0) > MOST_DRAINED || asked['transfer-encoding'] !== undefined
  if (isLong) head.push('Connection', 'close')
  outgoing.writeHead(status, head).end(method === 'HEAD' ? undefined : body)
  // Debug, since a flood must not become a flood of lines; the figures count it.
  log.debug('request', facts)
}
