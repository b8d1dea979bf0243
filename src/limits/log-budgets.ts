/**
 * How many log lines a second each kind of request may cost. Each kind has a budget of its own, so that a flood of one
 * kind never hides another: a refusal never stands behind requests for public documents, and a guess at a secret never
 * behind other refusals.
 */
import type { Log } from '../ground/log.ts'
import { CappedLines } from './capped-lines.ts'

/** `guess`: credentials were refused. `anonymous`: served, but to nobody in particular: public documents and health. */
export type LineKind = 'guess' | 'refused' | 'anonymous' | 'failed'

/** Clients whose guesses are counted apart in one second. */
const MOST_CLIENTS = 20

export class LogBudgets {
  readonly #log: Log
  readonly #budgets: Record<LineKind, CappedLines>
  /** Guesses without a line of their own, by the client that they aimed at. */
  readonly #guesses = new Map<string, number>()

  constructor(log: Log) {
    this.#log = log
    const capped = (what: string) => new CappedLines(what, log)
    this.#budgets = {
      guess: new CappedLines('more requests were refused for their credentials', log, () => this.#tellGuesses()),
      refused: capped('more requests were refused'),
      anonymous: capped('more requests were refused or not authenticated'),
      failed: capped('more requests failed'),
    }
  }

  /** Whether a line of this kind is written; if not, the line at the end of the second counts it. */
  hasRoom(kind: LineKind, clientId = ''): boolean {
    if (this.#budgets[kind].hasRoom()) return true
    if (kind === 'guess') this.#countGuess(clientId)
    return false
  }

  close(): void {
    for (const lines of Object.values(this.#budgets)) lines.close()
  }

  #countGuess(clientId: string): void {
    const isNew = !this.#guesses.has(clientId)
    if (clientId === '' || (isNew && this.#guesses.size >= MOST_CLIENTS)) return
    this.#guesses.set(clientId, (this.#guesses.get(clientId) ?? 0) + 1)
  }

  #tellGuesses(): void {
    for (const [clientId, count] of this.#guesses)
      this.#log.warn('more credentials of a client were refused in a second than are logged one by one', {
        client_id: clientId,
        count,
      })
    this.#guesses.clear()
  }
}
