/**
 * One log line a request, under an id that the response carries too: the operator finds the reason by it. It stands
 * around the routes and not among them, because a middleware would make every answer from memory wait its turn.
 */
import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Env, RequestFacts, Rooms } from './rooms.ts'

export type Answer = (request: Request, bindings: HttpBindings) => Response | Promise<Response>

/** Serves an app with its log. Ids from outside are not taken over: a caller could make two requests look like one. */
export function withRequestLog(app: Hono<Env>, { log, isReady }: Pick<Rooms, 'log' | 'isReady'>): Answer {
  return (request, { incoming, outgoing }) => {
    const began = performance.now()
    const facts: RequestFacts = { request_id: randomUUID() }
    outgoing.setHeader('X-Request-Id', facts.request_id)
    // Right for whatever says nothing else: only the public documents may be cached.
    outgoing.setHeader('Cache-Control', 'no-store')
    outgoing.setHeader('X-Content-Type-Options', 'nosniff')
    // A stopping server answers what it has taken and keeps no connection.
    if (!isReady()) outgoing.setHeader('Connection', 'close')

    const finish = (response: Response): Response => {
      facts.method = incoming.method ?? ''
      facts.route = routeOf(app, facts.method, incoming.url ?? '')
      facts.status = response.status
      facts.duration_ms = Math.round((performance.now() - began) * 100) / 100
      if (facts.status >= 500) log.error('request', facts)
      else log.info('request', facts)
      return response
    }
    const answer = app.fetch(request, { incoming, outgoing, facts })
    return answer instanceof Promise ? answer.then(finish) : finish(answer)
  }
}

/** The pattern of the path, never the path itself. */
function routeOf(app: Hono<Env>, method: string, url: string): string {
  const path = url.split('?', 1)[0] ?? ''
  const [matched] = app.router.match(method === 'HEAD' ? 'GET' : method, path)
  return matched[0]?.[0][1].path ?? '(none)'
}
