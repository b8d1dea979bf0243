/**
 * What one network, one client and all of them together may cost. The first look at a request is taken before its
 * body is read and before any route is looked for, so that a flood costs little more than reading its headers.
 *
 * Requests of a network count where they were refused or not authenticated: so nobody is kept out by how much they
 * rightly ask. Requests of a client count where it authenticated: so nobody can use up what is another's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../ground/clock.ts'
import { isLoopback, type Config } from '../config.ts'
import { RateLimited } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'
import { answerBusy } from './busy.ts'
import { LoadShedding, type ShedReason } from './load-shedding.ts'
import { Callers, type Caller } from './network.ts'
import { openPaths } from './open-paths.ts'
import { RateLimit, rateLimitHeaders, type Count } from './rate-limit.ts'
import { CappedLines } from '../http/capped-lines.ts'

/** Requests of one connection that wait for the answer to an earlier one (RFC 9112 §9.3.2). */
const MOST_PIPELINED = 10
/** Lines of the log about networks in one minute. */
const MOST_WARNINGS = 20
const OVER_BY_NETWORK =
  'too many requests from this network were refused or not authenticated: ask again after Retry-After'
const SHED = 'Signet cannot answer this now; nothing was changed, try again'

/** What is kept of a request while it is answered. */
interface Ticket {
  /** What it took from its network's quota. */
  count: Count | undefined
  isAuthenticated: boolean
  isInFlight: boolean
  isPipelined: boolean
  isOpen: boolean
  /** Answered, or left. */
  isOver: boolean
}

/** Kept with the answer itself, and in no collection: see connections.ts. */
const TICKET = Symbol('ticket')

const ticketOf = (outgoing: ServerResponse & { [TICKET]?: Ticket }): Ticket | undefined => outgoing[TICKET]

interface LimitRooms {
  config: Config
  issuer: string
  clock: Clock
  log: Log
  isReady(): boolean
}

export interface LimitFigures {
  inFlight: number
  shed: Record<string, number>
  limited: Record<string, number>
}

export class Limits {
  /** How many lines of the log strangers and failures may cost. */
  readonly lines: Record<'unauthenticated' | 'failed', CappedLines>
  readonly #callers: Callers
  readonly #networks: RateLimit
  readonly #clients: RateLimit
  /** A line for each network once, and so many in all. */
  readonly #warnedNetworks: RateLimit
  readonly #warnings: RateLimit
  readonly #load: LoadShedding
  readonly #rooms: LimitRooms
  readonly #isOpen: (incoming: IncomingMessage) => boolean
  readonly #pipelined = new WeakMap<Socket, number>()
  readonly #onClose: (this: ServerResponse) => void
  #closedConnections = 0
  #mayLackProxy: boolean

  constructor(rooms: LimitRooms) {
    const { config, clock, issuer, log } = rooms
    this.#rooms = rooms
    this.lines = {
      unauthenticated: new CappedLines('more requests were refused or not authenticated', log),
      failed: new CappedLines('more requests failed', log),
    }
    this.#callers = new Callers(config.trustedProxies)
    this.#networks = new RateLimit('network', config.networkRequestsPerMinute, clock)
    this.#clients = new RateLimit('client', config.clientRequestsPerMinute, clock)
    this.#warnedNetworks = new RateLimit('warning', 1, clock)
    this.#warnings = new RateLimit('warnings', MOST_WARNINGS, clock)
    this.#load = new LoadShedding(config)
    this.#isOpen = openPaths(issuer)
    this.#mayLackProxy = !isLoopback(new URL(issuer).hostname)
    const end = (outgoing: ServerResponse) => this.#end(outgoing)
    // One function for all, since it is called for every request.
    this.#onClose = function onClose(this: ServerResponse) {
      end(this)
    }
  }

  /** Whether a request goes on to the routes; one that does not is answered here. */
  admits(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    // Node hands out the next request of a connection while an earlier one is being answered.
    const isPipelined = outgoing.socket === null
    const isOpen = this.#isOpen(incoming)
    if (isOpen && !isPipelined) return true
    const caller = isOpen ? undefined : this.#callers.find(incoming)
    const isCounted = caller !== undefined && !caller.isLocal
    const count = isCounted ? this.#networks.take(caller.network) : undefined
    if (isCounted && !count) return this.#refuseNetwork(caller.network, outgoing)
    const reason = this.#reasonToShed(incoming, { isPipelined, isOpen })
    if (reason) {
      if (count) count.used -= 1
      return this.#shed(reason, outgoing)
    }
    if (caller?.isLocal && this.#mayLackProxy) this.#warnOfProxy(incoming)
    this.#begin(incoming, outgoing, {
      count,
      isAuthenticated: false,
      isInFlight: false,
      isPipelined,
      isOpen,
      isOver: false,
    })
    return true
  }

  /**
   * Notes that a client has proved who it is.
   * @throws RateLimited where it has asked too often.
   */
  noteClient(clientId: string, outgoing: ServerResponse): void {
    const ticket = ticketOf(outgoing)
    if (ticket) ticket.isAuthenticated = true
    if (this.#clients.take(clientId)) return
    throw new RateLimited(
      'this client asks too often: keep an access token until shortly before its end, and ask again after Retry-After',
      this.#clients.state(),
    )
  }

  /** Whether the request of an answer is of a client that has proved who it is. */
  isAuthenticated(outgoing: ServerResponse): boolean {
    return ticketOf(outgoing)?.isAuthenticated ?? false
  }

  /** Counts a request that a route turns away because too much was asked at once. */
  noteShed(reason: ShedReason): void {
    this.#load.shed[reason] += 1
  }

  /** Where a request comes from, for whatever else is counted or shared out by it. */
  callerOf(incoming: IncomingMessage): Caller {
    return this.#callers.find(incoming)
  }

  noteClosedConnection(): void {
    this.#closedConnections += 1
  }

  /** Begins to watch the event loop. Returns how to end that, and all that is done by time. */
  watch(): () => void {
    const stop = this.#load.watch()
    return () => {
      stop()
      for (const lines of Object.values(this.lines)) lines.close()
    }
  }

  figures(): LimitFigures {
    return {
      inFlight: this.#load.inFlight,
      shed: { ...this.#load.shed, connections: this.#closedConnections },
      limited: { network: this.#networks.refused, client: this.#clients.refused },
    }
  }

  #reasonToShed(
    incoming: IncomingMessage,
    { isPipelined, isOpen }: Pick<Ticket, 'isPipelined' | 'isOpen'>,
  ): ShedReason | undefined {
    if (isPipelined && (this.#pipelined.get(incoming.socket) ?? 0) >= MOST_PIPELINED) return 'pipelining'
    // The operator looks at the figures when there is most of everything.
    return isOpen || incoming.url === '/metrics' ? undefined : this.#load.check()
  }

  #begin(incoming: IncomingMessage, outgoing: ServerResponse, ticket: Ticket): void {
    Object.assign(outgoing, { [TICKET]: ticket })
    outgoing.on('close', this.#onClose)
    if (ticket.isPipelined) this.#pipelined.set(incoming.socket, (this.#pipelined.get(incoming.socket) ?? 0) + 1)
    if (ticket.isOpen) return
    const work = () => {
      if (ticket.isOver) return
      ticket.isInFlight = true
      this.#load.inFlight += 1
    }
    // A body that comes slowly is no work yet: it must not take the place of requests that are there.
    if (incoming.method === 'POST' || incoming.method === 'PATCH') incoming.once('end', work)
    else work()
  }

  #end(outgoing: ServerResponse): void {
    const ticket = ticketOf(outgoing)
    if (!ticket || ticket.isOver) return
    ticket.isOver = true
    if (ticket.isInFlight) this.#load.inFlight -= 1
    const { socket } = outgoing.req
    if (ticket.isPipelined) this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1)
    const isRefused = outgoing.statusCode >= 400 && outgoing.statusCode < 500 && outgoing.statusCode !== 429
    if (ticket.count && ticket.isAuthenticated && !isRefused) ticket.count.used -= 1
  }

  #refuseNetwork(network: string, outgoing: ServerResponse): false {
    const quota = this.#networks.state()
    if (this.#warnedNetworks.take(network) && this.#warnings.take(''))
      this.#rooms.log.warn(
        `${network} is over its rate (SIGNET_RATE_LIMIT_NETWORK) and gets 429 for ${quota.retryAfterSeconds} s`,
      )
    answerBusy(outgoing, 429, { headers: rateLimitHeaders(quota), description: OVER_BY_NETWORK }, this.#rooms)
    return false
  }

  #shed(reason: ShedReason, outgoing: ServerResponse): false {
    this.noteShed(reason)
    const headers: Record<string, string> = { 'Retry-After': '1' }
    if (reason === 'pipelining') headers.Connection = 'close'
    answerBusy(outgoing, 503, { headers, description: SHED }, this.#rooms)
    return false
  }

  /** Without the caller's address everybody behind the proxy would be nobody in particular: told once. */
  #warnOfProxy({ method }: IncomingMessage): void {
    if (method !== 'POST') return
    this.#mayLackProxy = false
    this.#rooms.log.warn(
      'requests come from this machine without X-Forwarded-For: where that is a proxy, let it send it, since SIGNET_RATE_LIMIT_NETWORK does not hold without',
    )
  }
}
