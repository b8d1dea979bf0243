/** The door: every request comes in here. Its target is read once; then the limits admit it, and the app answers it. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { getRequestListener, RequestError } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Hono } from 'hono'
import type { Refusal, Ticket } from '../limits/limits.ts'
import { answer } from './answer.ts'
import type { Context, Env } from './context.ts'
import { noHost, noRoute } from './no-route.ts'
import { BUSY, errorReply } from './on-error.ts'
import { takesBody, type Route } from './route.ts'
import type { Routes } from './routes.ts'
import { asPage, fail, type ServeNeeds } from './serve.ts'
import { readTarget } from '../ground/target.ts'
import type { UnderWay } from '../ground/under-way.ts'
import { faultOfHeaders } from './header-lines.ts'

export interface DoorNeeds extends ServeNeeds {
  isReady(): boolean
  requests: UnderWay
}

/** Kept with the response itself, and in no collection: see connections.ts. */
const CONTEXT = Symbol('context')

interface Held {
  [CONTEXT]: Context
}

/** The listener of the server: it admits each request by the limits, and gives it to the app. */
export function openDoor(app: Hono<Env>, routes: Routes, needs: DoorNeeds): RequestListener {
  const { limits, requests } = needs
  const receive = listenerOf(app)
  // All responses share this function, since it is registered for every request.
  function onClose(this: ServerResponse): void {
    const { ticket } = contextOf(this)
    if (ticket) limits.end(ticket, this.statusCode)
  }
  const hold = ({ incoming, outgoing, route }: Context, ticket: Ticket) => {
    outgoing.on('close', onClose)
    if (route && takesBody(route)) incoming.once('end', () => limits.begin(ticket))
    else limits.begin(ticket)
  }
  // A request is work until its handler has ended, although its caller may have left.
  const endWork = ({ ticket }: Context) => {
    requests.end()
    if (ticket) limits.endWork(ticket)
  }
  const refuse = async (context: Context, error: unknown) => {
    try {
      await fail(context, error instanceof RequestError ? noHost() : error, needs)
    } finally {
      endWork(context)
    }
  }
  return (incoming, outgoing) => {
    const context = meet(incoming, outgoing, routes, needs)
    const admitted = limits.admit(arrivalOf(context))
    if (admitted && 'status' in admitted) return turnAway(context, admitted, needs)
    context.ticket = admitted
    const holder: ServerResponse & Partial<Held> = outgoing
    holder[CONTEXT] = context
    if (admitted) hold(context, admitted)
    requests.begin()
    // No URL can be made of a target that was not read, so it does not come as far as the app.
    if (!context.target) return void refuse(context, noRoute(context, routes))
    receive(incoming, outgoing).then(
      () => endWork(context),
      (error: unknown) => refuse(context, error),
    )
  }
}

/** Hands requests to the app, with their context as `c.env`. */
function listenerOf(app: Hono<Env>): ReturnType<typeof getRequestListener> {
  return getRequestListener(
    (request, { outgoing }) => {
      const response = app.fetch(request, contextOf(outgoing))
      // Hono copies the response to HEAD, and behind middleware. A copy does not say that everything is sent.
      const sent = (late: Response) => (outgoing.headersSent ? RESPONSE_ALREADY_SENT : late)
      return response instanceof Promise ? response.then(sent) : sent(response)
    },
    {
      // HTTP/1.0 may leave the host out. Nothing is made of the name: the issuer has its own.
      hostname: 'localhost',
      // `answer` ends a connection whose body is not read.
      autoCleanupIncoming: false,
      errorHandler(error) {
        throw error
      },
    },
  )
}

/** Sound: the door puts the context there before the request goes on. */
const contextOf = (outgoing: object): Context => (outgoing as Held)[CONTEXT]

function meet(incoming: IncomingMessage, outgoing: ServerResponse, routes: Routes, { isReady }: DoorNeeds): Context {
  const target = faultOfHeaders(incoming) === undefined ? readTarget(incoming.url ?? '') : undefined
  const route = target ? findRoute(incoming, target.path, routes) : undefined
  return {
    incoming,
    outgoing,
    route,
    target,
    facts: { request_id: randomUUID() },
    ticket: undefined,
    began: performance.now(),
    isReady,
  }
}

/** A preflight (Fetch standard, CORS protocol) belongs to the route that a script wants to call. */
function findRoute({ method = '', headers }: IncomingMessage, path: string, routes: Routes): Route | undefined {
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return routes.find(method, path)
  const [open] = routes.crossOriginMethodsOf(path)
  return open === undefined ? undefined : routes.find(open, path)
}

const arrivalOf = ({ incoming, outgoing, route }: Context) => ({
  incoming,
  // Node hands out the next request of a connection while an earlier one is being answered.
  isPipelined: outgoing.socket === null,
  isOpen: route?.access.isOpen === true,
  isNeverShed: route?.access.isNeverShed === true,
})

/** Tells the caller to come back later. The log line stands at debug, since a flood must not become a flood of lines. */
function turnAway(context: Context, { status, headers, description }: Refusal, { log }: DoorNeeds): void {
  const reply = errorReply(status, BUSY, description, Object.entries(headers).flat())
  log.debug('request', { ...context.facts, method: context.incoming.method ?? '', status, error: BUSY })
  const page = context.route?.onError
  if (!page) return void answer(context, reply)
  void asPage(page, context, undefined, reply).then((shown) => answer(context, shown))
}
