/** Connections that take their time: with their headers, with their body, or with reading what they asked for. */
import { connect, type Socket } from 'node:net'
import type { Context } from './fault.ts'

export type Slowness = 'slow headers' | 'slow bodies' | 'slow readers' | 'readers of nothing'

/** Each connection sends a little every half second, so that none looks idle; a share of them in one turn. */
const SHARES = 50
const SHARE_EVERY_MS = 10
/** 2,000 a second of each kind: at once, but not in one turn of this process, which has good traffic to time. */
const OPENED_AT_ONCE = 10
const OPEN_EVERY_MS = 5

/** The longest answer that anybody may have. */
const ASKED = 'GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'
/** Far more than fits between two kernels: the rest has to wait in the server, or not be made. */
const ASKED_TIMES = 40
/** Some seconds pass until the kernels are full. */
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
  /** When each was connected, by its port at this end; as `performance.now()` counts. */
  readonly opened = new Map<number, number>()
  /** When each was seen to end at this end, by its port: the kernel may give the port to somebody else then. */
  readonly closed = new Map<number, number>()
  /** Connections that never came to be. */
  refused = 0
  /** By the number at which each was opened. */
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

  /** Whether what is answered is fetched. */
  get #reads(): boolean {
    return this.kind === 'slow headers' || this.kind === 'slow bodies'
  }
}
