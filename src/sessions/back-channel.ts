/**
 * Back-channel logout (OIDC Back-Channel Logout 1.0): each client that a session signed in to is told that it has ended. A
 * token is minted for each attempt, because clients refuse old ones. What is owed stands in the database, so that a
 * killed process forgets nothing, and each attempt is made by one replica.
 */
import { BY_SYSTEM, type AuditTrail } from '../audit.ts'
import type { Log } from '../ground/log.ts'
import { onDemand } from '../ground/on-demand.ts'
import type { Traffic } from '../ground/traffic.ts'
import type { LogoutDelivery } from '../store/records/session.ts'
import type { Store } from '../store/store.ts'
import type { LogoutSender, SenderNeeds } from './logout-sender.ts'

/** Pauses before the second and each later attempt. After the last one the client is given up. Milliseconds. */
const PAUSES_MS = [5000, 30_000, 5 * 60_000, 30 * 60_000]
/** The pause after an attempt whose process died. Longer than an attempt takes. */
const LOST_AFTER_MS = 60_000
const AT_ONCE = 20

interface Needs extends SenderNeeds {
  store: Pick<Store, 'now' | 'hasDueLogouts' | 'claimLogouts' | 'finishLogout' | 'delayLogout'>
  audit: AuditTrail
  log: Log
  traffic: Pick<Traffic, 'people'>
}

export class BackChannel {
  readonly #needs: Needs
  readonly #sender: LogoutSender
  #running: Promise<void> | undefined
  #isAskedAgain = false

  constructor(needs: Needs) {
    this.#needs = needs
    this.#sender = onDemand<LogoutSender>(async () => {
      const { LogoutSender: Made } = await import('./logout-sender.ts')
      return new Made(needs)
    })
  }

  /** Sends what is due, unless this process is at it already; then it looks once more afterwards. Never rejects. */
  deliver(): void {
    this.#isAskedAgain = true
    this.#running ??= this.#loop().finally(() => (this.#running = undefined))
  }

  /** Waits until nothing is under way. */
  async settle(): Promise<void> {
    await this.#running
  }

  async #loop(): Promise<void> {
    while (this.#isAskedAgain) {
      this.#isAskedAgain = false
      try {
        await this.#sendDue()
      } catch (error) {
        this.#needs.log.warn('logout tokens could not be sent, and are tried again', { reason: String(error) })
      }
    }
  }

  async #sendDue(): Promise<void> {
    const { store } = this.#needs
    while (await store.hasDueLogouts()) {
      const due = await store.claimLogouts(AT_ONCE, store.now() + LOST_AFTER_MS)
      if (due.length === 0) return
      await Promise.all(due.map((delivery) => this.#attempt(delivery)))
    }
  }

  async #attempt(delivery: LogoutDelivery): Promise<void> {
    const { store, audit, clients } = this.#needs
    const { logouts } = this.#needs.traffic.people
    const fault = await this.#sender
      .send(delivery)
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
    const { id, clientId, attempts } = delivery
    const pause = PAUSES_MS[attempts - 1]
    if (fault !== undefined && pause !== undefined && clients.find(clientId)) {
      logouts.delayed += 1
      return store.delayLogout(id, store.now() + pause)
    }
    await store.finishLogout(id)
    logouts[fault === undefined ? 'delivered' : 'undelivered'] += 1
    if (fault !== undefined)
      audit.note(audit.event('logout.undelivered', clientId, { ...BY_SYSTEM, details: { reason: fault } }))
  }
}
