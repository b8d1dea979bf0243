/** The requests of a well-behaved team: tokens, introspection, refreshes and the key set, at an even pace. */
import type { Answer, Caller } from './caller.ts'
import type { Finding } from './finding.ts'
import { below } from './finding.ts'
import { percentile, probe, type Probe } from './latency.ts'

/** 100 requests a second. */
const EVERY_MS = 10
/** So many refreshes can wait for a response at once, and no two of them use the same token. */
const FAMILIES = 100
/** Behind a proxy, from a network of its own. */
const FORWARDED = { 'x-forwarded-for': '203.0.113.10' }

export class GoodTraffic {
  readonly #caller: Caller
  readonly #refreshTokens: string[] = []
  #accessToken = ''
  #sent = 0

  /** @param caller a client that may ask for refresh tokens */
  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** Makes grants to refresh, and sends requests until the server is warm. */
  async prepare(): Promise<void> {
    const grants = await Promise.all(Array.from({ length: FAMILIES }, () => this.#caller.grant()))
    this.#refreshTokens.push(...grants.map(({ refreshToken }) => refreshToken))
    this.#accessToken = await this.#caller.accessToken()
    for (let time = 0; time < 100; time++) await Promise.all([this.#next(), this.#next(), this.#next(), this.#next()])
  }

  /** Sends 100 requests a second until `isOver`. */
  run(isOver: () => boolean): Promise<Probe> {
    return probe(() => this.#next(), EVERY_MS, isOver)
  }

  #next(): Promise<Answer> {
    const headers = FORWARDED
    switch (this.#sent++ % 4) {
      case 0:
        return this.#caller.send('/token', { headers, form: { grant_type: 'client_credentials' } })
      case 1:
        return this.#caller.send('/introspect', { headers, form: { token: this.#accessToken } })
      case 2:
        return this.#refresh()
      default:
        return this.#caller.send('/.well-known/jwks.json', { headers })
    }
  }

  async #refresh(): Promise<Answer> {
    const token = this.#refreshTokens.shift()
    if (token === undefined) throw new Error('more refreshes at once than families')
    const answer = await this.#caller.send('/refresh', { headers: FORWARDED, form: { refresh_token: token } })
    this.#refreshTokens.push(answer.body.refresh_token ?? token)
    return answer
  }
}

/** The p99 of good traffic, and the share that was not served. */
export const goodFindings = (what: string, { tookMs, failures }: Probe, boundMs: number): Finding[] => [
  below(
    `${what}: p99 of good traffic`,
    percentile(tookMs, 99),
    boundMs,
    'ms',
    `${tookMs.length} requests, median ${percentile(tookMs, 50).toFixed(1)} ms`,
  ),
  below(`… of it not served`, (failures / tookMs.length) * 100, 1, '%', `${failures}`),
]
