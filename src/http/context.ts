/** A request on its way through the door: what its log line tells, and where its response goes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Ticket } from '../limits/limits.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Route } from './route.ts'
import type { Target } from '../ground/target.ts'

export interface Context {
  incoming: IncomingMessage
  outgoing: ServerResponse
  /** The route that the path and the method name; absent for an unknown path or method. */
  route: Route | undefined
  /** Absent where the path is not in normal form. */
  target: Target | undefined
  facts: RequestFacts
  /** Absent for open routes, which no limit closes. */
  ticket: Ticket | undefined
  /** When the request came in, by `performance.now()`. */
  began: number
  /** Whether the service takes traffic; off while it stops. */
  isReady(): boolean
}

/** The context of the request. Hono calls it the bindings, `c.env`. */
export interface Env {
  Bindings: Context
}
