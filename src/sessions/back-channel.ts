/**
 * Back-channel logout (OIDC Back-Channel Logout 1.0): each client that a session signed in to is told that it has ended. A
 * token is minted for each attempt, because clients refuse old ones. What is owed stands in the database, so that a
 * killed process forgets nothing, and each attempt is made by one replica.
 */
import { BY_SYSTEM, type AuditTrail } from '../audit.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { toSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import type { Log } from '../ground/log.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { signNow } from '../keys/sign-now.ts'
import type { AllowedHosts } from '../outbound/allowed.ts'
import { sendOutbound } from '../outbound/request.ts'
import { SHARED_RING } from '../store/records/key.ts'
import type { LogoutDelivery } from '../store/records/session.ts'
import type { Store } from '../store/store.ts'

/** OIDC Back-Channel Logout §2.4. */
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** Pauses before the second and each later attempt. After the last one the client is given up. Milliseconds. */
const PAUSES_MS = [5000, 30_000, 5 * 60_000, 30 * 60_000]
/** The pause after an attempt whose process died. Longer than an attempt takes. */
const LOST_AFTER_MS = 60_000
const AT_ONCE = 20
/** A client refuses a token that is older than two minutes or so. */
const TOKEN_SECONDS = 120

interface Needs {
  issuer: string
  store: Pick<Store, 'now' | 'hasDueLogouts' | 'claimLogouts' | 'finishLogout' | 'delayLogout'>
  keys: KeyRing
  clients: ClientDirectory
  audit: AuditTrail
  log: Log
  allowed: AllowedHosts
}

export class BackChannel {
  readonly #needs: Needs
  #running: Promise<void> | undefined
  #isAskedAgain = false

  constructor(needs: Needs) {
    this.#needs = needs
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
    const { store, audit, clients, allowed } = this.#needs
    const fault = await this.#send(delivery, allowed).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    )
    const { id, clientId, attempts } = delivery
    const pause = PAUSES_MS[attempts - 1]
    if (fault !== undefined && pause !== undefined && clients.find(clientId))
      return store.delayLogout(id, store.now() + pause)
    await store.finishLogout(id)
    if (fault !== undefined)
      audit.note(audit.event('logout.undelivered', clientId, { ...BY_SYSTEM, details: { reason: fault } }))
  }

  /** @returns why the client was not told, if it was not */
  async #send({ clientId, sub, sessionId, uri }: LogoutDelivery, allowed: AllowedHosts): Promise<string | undefined> {
    const client = this.#needs.clients.find(clientId)
    if (!client) return 'the client was deleted'
    const ring = { ring: SHARED_RING, alg: client.idTokenSignedResponseAlg }
    const token = await signNow(this.#needs.keys, ring, 'logout+jwt', () => this.#claims(clientId, sub, sessionId))
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Cache-Control': 'no-store' }
    const body = new URLSearchParams({ logout_token: token }).toString()
    const { status } = await sendOutbound(uri, { method: 'POST', headers, body }, allowed)
    return status >= 200 && status < 300 ? undefined : `the client answered ${status}`
  }

  /** §2.4: no `nonce`. */
  #claims(clientId: string, sub: string, sid: string) {
    const now: Instant = this.#needs.store.now()
    const iat = toSeconds(now)
    return {
      iss: this.#needs.issuer,
      aud: clientId,
      iat,
      exp: iat + TOKEN_SECONDS,
      jti: timeOrderedId(now),
      sub,
      sid,
      events: { [LOGOUT_EVENT]: {} },
    }
  }
}
