/** A load on one endpoint: its connections, the tokens that they use, and the count of responses. */
import { percentile } from '../statistics.ts'
import type { Answer } from '../../harness/answer.ts'
import { Connection } from './connection.ts'
import { Latencies } from './latencies.ts'
import type { Pools } from './pools.ts'
import { CONNECTIONS, type Round, type Work } from './work.ts'

/** After this many broken connections none is opened again: more failures would show nothing new. */
const MOST_BROKEN = 256

/** How long after its end a job waits for missing responses; then they count as failures. */
const PATIENCE_MS = 15_000

export class Job {
  readonly #work: Work
  readonly #pools: Pools
  readonly #latencies = new Latencies()
  readonly #head: string
  readonly #fixed: Buffer | undefined
  readonly #finished = Promise.withResolvers<void>()
  #sent = 0
  #connected = 0
  #open = 0
  #broken = 0
  #failures = 0
  #firstFailure: string | undefined
  #deadline = Infinity

  constructor(work: Work, pools: Pools) {
    this.#work = work
    this.#pools = pools
    this.#head = headOf(work)
    this.#fixed = work.takes ? undefined : this.#request(formOf(work))
  }

  /** Works for so many seconds or until `end`, then waits for the running requests. */
  async run(seconds: number): Promise<Round> {
    const began = performance.now()
    this.#deadline = began + seconds * 1000
    const impatience = setTimeout(() => this.#giveUp(), seconds * 1000 + PATIENCE_MS)
    for (let index = 0; index < (this.#work.connections ?? CONNECTIONS); index++) this.#connect()
    await this.#finished.promise
    clearTimeout(impatience)
    return this.#round((performance.now() - began) / 1000)
  }

  end(): void {
    this.#deadline = 0
  }

  #giveUp(): void {
    this.#fail(`${this.#open} connections were not answered within ${PATIENCE_MS} ms`)
    this.#finished.resolve()
  }

  #connect(): void {
    this.#open += 1
    let began = 0
    let isRedeeming = false
    const { port, otherPorts = [] } = this.#work
    const ports = [port, ...otherPorts]
    const connection = new Connection(ports[this.#connected++ % ports.length] ?? port, {
      onReady: () => next(),
      onAnswer: (answer) => {
        const second = isRedeeming ? undefined : this.#redemption(answer)
        isRedeeming = second !== undefined
        if (second) return connection.send(second)
        this.#latencies.add(performance.now() - began)
        this.#note(answer)
        if (this.#work.pauseMs === undefined) next()
        else setTimeout(next, this.#work.pauseMs)
      },
      onBroken: (reason) => this.#onBroken(reason),
    })
    const next = () => {
      const request = this.#isOver() ? undefined : this.#nextRequest()
      if (!request) return this.#leave(connection)
      this.#sent += 1
      began = performance.now()
      connection.send(request)
    }
  }

  #isOver(): boolean {
    return performance.now() >= this.#deadline || this.#sent >= (this.#work.requests ?? Infinity)
  }

  #nextRequest(): Buffer | undefined {
    const { takes } = this.#work
    if (!takes) return this.#fixed
    const token = this.#pools.take(takes.pool, takes.putBack ?? false)
    if (token === undefined) return undefined
    const form = formOf(this.#work)
    return this.#request(`${form}${form && '&'}${takes.as}=${encodeURIComponent(token)}`)
  }

  #request(body: string): Buffer {
    const length = this.#work.method === 'POST' ? `content-length: ${Buffer.byteLength(body)}\r\n` : ''
    return Buffer.from(`${this.#head}${length}\r\n${body}`)
  }

  /** The request that redeems the code of a response. */
  #redemption(answer: Answer): Buffer | undefined {
    const { redeems } = this.#work
    const code = redeems && /\r\nlocation: [^\r]*[?&]code=([^&\r]+)/i.exec(answer.text())?.[1]
    if (!redeems || code === undefined) return undefined
    const body = new URLSearchParams({ ...redeems.form, code }).toString()
    const { headers: _, ...work } = this.#work
    return Buffer.from(
      `${headOf({ ...work, method: 'POST', path: redeems.path })}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  }

  #note(answer: Answer): void {
    if (!answer.isGood) return this.#fail(answer.text())
    const { keeps } = this.#work
    if (!keeps) return
    const token = memberOf(answer.text(), keeps.member)
    if (token === undefined) this.#fail(`no ${keeps.member} in ${answer.text()}`)
    else this.#pools.put(keeps.pool, token)
  }

  #fail(reason: string): void {
    this.#failures += 1
    this.#firstFailure ??= reason.slice(0, 600)
  }

  #onBroken(reason: string): void {
    this.#fail(reason)
    this.#broken += 1
    this.#open -= 1
    if (!this.#isOver() && this.#broken < MOST_BROKEN) this.#connect()
    else if (this.#open === 0) this.#finished.resolve()
  }

  #leave(connection: Connection): void {
    connection.close()
    this.#open -= 1
    if (this.#open === 0) this.#finished.resolve()
  }

  #round(seconds: number): Round {
    const sorted = this.#latencies.sorted()
    return {
      requests: sorted.length,
      seconds,
      requestsPerSecond: sorted.length / seconds,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      longest: sorted.at(-1) ?? NaN,
      failures: this.#failures,
      firstFailure: this.#firstFailure,
    }
  }
}

/** The header that a proxy in front of every side would send, with an address for documentation (RFC 5737). */
const FORWARDED = { 'x-forwarded-for': '192.0.2.1' }

function headOf({ method, path, port, headers }: Work): string {
  const type = method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}
  const lines = Object.entries({ host: `localhost:${port}`, ...FORWARDED, ...type, ...headers })
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}`
}

const formOf = ({ form }: Work): string => new URLSearchParams(form).toString()

/** Reads a string member of a JSON response; tokens hold no character that JSON escapes. */
function memberOf(text: string, member: string): string | undefined {
  const name = `"${member}":"`
  const start = text.indexOf(name)
  if (start < 0) return undefined
  return text.slice(start + name.length, text.indexOf('"', start + name.length))
}
