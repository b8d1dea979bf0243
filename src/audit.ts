/**
 * The audit trail: who did what, append only. The store records a change in the transaction that makes it. Refusals that
 * may be attacks are collected here and written in the background. Their number is bounded, so that failing requests
 * cannot fill the disk or slow other requests down.
 */
import { toIso, type Clock, type Instant } from './ground/clock.ts'
import { timeOrderedId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import type { ActingSession, AuditEvent, Recording } from './store/records/audit.ts'
import type { Store } from './store/store.ts'

/** The party that acts. Only authentication makes an actor, never the body of a request or a log field. */
export type Actor = Acting & (OfFile | OfNoFile)

/** A declarative file acts, under the name by which records remember it. */
interface OfFile {
  kind: 'config'
  file: string
}

interface OfNoFile {
  kind: 'client' | 'user' | 'cli' | 'system'
  file?: undefined
}

interface Acting {
  /** The id of the client or user; the kind itself where neither acts. */
  id: string
  /** Whether it has all rights of an administrator: the command line, and a token with `signet:admin`. */
  isAdministrator: boolean
  requestId?: string | null
  /**
   * Throws if the token behind the act is not valid any more. It is called inside the write of the act, so a token that is
   * revoked while the act waits changes nothing.
   */
  judge?: (() => void) | undefined
  /** The session of an operator who acts on a page; read again inside the write of the act. */
  session?: ActingSession | undefined
  /** The browser of a person who acts on the own account. The person sees it among the account's events. */
  browser?: ActingBrowser | undefined
}

export interface ActingBrowser {
  userAgent: string
  /** An IPv4 address or an IPv6 /64. */
  network: string
}

const MOST_AGENT_CHARACTERS = 256

/** The user agent of a browser, as long as it is kept. */
export const keptAgent = ({ userAgent }: ActingBrowser): string => userAgent.slice(0, MOST_AGENT_CHARACTERS)

/** An operator at the command line. */
export const BY_CLI: Actor = { kind: 'cli', id: 'cli', isAdministrator: true }
/** A declarative file, by the name of its `Declaration`. */
export const byFile = (file: string): Actor => ({ kind: 'config', id: 'config', isAdministrator: true, file })
/** Signet itself, by its timetable or by a rule. */
export const BY_SYSTEM: Actor = { kind: 'system', id: 'system', isAdministrator: true }

/** A client in its own name. It may act on its own tokens and grants. */
export const byClient = (id: string, requestId: string | null): Actor => ({
  kind: 'client',
  id,
  isAdministrator: false,
  requestId,
})

/** A person who is signed in. */
export const byUser = (id: string, requestId: string | null, browser?: ActingBrowser): Actor => ({
  kind: 'user',
  id,
  isAdministrator: false,
  requestId,
  browser,
})

/** A person who is signed in and has the rights of an administrator by a permission. */
export const byOperator = (session: ActingSession, requestId: string | null): Actor => ({
  ...byUser(session.userId, requestId),
  isAdministrator: true,
  session,
})

/** Refusals that are kept between two flushes. Further ones are only counted. */
const MOST_WAITING = 500

/** How many equal refusals at the same target are kept one by one. The last of them counts the rest. */
const MOST_ALIKE = 5

/** Events of one kind that a client causes for itself and that are recorded one by one in an hour. */
const MOST_OWN_AN_HOUR = 100
const HOUR_MS = 3_600_000
/** Above that number, one event counts the rest. At most one such event is recorded in this time. */
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
      details: { ...(by.browser && { address: by.browser.network, user_agent: keptAgent(by.browser) }), ...by.details },
      judge: by.judge,
      session: by.session,
      file: by.file,
    }
  }

  /**
   * An event for an act of a client on its own tokens. Above `MOST_OWN_AN_HOUR` it is `undefined`: further acts are only
   * counted, in one event a minute with `times`.
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
      // Recorded later, when the actor may be gone.
      by: { ...by, requestId: null, judge: undefined, session: undefined },
      hourEndsAt: now + HOUR_MS,
      recorded: 0,
      uncounted: 0,
      countedAt: 0,
    }
    this.#budgets.set(name, budget)
    return budget
  }

  /** Makes the events that count further acts, and forgets the budgets of past hours. */
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

  /** Notes a refusal. It never throws and never waits. */
  note(event: AuditEvent): void {
    const alike = this.#waiting.filter(({ action, target }) => action === event.action && target === event.target)
    const last = alike.at(-1)
    if (last && alike.length >= MOST_ALIKE) last.details.times = Number(last.details.times ?? 1) + 1
    else if (this.#waiting.length < MOST_WAITING) this.#waiting.push(event)
    else this.#dropped += 1
  }

  /**
   * Writes the noted events. If the database cannot take them, tokens are still issued.
   * @returns whether the database has taken them
   */
  async flush(): Promise<boolean> {
    this.#takeCounts()
    if (this.#dropped > 0) {
      const details = { dropped: this.#dropped }
      this.#waiting.push(this.event('audit.dropped', 'audit', { ...BY_SYSTEM, details }))
      this.#dropped = 0
    }
    if (this.#waiting.length === 0) return true
    const events = this.#waiting
    this.#waiting = []
    try {
      await this.#store.recordAudit(events)
      return true
    } catch (error) {
      this.#dropped += events.length
      this.#log.warn('audit events could not be written', { count: events.length, reason: String(error) })
      return false
    }
  }
}

/** An event as operators see it. */
export const auditEventView = ({ id, at, actor, action, target, requestId, details }: AuditEvent) => ({
  id,
  at: toIso(at),
  actor,
  action,
  target,
  request_id: requestId,
  details,
})
