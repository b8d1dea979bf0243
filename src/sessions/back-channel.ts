/**
 * Back-channel logout (OIDC Back-Channel Logout 1.0): each client that a session signed in to is told that it has ended. A
 * token is minted for each attempt, because clients refuse old ones. Owed tokens stand in the database, so that a
 * killed process forgets none, and each attempt is made by one replica.
 */
import { BY_SYSTEM, type AuditTrail } from '../audit.ts'
import type { Log } from '../ground/log.ts'
import { onDemand } from '../ground/on-demand.ts'
import type { Traffic } from '../ground/traffic.ts'
import type { LogoutDelivery } from '../store/records/session.ts'
import type { Store } from '../store/store.ts'
import type { LogoutSender, SenderNeeds, Sent } from './logout-sender.ts'

/** Pauses before the second and each later attempt. After the last one the client is given up. Milliseconds. */
const PAUSES_MS = [5000, 30_000, 5 * 60_000, 30 * 60_000]
/** The pause after an attempt whose process died. Longer than an attempt takes. */
const LOST_AFTER_MS = 60_000
/** Attempts at the same time, and of one client among them. */
const AT_ONCE = 20
const AT_ONCE_OF_CLIENT = 5

interface Needs extends SenderNeeds {
  store: Pick<Store, 'now' | 'hasDueLogouts' | 'claimLogouts' | 'returnLogout' | 'finishLogout' | 'delayLogout'>
  /** A command leaves to the server the addresses that it may not ask: the server may have another SIGNET_OUTBOUND_ALLOW. */
  isCommand: boolean
  audit: AuditTrail
  log: Log
  traffic: Pick<Traffic, 'people'>
}

export class BackChannel {
  readonly #needs: Needs
  readonly #sender: LogoutSender
  #running: Promise<void> | undefined
  #isAsked = false
  #isStopped = false
  #wake: () => void = () => {}
  /** The deliveries that this process has left to the server. */
  readonly #left = new Map<string, LogoutDelivery>()

  constructor(needs: Needs) {
    this.#needs = needs
    this.#sender = onDemand<LogoutSender>(async () => {
      const { LogoutSender: Made } = await import('./logout-sender.ts')
      return new Made(needs)
    })
  }

  /** Sends what is due. A process that is sending already looks again at once. After `stop` nothing is begun. Never rejects. */
  deliver(): void {
    if (this.#isStopped) return
    this.#ask()
    this.#running ??= this.#loop()
  }

  /** Begins no other attempt, and waits for those under way. What is still owed stands in the database. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  /** Waits until nothing is due. @returns the hosts of apps that are left to the server */
  async settle(): Promise<string[]> {
    await this.#running
    return [...new Set([...this.#left.values()].map(({ uri }) => new URL(uri).host))]
  }

  #ask(): void {
    this.#isAsked = true
    this.#wake()
  }

  /** A client that answers slowly takes its own places, and the others go on. */
  async #loop(): Promise<void> {
    const underWay = new Set<LogoutDelivery>()
    do {
      this.#isAsked = false
      for (const delivery of await this.#claim(underWay)) {
        underWay.add(delivery)
        void this.#attempt(delivery)
          .catch((error: unknown) => this.#warn(error))
          .finally(() => {
            underWay.delete(delivery)
            this.#ask()
          })
      }
      if (underWay.size > 0 && !this.#isAsked) await new Promise<void>((wake) => (this.#wake = wake))
    } while (underWay.size > 0 || this.#isAsked)
    // Cleared before anything else can ask, so that the next caller begins anew.
    this.#running = undefined
  }

  async #claim(underWay: ReadonlySet<LogoutDelivery>): Promise<LogoutDelivery[]> {
    const { store } = this.#needs
    const limit = this.#isStopped ? 0 : AT_ONCE - underWay.size
    const placesOf = (clientId: string): number =>
      AT_ONCE_OF_CLIENT - [...underWay].filter((each) => each.clientId === clientId).length
    try {
      if (limit === 0 || !(await store.hasDueLogouts())) return []
      return await store.claimLogouts({ limit, placesOf, without: this.#left, againAt: store.now() + LOST_AFTER_MS })
    } catch (error) {
      this.#warn(error)
      return []
    }
  }

  #warn(error: unknown): void {
    this.#needs.log.warn('logout tokens could not be sent, and are tried again', { reason: String(error) })
  }

  /** Of a row of attempts the first is told: the later ones fail alike. */
  #warnOfAddress({ clientId, uri }: LogoutDelivery, fault = ''): void {
    this.#needs.log.warn('an app is not told of a logout, because Signet may not call its address', {
      client_id: clientId,
      reason: `${new URL(uri).host}: ${fault}; SIGNET_OUTBOUND_ALLOW names private hosts that may be called`,
    })
  }

  async #attempt(delivery: LogoutDelivery): Promise<void> {
    const { store, audit, clients } = this.#needs
    const { logouts } = this.#needs.traffic.people
    const { fault, isRefused } = await this.#sender
      .send(delivery)
      .catch((error: unknown): Sent => ({ fault: error instanceof Error ? error.message : String(error) }))
    if (isRefused && this.#needs.isCommand) {
      this.#left.set(delivery.id, delivery)
      return store.returnLogout(delivery)
    }
    const { id, clientId, attempts } = delivery
    if (isRefused && attempts === 1) this.#warnOfAddress(delivery, fault)
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
