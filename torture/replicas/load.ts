/** Requests at an even pace over all replicas: refreshes by the record of a client, introspection, tokens and key sets. */
import { setTimeout as pause } from 'node:timers/promises'
import { orNothing, type Answer, type Caller } from '../caller.ts'
import { Journal, type Family } from '../journal.ts'

/** So many refreshes can wait for a response at once, and no two of them use the same token. */
const FAMILIES = 40

export class Load {
  readonly #app: Caller
  readonly #everyMs: number
  readonly journal = new Journal()
  readonly #free: Family[] = []
  #accessToken = ''
  sent = 0
  perSecond = NaN
  /** Requests without a response. */
  broken = 0
  /** Responses that are neither 200 nor, in an outage, 503. */
  readonly wrong: string[] = []
  /** When each 503 came. Milliseconds of `performance.now()`. */
  readonly unavailableAt: number[] = []
  /** What the last of them said. */
  lastUnavailable = ''
  readonly keySets = { asked: 0, answered: 0 }

  constructor(app: Caller, perSecond: number) {
    this.#app = app
    this.#everyMs = 1000 / perSecond
  }

  get refreshes(): number {
    return this.journal.refreshes
  }

  async prepare(): Promise<void> {
    // A few at a time: a burst of grants at servers that have just started is no part of the load.
    while (this.journal.families.length < FAMILIES) await this.journal.open(this.#app, 5)
    this.#free.push(...this.journal.families)
    this.#accessToken = await this.#app.accessToken()
  }

  async run(isOver: () => boolean): Promise<void> {
    const running: Promise<void>[] = []
    const began = performance.now()
    for (let number = 0; !isOver(); number++) {
      await pause(Math.max(0, began + number * this.#everyMs - performance.now()))
      running.push(this.#next(number))
    }
    this.perSecond = (this.sent * 1000) / (performance.now() - began)
    await Promise.all(running)
  }

  async #next(number: number): Promise<void> {
    const family = number % 2 === 0 ? this.#free.shift() : undefined
    this.sent++
    const answer = await (family ? this.journal.refresh(family, this.#app) : orNothing(this.#other(number)))
    if (family) this.#free.push(family)
    if (!answer) this.broken++
    else this.#note(answer)
  }

  #note({ status, text }: Answer): void {
    if (status === 503) {
      this.unavailableAt.push(performance.now())
      this.lastUnavailable = text.slice(0, 200)
    } else if (status !== 200) this.wrong.push(`${status} ${text.slice(0, 200)}`)
  }

  async #other(number: number): Promise<Answer> {
    if (number % 4 === 1) return this.#app.send('/token', { form: { grant_type: 'client_credentials' } })
    if (number % 8 === 3) return this.#app.send('/introspect', { form: { token: this.#accessToken } })
    this.keySets.asked++
    const answer = await this.#app.send('/.well-known/jwks.json')
    if (answer.status === 200) this.keySets.answered++
    return answer
  }

  /** What the replicas know now, beside the record. */
  async check(): Promise<{ lost: string[]; doublyValid: number }> {
    const verdicts = []
    for (const family of this.journal.families) verdicts.push(await this.journal.check(family, this.#app))
    return {
      lost: verdicts.flatMap(({ lost }) => lost ?? []),
      doublyValid: verdicts.reduce((sum, each) => sum + each.doublyValid, 0),
    }
  }
}
