/**
 * Who did what; append only. Changes are recorded by the store in the transaction that makes them. Refusals
 * that smell of attack are collected here and written in the background, bounded in number, because nobody
 * may fill the disk, or slow anybody down, by failing.
 */
import type { Clock, Instant } from './ground/clock.ts'
import { timeOrderedId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import type { AuditEvent, Recording } from './store/records/audit.ts'
import type { Store } from './store/store.ts'

/** Who acts, as authentication found out; never what a body or the log says. */
export interface Actor {
  kind: 'client' | 'cli' | 'config' | 'system'
  /** The client's id; the kind itself where no client acts. */
  id: string
  /** Whether it may do whatever an administrator may: the command line, and a token with `signet:admin`. */
  isAdministrator: boolean
  requestId?: string | null
  /**
   * Throws where the token behind the act is not good any more. Asked inside the write of the act, so that a token that
   * was revoked while the act waited can do nothing.
   */
  judge?: (() => void) | undefined
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

/** Events of one kind that a client causes for itself and that are recorded one by one in an hour. */
const MOST_OWN_AN_HOUR = 100
const HOUR_MS = 3_600_000
/** Beyond, one event counts the rest, at most so often. */
const COUNTED_EVERY_MS = 60_000

/** How many events of one client and action were recorded in this hour, and how many more there were. */
interface Budget {
  action: string
  by: Actor
  hourEndsAt: Instant
  recorded: number
  uncounted: number
  countedAt: Instant
}

export class AuditTrail {
  readonly #store: Store
  readonly #clock: Clock
  readonly #log: Log
  #waiting: AuditEvent[] = []
  #dropped = 0
  readonly #budgets = new Map<string, Budget>()

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store
    this.#clock = clock
    this.#log = log
  }

  /** An event for a store verb to record together with its change. */
  event(action: string, target: string, by: Actor & { details?: AuditEvent['details'] }): Recording {
    const at = this.#clock.now()
    return {
      id: timeOrderedId(at),
      at,
      actorKind: by.kind,
      actor: by.id,
      action,
      target: target.slice(0, 256),
      requestId: by.requestId ?? null,
      details: by.details ?? {},
      judge: by.judge,
    }
  }

  /**
   * An event for an act that a client does to its own tokens, as often as it likes; `undefined` where so many were
   * recorded in this hour that the rest are only counted, in one event a minute with `times`.
   */
  budgeted(
    action: string,
    target: string,
    by: Actor,
    { details = {} }: { details?: AuditEvent['details'] } = {},
  ): Recording | undefined {
    const budget = this.#budgetOf(action, by)
    if (budget.recorded < MOST_OWN_AN_HOUR) {
      budget.recorded += 1
      return this.event(action, target, { ...by, details })
    }
    budget.uncounted += 1
    return undefined
  }

  /** Counts an event that is never recorded one by one. */
  count(action: string, by: Actor): void {
    this.#budgetOf(action, by).uncounted += 1
  }

  #budgetOf(action: string, by: Actor): Budget {
    const name = `${action} ${by.id}`
    const now = this.#clock.now()
    const known = this.#budgets.get(name)
    if (known && (now < known.hourEndsAt || known.uncounted > 0)) {
      if (now >= known.hourEndsAt) Object.assign(known, { hourEndsAt: now + HOUR_MS, recorded: 0 })
      return known
    }
    const budget = {
      action,
      by: { ...by, requestId: null },
      hourEndsAt: now + HOUR_MS,
      recorded: 0,
      uncounted: 0,
      countedAt: 0,
    }
    this.#budgets.set(name, budget)
    return budget
  }

  /** The events that count what was not recorded one by one; budgets of past hours are forgotten. */
  #takeCounts(): void {
    const now = this.#clock.now()
    for (const [name, budget] of this.#budgets) {
      if (budget.uncounted === 0 && now >= budget.hourEndsAt) this.#budgets.delete(name)
      if (budget.uncounted === 0 || now < budget.countedAt + COUNTED_EVERY_MS) continue
      const details = { times: budget.uncounted }
      this.#waiting.push(this.event(budget.action, budget.by.id, { ...budget.by, details }))
      Object.assign(budget, { uncounted: 0, countedAt: now })
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
    this.#takeCounts()
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
