/** Starts a load process and gives it work. Every load is bounded in time and goes to loopback only. */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Order, Report, Round, Work } from './work.ts'

export class Load {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<Round>>()
  #jobs = 0

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'load-process.ts'))
    // The other end sends reports and nothing else.
    this.#child.on('message', (message) => this.#accept(message as Report))
    this.#child.once('exit', (code) => this.#failAll(new Error(`the load process ended with ${code}`)))
  }

  /** Loads one endpoint for so many seconds; several loads at once share the process. */
  run(work: Work, seconds: number): Promise<Round> {
    return this.begin(work, seconds).round
  }

  /** The same, with a function that ends it earlier. */
  begin(work: Work, seconds: number): { round: Promise<Round>; end: () => void } {
    const job = ++this.#jobs
    const waiting = Promise.withResolvers<Round>()
    this.#waiting.set(job, waiting)
    this.#send({ kind: 'load', job, work, seconds })
    return { round: waiting.promise, end: () => this.#send({ kind: 'end', job }) }
  }

  /** Begins a pool anew with these tokens. */
  fill(pool: string, tokens: string[]): void {
    this.#send({ kind: 'fill', pool, tokens })
  }

  stop(): void {
    this.#child.removeAllListeners('exit')
    this.#child.kill('SIGTERM')
  }

  #send(order: Order): void {
    this.#child.send(order)
  }

  #accept({ job, round }: Report): void {
    this.#waiting.get(job)?.resolve(round)
    this.#waiting.delete(job)
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
