/**
 * Bounds on the cost of one network, of one client, and of all requests together. The first look at a request is taken
 * before its body is read, so that a flood costs little more than reading its headers.
 *
 * A request counts against its network when it was refused or not authenticated: legitimate traffic is never limited
 * by its volume. A request counts against its client when the client authenticated: nobody can use up another client's
 * quota. This room decides only; it returns a `Refusal` and knows no response.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../ground/clock.ts'
import type { Config } from '../config/setting.ts'
import { isLoopback } from '../config/loopback.ts'
import { RateLimited } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'
import { LoadShedding, type ShedReason } from './load-shedding.ts'
import { LogBudgets } from './log-budgets.ts'
import { Callers, type NetworkCaller } from './network.ts'
import { RateLimit, rateLimitHeaders, type Count } from './rate-limit.ts'

/** Requests of one connection that wait for the response to an earlier one (RFC 9112 §9.3.2). */
const MOST_PIPELINED = 10
/** Log lines about networks in one minute. */
const MOST_WARNINGS = 20
const OVER_BY_NETWORK =
  'too many requests from this network were refused or not authenticated: ask again after Retry-After'
const SHED = 'Signet cannot answer this now; nothing was changed, try again'

/** A request as the limits see it. */
export interface Arrival {
  incoming: IncomingMessage
  /** Whether an earlier request of the same connection is still being answered. */
  isPipelined: boolean
  /** Health and public documents: no limit closes them. */
  isOpen: boolean
  /** The operator reads the metrics when the load is highest. */
  isNeverShed: boolean
}

/** Why a request is not served, and what its caller is told. */
export interface Refusal {
  status: 429 | 503
  headers: Record<string, string>
  description: string
}

/**
 * A request that was admitted. Its holder calls `begin` once the body has arrived, `endWork` when the handler has ended,
 * and `end` with the status when the response is closed. It is in flight until both have ended.
 */
export interface Ticket {
  /** The request's share of its network's quota. */
  count: Count | undefined
  socket: Socket
  isAuthenticated: boolean
  isInFlight: boolean
  isPipelined: boolean
  isOpen: boolean
  isWorkOver: boolean
  isOver: boolean
}

interface LimitNeeds {
  config: Config
  issuer: string
  clock: Clock
  log: Log
}

export interface LimitFigures {
  inFlight: number
  shed: Record<string, number>
  limited: Record<string, number>
}

export class Limits {
  /** How many log lines strangers and failures may cost. */
  readonly lines: LogBudgets
  readonly #callers: Callers
  readonly #networks: RateLimit
  readonly #clients: RateLimit
  /** Warnings: a line for each network, and a bound on all of them. */
  readonly #warnedNetworks: RateLimit
  readonly #warnings: RateLimit
  readonly #load: LoadShedding
  readonly #log: Log
  readonly #pipelined = new WeakMap<Socket, number>()
  #closedConnections = 0
  #mayLackProxy: boolean

  constructor({ config, clock, issuer, log }: LimitNeeds) {
    this.#log = log
    this.lines = new LogBudgets(log)
    this.#callers = new Callers(config.trustedProxies)
    this.#networks = new RateLimit('network', config.networkRequestsPerMinute, clock)
    this.#clients = new RateLimit('client', config.clientRequestsPerMinute, clock)
    this.#warnedNetworks = new RateLimit('warning', 1, clock)
    this.#warnings = new RateLimit('warnings', MOST_WARNINGS, clock)
    this.#load = new LoadShedding(config)
    this.#mayLackProxy = !isLoopback(new URL(issuer).hostname)
  }

  /** Decides whether a request is served. An open request that is not pipelined needs no ticket. */
  admit(arrival: Arrival): Ticket | Refusal | undefined {
    const { incoming, isPipelined, isOpen } = arrival
    if (isOpen && !isPipelined) return undefined
    const caller = isOpen ? undefined : this.#callers.find(incoming)
    const isCounted = caller !== undefined && !caller.isLocal
    const count = isCounted ? this.#networks.take(caller.network) : undefined
    if (isCounted && !count) return this.#refuseNetwork(caller.network)
    const reason = this.#reasonToShed(arrival)
    if (reason) {
      if (count) count.used -= 1
      return this.#shed(reason)
    }
    if (caller?.isLocal && this.#mayLackProxy) this.#warnOfProxy(incoming)
    const { socket } = incoming
    if (isPipelined) this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 0) + 1)
    return {
      count,
      socket,
      isAuthenticated: false,
      isInFlight: false,
      isPipelined,
      isOpen,
      isWorkOver: false,
      isOver: false,
    }
  }

  /** The request has arrived whole. Until then it is no work and takes no place: its body may come slowly. */
  begin(ticket: Ticket): void {
    if (ticket.isOpen || ticket.isOver) return
    ticket.isInFlight = true
    this.#load.inFlight += 1
  }

  /** The request was answered with this status, or its caller has left. */
  end(ticket: Ticket, status: number): void {
    if (ticket.isOver) return
    ticket.isOver = true
    this.#leave(ticket)
    const { socket } = ticket
    if (ticket.isPipelined) this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1)
    if (ticket.count && ticket.isAuthenticated && !isRefused(status)) ticket.count.used -= 1
  }

  /** The handler of the request has ended. The response may still be on its way. */
  endWork(ticket: Ticket): void {
    ticket.isWorkOver = true
    this.#leave(ticket)
  }

  /** A caller who leaves early makes no room: the work for it goes on. */
  #leave(ticket: Ticket): void {
    if (!ticket.isInFlight || !ticket.isWorkOver || !ticket.isOver) return
    ticket.isInFlight = false
    this.#load.inFlight -= 1
  }

  /** Counts the refusal of an open request against its network. Open requests themselves are never turned away. */
  noteOpenRefusal(incoming: IncomingMessage): void {
    const caller = this.#callers.find(incoming)
    if (!caller.isLocal) this.#networks.take(caller.network)
  }

  /**
   * Notes that a client has proved who it is.
   * @throws RateLimited where the client asks too often.
   */
  noteClient(clientId: string, ticket: Ticket | undefined): void {
    if (ticket) ticket.isAuthenticated = true
    if (this.#clients.take(clientId)) return
    throw new RateLimited(
      'this client asks too often: keep an access token until shortly before its end, and ask again after Retry-After',
      this.#clients.state(),
    )
  }

  /** Counts a request that a route turns away because too much was asked at once. */
  noteShed(reason: ShedReason): void {
    this.#load.shed[reason] += 1
  }

  /** The network of a request. Other rooms share out their own places by it. */
  callerOf(incoming: IncomingMessage): NetworkCaller {
    return this.#callers.find(incoming)
  }

  noteClosedConnection(): void {
    this.#closedConnections += 1
  }

  /** Begins to watch the event loop. Returns a function that ends everything that runs by time here. */
  watch(): () => void {
    const stop = this.#load.watch()
    return () => {
      stop()
      this.lines.close()
    }
  }

  figures(): LimitFigures {
    return {
      inFlight: this.#load.inFlight,
      shed: { ...this.#load.shed, connections: this.#closedConnections },
      limited: { network: this.#networks.refused, client: this.#clients.refused },
    }
  }

  #reasonToShed({ incoming, isPipelined, isOpen, isNeverShed }: Arrival): ShedReason | undefined {
    if (isPipelined && (this.#pipelined.get(incoming.socket) ?? 0) >= MOST_PIPELINED) return 'pipelining'
    return isOpen || isNeverShed ? undefined : this.#load.check()
  }

  #refuseNetwork(network: string): Refusal {
    const quota = this.#networks.state()
    if (this.#warnedNetworks.take(network) && this.#warnings.take(''))
      this.#log.warn(
        `${network} is over its rate (SIGNET_RATE_LIMIT_NETWORK) and gets 429 for ${quota.retryAfterSeconds} s`,
      )
    return { status: 429, headers: rateLimitHeaders(quota), description: OVER_BY_NETWORK }
  }

  #shed(reason: ShedReason): Refusal {
    this.noteShed(reason)
    const headers: Record<string, string> = { 'Retry-After': '1' }
    if (reason === 'pipelining') headers.Connection = 'close'
    return { status: 503, headers, description: SHED }
  }

  /** Without the caller's address all callers behind the proxy look the same. The log says so once. */
  #warnOfProxy({ method }: IncomingMessage): void {
    if (method !== 'POST') return
    this.#mayLackProxy = false
    this.#log.warn(
      'requests come from this machine without X-Forwarded-For: where that is a proxy, let it send it, since SIGNET_RATE_LIMIT_NETWORK does not hold without',
    )
  }
}

/** Whether a request was refused for its own fault. A refusal for load (429) counts for itself. */
export const isRefused = (status: number): boolean => status >= 400 && status < 500 && status !== 429
