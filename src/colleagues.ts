/**
 * What the workers of one issuer ask each other, since each knows only what it did itself. Questions and answers go
 * through the primary, which passes them on and keeps nothing. Who does not answer in time is left out.
 */
import type { Worker } from 'node:cluster'
import type { Colleagues } from './http/rooms.ts'

/** A scrape is given up by Prometheus after ten seconds, and waits for the slowest. */
const WITHIN_MS = 1000

type Question = { ask: number }
type Reply = { ask: number; to: number; told: unknown }
/** What a worker sends; beside other messages, hence the name around it. */
type FromWorker = { colleagues: Question | Reply }
/** What it is sent: whom it asked, what it is asked, what it was told. */
type ToWorker = {
  colleagues: { ask: number } & ({ place: number; others: number } | { by: number } | { place: number; told: unknown })
}

/** In the primary: passes on what a worker sends. `places` holds the workers that live, each with its place. */
export function passOn(worker: Worker, places: ReadonlyMap<Worker, { place: number }>): void {
  worker.on('message', ({ colleagues: sent }: Partial<FromWorker>) => {
    const place = places.get(worker)?.place
    if (sent === undefined || place === undefined) return
    const others = [...places].filter(([other]) => other !== worker)
    if (!('told' in sent)) {
      post(worker, { colleagues: { ask: sent.ask, place, others: others.length } })
      for (const [other] of others) post(other, { colleagues: { ask: sent.ask, by: place } })
      return
    }
    const asker = others.find(([, each]) => each.place === sent.to)?.[0]
    if (asker) post(asker, { colleagues: { ask: sent.ask, place, told: sent.told } })
  })
}

/** To one that has just ended nothing can be sent, which is no fault. */
function post(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/** A question that is still open. */
interface Open {
  place: number
  /** How many will answer; unknown until the primary has said so. */
  others: number
  /** By place. */
  told: Map<number, unknown>
  finish(): void
}

/** In a worker: its colleagues, reached through the channel to the primary. */
export class WorkerColleagues implements Colleagues {
  /** This process. */
  readonly #worker: Worker
  readonly #open = new Map<number, Open>()
  #questions = 0
  #tell: (() => Promise<unknown>) | undefined

  constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', ({ colleagues }: Partial<ToWorker>) => colleagues && this.#hear(colleagues))
  }

  answerWith(tell: () => Promise<unknown>): void {
    this.#tell = tell
  }

  ask(): ReturnType<Colleagues['ask']> {
    return new Promise((resolve) => {
      const ask = ++this.#questions
      const question: Open = { place: this.#worker.id, others: Infinity, told: new Map(), finish }
      const patience = setTimeout(finish, WITHIN_MS)
      const forget = () => this.#open.delete(ask)
      function finish(): void {
        clearTimeout(patience)
        forget()
        resolve({ place: question.place, others: [...question.told].map(([place, told]) => ({ place, told })) })
      }
      this.#open.set(ask, question)
      if (!this.#send({ ask })) finish()
    })
  }

  #hear(sent: ToWorker['colleagues']): void {
    if ('by' in sent) return void this.#answer(sent.ask, sent.by)
    const question = this.#open.get(sent.ask)
    if (!question) return
    if ('told' in sent) question.told.set(sent.place, sent.told)
    else Object.assign(question, { place: sent.place, others: sent.others })
    if (question.told.size >= question.others) question.finish()
  }

  /** At once where there is nothing to tell yet, so that nobody waits for it. */
  async #answer(ask: number, to: number): Promise<void> {
    const told = await this.#tell?.().catch(() => null)
    this.#send({ ask, to, told: told ?? null })
  }

  /** @returns whether there is a primary to send it to */
  #send(colleagues: FromWorker['colleagues']): boolean {
    if (!this.#worker.isConnected()) return false
    this.#worker.send({ colleagues }, () => {})
    return true
  }
}
