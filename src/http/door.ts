/**
 * The door: every request comes in here. Its target is read once; then the limits admit it, its route answers it, and
 * it is logged.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { invalidRequest, type OAuthError } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'
import type { Traffic } from '../ground/traffic.ts'
import { isRefused, type Refusal, type Ticket } from '../limits/limits.ts'
import { answer } from './answer.ts'
import { TAKEN, type Outcome, type Reply } from './reply.ts'
import type { Context } from './context.ts'
import { dispatch, type DispatchNeeds } from './dispatch.ts'
import { BUSY, errorReply, isForLoad, replyToError } from './on-error.ts'
import { noteRequest } from './request-log.ts'
import { takesBody } from './route.ts'
import type { Match, Routes } from './routes.ts'
import { isHost, readTarget, type Target } from './target.ts'

export interface DoorNeeds extends DispatchNeeds {
  log: Log
  traffic: Traffic
  isReady(): boolean
}

/** Kept with the response itself, and in no collection: see connections.ts. */
const TICKET = Symbol('ticket')

type TicketHolder = ServerResponse & { [TICKET]?: Ticket }

export function openDoor(routes: Routes, needs: DoorNeeds): RequestListener {
  const { limits } = needs
  // One function for all responses, since it is registered for every request.
  function onClose(this: TicketHolder): void {
    const ticket = this[TICKET]
    if (ticket) limits.end(ticket, this.statusCode)
  }
  const hold = (ticket: Ticket, { incoming, outgoing, match }: Context) => {
    Object.assign(outgoing, { [TICKET]: ticket })
    outgoing.on('close', onClose)
    const begin = () => limits.begin(ticket)
    if (match && takesBody(match.route)) incoming.once('end', begin)
    else begin()
  }
  return (incoming, outgoing) => {
    const began = performance.now()
    const context = meet(incoming, outgoing, routes, needs)
    const admitted = limits.admit(arrivalOf(context))
    if (admitted && 'status' in admitted) return turnAway(context, admitted, needs)
    context.ticket = admitted
    if (admitted) hold(admitted, context)
    serve(context, began, routes, needs)
  }
}

function meet(incoming: IncomingMessage, outgoing: ServerResponse, routes: Routes, { isReady }: DoorNeeds): Context {
  const target = readTarget(incoming.url ?? '')
  const match = target && isHost(incoming.headers.host) ? findRoute(incoming, target.path, routes) : undefined
  return {
    incoming,
    outgoing,
    match,
    target,
    facts: { request_id: randomUUID() },
    ticket: undefined,
    isReady,
  }
}

/** A preflight (Fetch standard, CORS protocol) belongs to the document that a script wants to read. */
function findRoute({ method = '', headers }: IncomingMessage, path: string, routes: Routes): Match | undefined {
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return routes.find(method, path)
  const match = routes.find('GET', path)
  return match?.route.access.isCrossOrigin ? match : undefined
}

const arrivalOf = ({ incoming, outgoing, match }: Context) => ({
  incoming,
  // Node hands out the next request of a connection while an earlier one is being answered.
  isPipelined: outgoing.socket === null,
  isOpen: match?.route.access.isOpen === true,
  isNeverShed: match?.route.access.isNeverShed === true,
})

/** Tells the caller to come back later. The log line stands at debug, since a flood must not become a flood of lines. */
function turnAway(context: Context, { status, headers, description }: Refusal, { log }: DoorNeeds): void {
  answer(context, errorReply(status, BUSY, description, Object.entries(headers).flat()))
  log.debug('request', { ...context.facts, method: context.incoming.method ?? '', status, error: BUSY })
}

function serve(context: Context, began: number, routes: Routes, needs: DoorNeeds): void {
  const finish = (outcome: Outcome, isLoad = false) => {
    if (outcome !== TAKEN) answer(context, outcome)
    const status = outcome === TAKEN ? context.outgoing.statusCode : outcome.status
    if (isRefused(status) && context.match?.route.access.isOpen) needs.limits.noteOpenRefusal(context.incoming)
    noteRequest(context, { status, isForLoad: isLoad, ms: performance.now() - began }, needs)
  }
  const fail = (error: unknown) => {
    const reply = replyToError(error, context.facts)
    // Nothing can be said any more in a response that has begun.
    if (context.outgoing.headersSent) context.outgoing.destroy()
    else finish(reply, isForLoad(error))
  }
  try {
    const outcome = outcomeOf(context, routes, needs)
    if (outcome instanceof Promise) outcome.then(finish).catch(fail)
    else finish(outcome)
  } catch (error) {
    fail(error)
  }
}

function outcomeOf(context: Context, routes: Routes, needs: DoorNeeds): Outcome | Promise<Outcome> {
  const { match, incoming, target } = context
  if (!match) return toDocs(incoming, target, routes)
  return incoming.method === 'OPTIONS' ? preflight(incoming) : dispatch(match.route, context, needs)
}

/** A person who opens the issuer in a browser is shown the way; anybody else reads that there is nothing here. */
function toDocs(incoming: IncomingMessage, target: Target | undefined, routes: Routes): Reply {
  const isFront = target?.path === '/' || target?.path === `${routes.base}/` || target?.path === routes.base
  const isBrowser = incoming.method === 'GET' && (incoming.headers.accept ?? '').includes('text/html')
  if (!isFront || !isBrowser) throw noRoute(incoming, target, routes)
  return { status: 303, headers: ['Location', `${routes.base}/docs`, 'Cache-Control', 'no-store'], body: '' }
}

/** Lets a script of any origin read the document, with the headers that it wants to send. */
function preflight({ headers }: IncomingMessage): Reply {
  const asked = headers['access-control-request-headers']
  const allowed = asked === undefined ? [] : ['Access-Control-Allow-Headers', asked]
  const terms = ['Access-Control-Allow-Methods', 'GET, HEAD', 'Access-Control-Max-Age', '86400']
  return { status: 204, headers: [...terms, ...allowed, 'Vary', 'Access-Control-Request-Headers'] }
}

/** No such path is 404; a path that takes other methods is 405 and names them (RFC 9110 §15.5.6). */
function noRoute({ url = '', headers }: IncomingMessage, target: Target | undefined, routes: Routes): OAuthError {
  if (!isHost(headers.host)) return invalidRequest('the Host header names no host')
  if (!target) {
    const meant = routes.nearestTo(url.replaceAll(/\/{2,}/g, '/').slice(0, 200))
    return invalidRequest(`the path is not in normal form: no //, no dot segments, no needless escapes${meant}`)
  }
  const Allow = routes.methodsOf(target.path).join(', ')
  if (Allow !== '') return invalidRequest(`this endpoint takes ${Allow}`, { status: 405, headers: { Allow } })
  const meant = routes.nearestTo(target.path)
  return invalidRequest(
    `no such endpoint${meant}; they are listed at /.well-known/oauth-authorization-server and /openapi.json`,
    { status: 404 },
  )
}
