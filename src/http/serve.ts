/** The bridge from Hono to the routes: the handler of every place in the app, of its `notFound` and its `onError`. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context as HonoContext } from 'hono'
import type { Log } from '../ground/log.ts'
import type { Traffic } from '../ground/traffic.ts'
import { isRefused } from '../limits/limits.ts'
import { prefers } from './accept.ts'
import { answer } from './answer.ts'
import type { Context, Env } from './context.ts'
import { dispatch, type DispatchNeeds } from './dispatch.ts'
import { noRoute, preflight } from './no-route.ts'
import { isForLoad, replyToError } from './on-error.ts'
import { TAKEN, type Outcome, type Reply } from './reply.ts'
import { noteRequest, type Answered } from './request-log.ts'
import type { ErrorPage } from './route.ts'
import type { Routes } from './routes.ts'

export interface ServeNeeds extends DispatchNeeds {
  log: Log
  traffic: Traffic
  /** Tells a browser that there is no such page. Without it, every caller gets JSON. */
  unknownPage?: ErrorPage
}

/**
 * The door has found the route already, by the router of the same app.
 * @param set headers that middleware has set in Hono's context
 */
export function serve(
  c: HonoContext<Env>,
  routes: Routes,
  needs: ServeNeeds,
  set: Headers | undefined,
): Response | Promise<Response> {
  const { route, incoming } = c.env
  if (!route) throw noRoute(c.env, routes)
  if (incoming.method === 'OPTIONS')
    return finish(c.env, preflight(incoming, routes.crossOriginMethodsOf(c.env.target?.path ?? '')), needs, set)
  const outcome = dispatch(route, c, needs)
  if (outcome instanceof Promise) return outcome.then((late) => finish(c.env, late, needs, set))
  return finish(c.env, outcome, needs, set)
}

function finish(context: Context, outcome: Outcome, needs: ServeNeeds, set: Headers | undefined): Response {
  if (outcome === TAKEN) {
    note(context, context.outgoing.statusCode, needs)
    return RESPONSE_ALREADY_SENT
  }
  const response = answer(context, outcome, set)
  note(context, outcome.status, needs, { isOrdinary: outcome.isOrdinary === true })
  return response
}

/** Answers an error. @param set headers that were set in Hono's context, if the request came so far. */
export function fail(context: Context, error: unknown, needs: ServeNeeds, set?: Headers): Response | Promise<Response> {
  const reply = replyOf(error, context, needs)
  if (reply instanceof Promise) return reply.then((late) => finishFailed(context, error, late, needs, set))
  return finishFailed(context, error, reply, needs, set)
}

function finishFailed(
  context: Context,
  error: unknown,
  reply: Reply,
  needs: ServeNeeds,
  set: Headers | undefined,
): Response {
  // Nothing can be said any more in a response that has begun.
  if (context.outgoing.headersSent) {
    context.outgoing.destroy()
    return RESPONSE_ALREADY_SENT
  }
  answer(context, reply, set)
  note(context, reply.status, needs, { isForLoad: isForLoad(error) })
  return RESPONSE_ALREADY_SENT
}

function replyOf(error: unknown, context: Context, { unknownPage }: ServeNeeds): Reply | Promise<Reply> {
  const reply = replyToError(error, context.facts)
  const page = context.route?.onError ?? (isMistyped(context, reply) ? unknownPage : undefined)
  return page ? asPage(page, context, error, reply) : reply
}

/** A person typed or followed an address that is none. Programs read JSON. */
const isMistyped = ({ route, incoming: { method, headers } }: Context, { status }: Reply): boolean =>
  !route && status === 404 && method === 'GET' && prefers(headers.accept, 'text/html', 'application/json')

/** The reply as a page tells it. A page that cannot be made leaves the reply as it is. */
export async function asPage(
  page: ErrorPage,
  { facts, incoming }: Context,
  error: unknown,
  reply: Reply,
): Promise<Reply> {
  const header = (name: string) => [incoming.headers[name]].flat().join(', ') || undefined
  try {
    return await page(error, { facts, header }, reply)
  } catch (fault) {
    facts.stack = (fault instanceof Error ? fault.stack : undefined) ?? ''
    return reply
  }
}

function note(context: Context, status: number, needs: ServeNeeds, how: Omit<Answered, 'status'> = {}): void {
  if (isRefused(status) && context.route?.access.isOpen) needs.limits.noteOpenRefusal(context.incoming)
  noteRequest(context, { status, ...how }, needs)
}
