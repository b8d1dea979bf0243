/**
 * A keep-alive connection that has one request at a time. It reads into a buffer of its own, which costs the load
 * process much less than a stream: the servers on the same machine can use the processor time that is saved.
 */
import { connect, type Socket } from 'node:net'
import { readAnswer, type Answer } from '../../harness/answer.ts'

const BUFFER_BYTES = 65_536

export interface ConnectionEvents {
  onReady(): void
  onAnswer(answer: Answer): void
  /** The server closed the connection, or never accepted it. */
  onBroken(reason: string): void
}

export class Connection {
  readonly #socket: Socket
  readonly #buffer = Buffer.alloc(BUFFER_BYTES)
  readonly #events: ConnectionEvents
  #pending: Buffer | undefined
  #isOver = false

  constructor(port: number, events: ConnectionEvents) {
    this.#events = events
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: this.#buffer, callback: (length) => this.#read(length) },
    })
    this.#socket.once('connect', () => events.onReady())
    this.#socket.once('error', (error) => this.#break(String(error)))
    this.#socket.once('close', () => this.#break('the server closed the connection'))
  }

  send(request: Buffer): void {
    this.#socket.write(request)
  }

  close(): void {
    this.#isOver = true
    this.#socket.destroy()
  }

  #break(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events.onBroken(reason)
  }

  #read(length: number): boolean {
    const fresh = this.#buffer.subarray(0, length)
    const bytes = this.#pending ? Buffer.concat([this.#pending, fresh]) : fresh
    const answer = readAnswer(bytes)
    // The bytes that stay must be copied: the next bytes come into the same buffer.
    this.#pending = answer ? undefined : Buffer.from(bytes)
    if (answer) this.#events.onAnswer(answer)
    return true
  }
}
