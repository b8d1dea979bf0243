/**
 * One log line a request, under an id that the response carries too: the operator finds the reason by it. It stands
 * around the routes and not among them, because a middleware would make every answer from memory wait its turn.
 * What is logged is counted too.
 */
import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Hono } from 'hono'
import type { Log } from '../log.ts'
import type { Env, RequestFacts, Rooms } from './rooms.ts'
import { standardHeaders } from './send.ts'

/** Lines about refused requests in a second: far more than anybody reads. */
const MOST_REFUSALS = 500

type LoggedRooms = Pick<Rooms, 'issuer' | 'log' | 'isReady' | 'traffic'>

export type Answer = (request: Request, bindings: HttpBindings) => Response | Promise<Response>

/** Serves an app with its log. Ids from outside are not taken over: a caller could make two requests look like one. */
export function withRequestLog(app: Hono<Env>, { issuer, log, isReady, traffic }: LoggedRooms): Answer {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const refusals = new RefusalLines(log)
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
      traffic.note({ endpoint, method, status, seconds: ms / 1000, error })
      if (status >= 500) log.error('request', facts)
      else if (status < 400 || refusals.hasRoom(began + ms)) log.info('request', facts)
      // Hono answers HEAD with a copy, which does not say any more that everything is sent.
      return outgoing.headersSent ? RESPONSE_ALREADY_SENT : response
    }
    const answer = app.fetch(request, bindings)
    return answer instanceof Promise ? answer.then(finish) : finish(answer)
  }
}

/** A flood of refusals must not fill the disk with lines: beyond so many in a second they are counted. */
class RefusalLines {
  readonly #log: Log
  #second = 0
  #written = 0
  #leftOut = 0

  constructor(log: Log) {
    this.#log = log
  }

  /** Takes a line's place, if there is one. @param nowMs of a clock that runs evenly */
  hasRoom(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) this.#begin(second)
    if (this.#written >= MOST_REFUSALS) this.#leftOut += 1
    else this.#written += 1
    return this.#leftOut === 0
  }

  #begin(second: number): void {
    if (this.#leftOut > 0)
      this.#log.warn('more requests were refused in a second than are logged one by one', { count: this.#leftOut })
    this.#second = second
    this.#written = 0
    this.#leftOut = 0
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
