/** Connections that take their time: with their headers, with their body, or with reading what they asked for. */
import { connect, type Socket } from 'node:net'
import type { Context } from './fault.ts'

export type Slowness = 'slow headers' | 'slow bodies' | 'slow readers' | 'readers of nothing'

/** A little at a time, so that no connection looks idle. */
const DRIBBLE_MS = 500
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
  /** Connections that never came to be. */
  refused = 0
  readonly #sockets = new Set<Socket>()

  constructor(context: Context, kind: Slowness, url: string, count: number) {
    this.kind = kind
    this.count = count
    const port = Number(new URL(url).port)
    let made = 0
    const opening = setInterval(() => {
      for (let number = 0; number < OPENED_AT_ONCE && made < count; number++, made++) this.#open(port)
      if (made === count) clearInterval(opening)
    }, OPEN_EVERY_MS)
    const dribbling = setInterval(() => this.#dribble(), DRIBBLE_MS)
    context.onEnd(() => {
      clearInterval(opening)
      clearInterval(dribbling)
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  #open(port: number): void {
    const socket = connect(port, '127.0.0.1')
    let isConnected = false
    this.#sockets.add(socket)
    socket.on('connect', () => {
      isConnected = true
      this.opened.set(socket.localPort ?? 0, performance.now())
      if (this.#reads) socket.resume()
      else socket.pause()
      socket.write(START[this.kind])
    })
    socket.on('error', () => {}) // told by the close that follows
    socket.on('close', () => {
      if (!isConnected) this.refused++
      this.#sockets.delete(socket)
    })
  }

  #dribble(): void {
    if (this.kind === 'readers of nothing') return
    const more = this.kind === 'slow readers' ? ASKED.repeat(ASKED_EACH_TIME) : 'a'
    for (const socket of this.#sockets) if (socket.writable) socket.write(more)
  }

  /** Whether what is answered is fetched. */
  get #reads(): boolean {
    return this.kind === 'slow headers' || this.kind === 'slow bodies'
  }
}
