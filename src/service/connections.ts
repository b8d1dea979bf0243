/**
 * Which connections there are and which of them are being answered. There is room for so many; when it is full, the
 * one that has been silent longest makes room, so that idle and slow ones cannot keep others out.
 */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { closeSlowReaders } from './slow-readers.ts'

/** At each new connection, at most. */
const MOST_LOOKED_AT = 200

interface Connection {
  /** The newest answer that is not closed yet. */
  answer: ServerResponse | undefined
  /** How many are not: several where requests are pipelined. */
  answers: number
  /** Whether it has asked anything since it was last passed over. */
  wasActive: boolean
}

export class Connections {
  /** By age, but those that were passed over go to the end. */
  readonly #open = new Map<Socket, Connection>()
  readonly #most: number
  readonly #onClosed: () => void
  readonly #onAnswerClosed: (this: ServerResponse) => void

  /** @param onClosed called whenever a connection is closed to make room */
  constructor(server: Server, { most, onClosed }: { most: number; onClosed: () => void }) {
    this.#most = most
    this.#onClosed = onClosed
    const forget = (answer: ServerResponse) => this.#forget(answer)
    // One function for all, since this is done for every request.
    this.#onAnswerClosed = function onAnswerClosed(this: ServerResponse) {
      forget(this)
    }
    server.on('connection', (socket: Socket) => this.#meet(socket))
    server.on('request', (incoming, answer) => this.#note(incoming.socket, answer))
    closeSlowReaders(server, () => this.#answered())
  }

  /** Tells those who are being answered to come back elsewhere (RFC 9112 §9.6). */
  announceEnd(): void {
    for (const { answer } of this.#open.values()) if (answer) answer.shouldKeepAlive = false
  }

  /** Closes those that wait for no answer: Node counts one with half a request, or none yet, among the busy. */
  closeSilent(): void {
    for (const [socket, { answers }] of this.#open) if (answers === 0) socket.destroy()
  }

  #meet(socket: Socket): void {
    if (this.#open.size >= this.#most) {
      const silent = this.#findSilent()
      this.#onClosed()
      if (!silent) return void socket.destroy()
      this.#open.delete(silent)
      silent.destroy()
    }
    this.#open.set(socket, { answer: undefined, answers: 0, wasActive: false })
    socket.once('close', () => this.#open.delete(socket))
  }

  /** The one to close. Each is passed over once after it asked something: who asks now and then outlives who does not. */
  #findSilent(): Socket | undefined {
    let looked = 0
    for (const [socket, connection] of this.#open) {
      if (!connection.wasActive && !isWorkedFor(connection)) return socket
      if (++looked > MOST_LOOKED_AT) return undefined
      connection.wasActive = false
      this.#open.delete(socket)
      this.#open.set(socket, connection)
    }
  }

  #note(socket: Socket, answer: ServerResponse): void {
    // No collection of answers: one that gains and loses an entry with every request is made anew again and again, and
    // V8 lets each that was before keep the next one alive, with all that was being answered then.
    answer.on('close', this.#onAnswerClosed)
    const connection = this.#open.get(socket)
    if (!connection) return
    connection.answer = answer
    connection.answers += 1
    connection.wasActive = true
  }

  *#answered(): Iterable<Socket> {
    for (const [socket, { answers }] of this.#open) if (answers > 0) yield socket
  }

  #forget(answer: ServerResponse): void {
    const connection = this.#open.get(answer.req.socket)
    if (!connection) return
    connection.answers -= 1
    if (connection.answer === answer) connection.answer = undefined
  }
}

/** Neither whoever still sends its request nor whoever does not fetch its answer keeps us at work. */
const isWorkedFor = ({ answer }: Connection): boolean =>
  answer !== undefined && answer.req.complete && !answer.writableEnded
