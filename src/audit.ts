/**
 * Who did what; append only. Changes are recorded by the store in the transaction that makes them. Refusals
 * that smell of attack are collected here and written in the background, bounded in number, because nobody
 * may fill the disk, or slow anybody down, by failing.
 */
import type { Clock } from './ground/clock.ts'
import { timeOrderedId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import type { AuditEvent, Store } from './store/store.ts'

/** Who acts, and for which request. */
export interface Actor {
  /** `cli`, `system`, `config`, or a client id. */
  actor: string
  requestId?: string | null
}

/** Refusals kept between two flushes; more are counted, not kept. */
const MOST_WAITING = 500

/** Of the same refusal at the same target so many are kept one by one; the last of them counts the rest. */
const MOST_ALIKE = 5

export class AuditTrail {
  readonly #store: Store
  readonly #clock: Clock
  readonly #log: Log
  #waiting: AuditEvent[] = []
  #dropped = 0

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store
    this.#clock = clock
    this.#log = log
  }

  /** An event for a store verb to record together with its change. */
  event(action: string, target: string, by: Actor & { details?: AuditEvent['details'] }): AuditEvent {
    const at = this.#clock.now()
    return {
      id: timeOrderedId(at),
      at,
      actor: by.actor,
      action,
      target: target.slice(0, 256),
      requestId: by.requestId ?? null,
      details: by.details ?? {},
    }
  }

  /** Notes a refusal. Never throws, never waits. */
  note(event: AuditEvent): void {
    const alike = this.#waiting.filter(({ action, target }) => action === event.action && target === event.target)
    const last = alike.at(-1)
    if (last && alike.length >= MOST_ALIKE) last.details.times = Number(last.details.times ?? 1) + 1
    else if (this.#waiting.length < MOST_WAITING) this.#waiting.push(event)
    else this.#dropped += 1
  }

  /** Writes what was noted. Tokens go on being issued while the database cannot take it. */
  async flush(): Promise<void> {
    if (this.#dropped > 0) {
      const details = { dropped: this.#dropped }
      this.#waiting.push(this.event('audit.dropped', 'audit', { actor: 'system', details }))
      this.#dropped = 0
    }
    if (this.#waiting.length === 0) return
    const events = this.#waiting
    this.#waiting = []
    try {
      await this.#store.recordAudit(events)
    } catch (error) {
      this.#dropped += events.length
      this.#log.warn('audit events could not be written', { count: events.length, reason: String(error) })
    }
  }
}
