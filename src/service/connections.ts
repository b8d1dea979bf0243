/**
 * The open connections of the server, idle or busy. Their number is bounded. When a new connection finds no room, the
 * connection that has been idle longest is closed, so that idle and slow connections cannot keep others out.
 */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { closeSlowReaders } from './slow-readers.ts'

/** How many busy connections a new connection looks at, in search of one whose request is still arriving. */
const MOST_LOOKED_AT = 200

export class Connections {
  readonly #open = new Map<Socket, Connection>()
  /** Without a request; idle longest first. */
  readonly #idle = new Queue()
  /** With a request that is arriving or being answered; roughly by age. */
  readonly #busy = new Queue()
  readonly #most: number
  readonly #onClosed: () => void
  readonly #onResponseClosed: (this: ServerResponse) => void

  /** @param onClosed called whenever a connection is closed to make room */
  constructor(server: Server, { most, onClosed }: { most: number; onClosed: () => void }) {
    this.#most = most
    this.#onClosed = onClosed
    const end = (response: ServerResponse) => this.#endResponse(response)
    // All responses share this function, because a function is attached for every request.
    this.#onResponseClosed = function onResponseClosed(this: ServerResponse) {
      end(this)
    }
    server.on('connection', (socket: Socket) => this.#add(socket))
    server.on('request', (incoming, response) => this.#beginResponse(incoming.socket, response))
    closeSlowReaders(server, () => this.#busySockets())
  }

  /** Tells every client that waits for a response to connect again for the next request (RFC 9112 §9.6). */
  announceEnd(): void {
    for (const { response } of this.#busy) if (response) response.shouldKeepAlive = false
  }

  /** Closes connections without a complete request. Node's `closeIdleConnections` leaves those with half a request open. */
  closeSilent(): void {
    for (const { socket } of this.#idle) socket.destroy()
  }

  #add(socket: Socket): void {
    if (this.#open.size >= this.#most) {
      const closable = this.#idle.first ?? this.#findArriving()
      this.#onClosed()
      if (!closable) return void socket.destroy()
      this.#remove(closable.socket)
      closable.socket.destroy()
    }
    const connection = new Connection(socket)
    this.#open.set(socket, connection)
    this.#idle.append(connection)
    socket.once('close', () => this.#remove(socket))
  }

  #remove(socket: Socket): void {
    this.#open.get(socket)?.leave()
    this.#open.delete(socket)
  }

  /** A busy connection whose request is still arriving, or whose response is complete but not fetched. */
  #findArriving(): Connection | undefined {
    for (let looked = 0; looked < MOST_LOOKED_AT; looked++) {
      const connection = this.#busy.first
      if (!connection || !isWorkedFor(connection)) return connection
      this.#busy.append(connection)
    }
  }

  #beginResponse(socket: Socket, response: ServerResponse): void {
    response.on('close', this.#onResponseClosed)
    const connection = this.#open.get(socket)
    if (!connection) return
    connection.response = response
    connection.responses += 1
    if (connection.responses === 1) this.#busy.append(connection)
  }

  #endResponse(response: ServerResponse): void {
    const connection = this.#open.get(response.req.socket)
    if (!connection) return
    connection.responses -= 1
    if (connection.response === response) connection.response = undefined
    if (connection.responses === 0) this.#idle.append(connection)
  }

  *#busySockets(): Iterable<Socket> {
    for (const { socket } of this.#busy) yield socket
  }
}

/**
 * A connection in one of the two queues, linked to its neighbours. Moving it between the queues allocates nothing: a
 * Map or Set that gains and loses an entry with every request is copied again and again, and V8 lets each copy keep
 * the next one alive, with all responses of that moment.
 */
class Connection {
  readonly socket: Socket
  /** The newest response that is not closed yet. */
  response: ServerResponse | undefined
  /** How many responses are not closed yet; several where requests are pipelined. */
  responses = 0
  before: Connection | Queue | undefined
  after: Connection | Queue | undefined

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** Leaves its queue. */
  leave(): void {
    if (this.before) this.before.after = this.after
    if (this.after) this.after.before = this.before
    this.before = undefined
    this.after = undefined
  }
}

/** Connections in order, as a ring that the queue itself closes. */
class Queue {
  before: Connection | Queue = this
  after: Connection | Queue = this

  get first(): Connection | undefined {
    return this.after instanceof Connection ? this.after : undefined
  }

  /** Moves a connection here from its queue, to the end. */
  append(connection: Connection): void {
    connection.leave()
    connection.before = this.before
    connection.after = this
    this.before.after = connection
    this.before = connection
  }

  /** The connection in hand may leave the queue meanwhile. */
  *[Symbol.iterator](): Iterator<Connection> {
    for (let each = this.first; each;) {
      const next: unknown = each.after
      yield each
      each = next instanceof Connection ? next : undefined
    }
  }
}

/** Whether the server still has to produce the response: the request is complete and the response is not. */
const isWorkedFor = ({ response }: Connection): boolean =>
  response !== undefined && response.req.complete && !response.writableEnded
