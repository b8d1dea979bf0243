/** Slow connections: they are slow with their headers, with their body, or with reading the responses. */
import { connect, type Socket } from 'node:net'
import type { Context } from './fault.ts'

export type Slowness = 'slow headers' | 'slow bodies' | 'slow readers' | 'readers of nothing'

/** Each connection sends a little every half second, so that it does not look idle; one share of them sends at a time. */
const SHARES = 50
const SHARE_EVERY_MS = 10
/** 2,000 connections a second of each kind, in small groups, because this process also measures good traffic. */
const OPENED_AT_ONCE = 10
const OPEN_EVERY_MS = 5

/** A request for the longest public document. */
const ASKED = 'GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'
/** Far more bytes than the kernel buffers: the rest waits in the server, or is not made. */
const ASKED_TIMES = 40
/** The kernel buffers are full after some seconds. */
const ASKED_EACH_TIME = 8

const START: Record<Slowness, string> = {
  'slow headers': 'POST /token HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
  'slow bodies':
    'POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n',
  'slow readers': ASKED,
  'readers of nothing': ASKED.repeat(ASKED_TIMES),
}

export class SlowConnections {
  readonly kind: Slowness
  readonly count: number
  /** The time at which each connection was opened, by its port at this end, in the unit of `performance.now()`. */
  readonly opened = new Map<number, number>()
  /** The time at which each connection ended at this end, by its port; the kernel may reuse the port afterwards. */
  readonly closed = new Map<number, number>()
  /** Connections that were never opened. */
  refused = 0
  /** The sockets, by the order in which they were opened. */
  readonly #sockets = new Map<number, Socket>()
  #turn = 0

  constructor(context: Context, kind: Slowness, url: string, count: number) {
    this.kind = kind
    this.count = count
    const port = Number(new URL(url).port)
    let made = 0
    const opening = setInterval(() => {
      for (let number = 0; number < OPENED_AT_ONCE && made < count; number++, made++) this.#open(port, made)
      if (made === count) clearInterval(opening)
    }, OPEN_EVERY_MS)
    const dribbling = setInterval(() => this.#dribble(), SHARE_EVERY_MS)
    context.onEnd(() => {
      clearInterval(opening)
      clearInterval(dribbling)
      for (const socket of this.#sockets.values()) socket.destroy()
    })
  }

  #open(serverPort: number, number: number): void {
    const socket = connect(serverPort, '127.0.0.1')
    let port: number | undefined
    this.#sockets.set(number, socket)
    socket.on('connect', () => {
      port = socket.localPort ?? 0
      this.opened.set(port, performance.now())
      if (this.#reads) socket.resume()
      else socket.pause()
      socket.write(START[this.kind])
    })
    socket.on('error', () => {}) // told by the close that follows
    socket.on('close', () => {
      if (port === undefined) this.refused++
      else this.closed.set(port, performance.now())
      this.#sockets.delete(number)
    })
  }

  #dribble(): void {
    if (this.kind === 'readers of nothing') return
    const more = this.kind === 'slow readers' ? ASKED.repeat(ASKED_EACH_TIME) : 'a'
    this.#turn = (this.#turn + 1) % SHARES
    for (const [number, socket] of this.#sockets) {
      if (number % SHARES === this.#turn && socket.writable) socket.write(more)
    }
  }

  /** Whether these connections read responses. */
  get #reads(): boolean {
    return this.kind === 'slow headers' || this.kind === 'slow bodies'
  }
}
