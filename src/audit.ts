/**
 * Who did what; append only. Changes are recorded by the store in the transaction that makes them. Refusals
 * that smell of attack are collected here and written in the background, bounded in number, because nobody
 * may fill the disk, or slow anybody down, by failing.
 */
import type { Clock } from './ground/clock.ts'
import { timeOrderedId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import type { AuditEvent, Store } from './store/store.ts'

/** Who acts, as authentication found out; never what a body or the log says. */
export interface Actor {
  kind: 'client' | 'cli' | 'config' | 'system'
  /** The client's id; the kind itself where no client acts. */
  id: string
  /** Whether it may do whatever an administrator may: the command line, and a token with `signet:admin`. */
  isAdministrator: boolean
  requestId?: string | null
}

/** An operator at the command line. */
export const BY_CLI: Actor = { kind: 'cli', id: 'cli', isAdministrator: true }
/** The declarative file. */
export const BY_CONFIG: Actor = { kind: 'config', id: 'config', isAdministrator: true }
/** Signet itself, by its timetable or a rule. */
export const BY_SYSTEM: Actor = { kind: 'system', id: 'system', isAdministrator: true }

/** A client that asks in its own name: it may act on what is its own. */
export const byClient = (id: string, requestId: string | null): Actor => ({
  kind: 'client',
  id,
  isAdministrator: false,
  requestId,
})

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
      actor: by.id,
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
      this.#waiting.push(this.event('audit.dropped', 'audit', { ...BY_SYSTEM, details }))
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
