/**
 * One log line a request, under an id that the response carries too: the operator finds the reason by it. It stands
 * around the routes and not among them, because a middleware would make every answer from memory wait its turn.
 * What is logged is counted too.
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Hono } from 'hono'
import type { Log } from '../ground/log.ts'
import { isMarkedBusy } from '../limits/busy.ts'
import type { Env, RequestFacts, Rooms } from './rooms.ts'
import { standardHeaders } from './send.ts'

type LoggedRooms = Pick<Rooms, 'issuer' | 'log' | 'isReady' | 'traffic' | 'limits'>

export type Answer = (request: Request, bindings: HttpBindings) => Response | Promise<Response>

/** Serves an app with its log. Ids from outside are not taken over: a caller could make two requests look like one. */
export function withRequestLog(app: Hono<Env>, { issuer, log, isReady, traffic, limits }: LoggedRooms): Answer {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const levelOf = (outgoing: ServerResponse, status: number): keyof Log | undefined => {
    if (isMarkedBusy(outgoing)) return 'debug'
    if (status >= 500) return limits.lines.failed.hasRoom() ? 'error' : undefined
    const isServed = status < 400 && limits.isAuthenticated(outgoing)
    return isServed || limits.lines.unauthenticated.hasRoom() ? 'info' : undefined
  }
  return (request, { incoming, outgoing }) => {
    const began = performance.now()
    const facts: RequestFacts = { request_id: randomUUID() }
    const bindings = { incoming, outgoing, facts, isReady }

    const finish = (response: Response): Response => {
      if (!outgoing.headersSent) complete(response, bindings)
      const { status = 0, error } = facts
      const method = incoming.method ?? ''
      const route = routeOf(app, method, incoming.url ?? '')
      const ms = performance.now() - began
      facts.method = method
      facts.route = route
      facts.duration_ms = Math.round(ms * 100) / 100
      // One name for an endpoint, whether it was asked for below the issuer's path or at the root.
      const endpoint = route.startsWith(`${base}/`) ? route.slice(base.length) : route
      // What is shed is counted by its reason alone, as where it does not get here: it is no error of a route.
      if (!isMarkedBusy(outgoing) || status !== 503)
        traffic.note({ endpoint, method, status, seconds: ms / 1000, error })
      const level = levelOf(outgoing, status)
      if (level) log[level]('request', facts)
      // Hono answers HEAD with a copy, which does not say any more that everything is sent.
      return outgoing.headersSent ? RESPONSE_ALREADY_SENT : response
    }
    const answer = app.fetch(request, bindings)
    return answer instanceof Promise ? answer.then(finish) : finish(answer)
  }
}

/** The response is still to be written: what it says itself goes before what is set here. */
function complete(response: Response, bindings: Env['Bindings']): void {
  const { outgoing, facts } = bindings
  facts.status = response.status
  const headers = standardHeaders(bindings)
  for (let at = 0; at < headers.length; at += 2) outgoing.setHeader(headers[at] ?? '', headers[at + 1] ?? '')
  // Right for whatever says nothing else: only the public documents may be cached.
  outgoing.setHeader('Cache-Control', 'no-store')
}

/** The pattern of the path, never the path itself. */
function routeOf(app: Hono<Env>, method: string, url: string): string {
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  const [matched] = app.router.match(method === 'HEAD' ? 'GET' : method, path)
  return matched[0]?.[0][1].path ?? '(none)'
}
