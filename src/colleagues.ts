/**
 * What the workers of one issuer ask each other, since each knows only what it did itself. Questions and answers go
 * through the primary, which passes them on and keeps nothing. Who does not answer in time is left out.
 */
import type { Worker } from 'node:cluster'
import type { Colleagues, Told } from './http/rooms.ts'

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

interface Asked {
  place: number
  /** How many will answer; unknown until the primary has said so. */
  others: number
  told: Told[]
  finish(): void
}

/** In a worker: its colleagues, reached through `worker`, which is this process. */
export function colleaguesOf(worker: Worker): Colleagues {
  const asked = new Map<number, Asked>()
  let questions = 0
  let tell: (() => Promise<unknown>) | undefined
  const send = (colleagues: FromWorker['colleagues']) => worker.send({ colleagues }, () => {})
  /** At once where there is nothing to tell yet, so that nobody waits for it. */
  const answer = async (ask: number, to: number): Promise<void> => {
    const told = await tell?.().catch(() => null)
    if (worker.isConnected()) send({ ask, to, told: told ?? null })
  }
  worker.on('message', ({ colleagues: sent }: Partial<ToWorker>) => {
    if (sent === undefined) return
    if ('by' in sent) {
      void answer(sent.ask, sent.by)
      return
    }
    const question = asked.get(sent.ask)
    if (!question) return
    if ('told' in sent) question.told.push({ place: sent.place, told: sent.told })
    else Object.assign(question, { place: sent.place, others: sent.others })
    if (question.told.length >= question.others) question.finish()
  })
  return {
    answerWith(work) {
      tell = work
    },
    ask: () =>
      new Promise((resolve) => {
        const ask = ++questions
        const patience = setTimeout(() => question.finish(), WITHIN_MS)
        const question: Asked = {
          place: worker.id,
          others: Infinity,
          told: [],
          finish() {
            clearTimeout(patience)
            asked.delete(ask)
            resolve({ place: question.place, others: question.told })
          },
        }
        asked.set(ask, question)
        if (worker.isConnected()) send({ ask })
        else question.finish()
      }),
  }
}
