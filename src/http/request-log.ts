/** One log line a request, under an id that the response carries too: the operator finds the reason by it. */
import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Env, RequestFacts, Rooms } from './rooms.ts'

/** Ids from outside are not taken over: a caller could make two requests look like one. */
export function logRequests({ log, isReady }: Pick<Rooms, 'log' | 'isReady'>): MiddlewareHandler<Env> {
  return async (c, next) => {
    const began = performance.now()
    const facts: RequestFacts = { request_id: randomUUID() }
    c.set('facts', facts)
    c.header('X-Request-Id', facts.request_id)
    // Right for whatever says nothing else: only the public documents may be cached.
    c.header('Cache-Control', 'no-store')
    c.header('X-Content-Type-Options', 'nosniff')
    // A stopping server answers what it has taken and keeps no connection.
    if (!isReady()) c.header('Connection', 'close')
    await next()
    facts.method = c.req.method
    facts.route = routePath(c)
    facts.status = c.res.status
    facts.duration_ms = Math.round((performance.now() - began) * 100) / 100
    if (facts.status >= 500) log.error('request', facts)
    else log.info('request', facts)
  }
}
