/** The sending of one logout token. It is loaded at the first logout that a client is owed. */
import type { ClientDirectory } from '../clients/directory.ts'
import { toSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { signNow } from '../keys/sign-now.ts'
import { AllowedHosts } from '../outbound/allowed.ts'
import { AddressRefused, sendOutbound } from '../outbound/request.ts'
import { SHARED_RING } from '../store/records/key.ts'
import type { LogoutDelivery } from '../store/records/session.ts'
import type { Store } from '../store/store.ts'

/** OIDC Back-Channel Logout §2.4. */
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** A client refuses a token that is older than two minutes or so. */
const TOKEN_SECONDS = 120

export interface SenderNeeds {
  issuer: string
  store: Pick<Store, 'now'>
  keys: KeyRing
  clients: ClientDirectory
  /** SIGNET_OUTBOUND_ALLOW */
  allowed: readonly string[]
}

/** Why the client was not told, if it was not. `isRefused`: this process may not ask the address. */
export interface Sent {
  fault?: string
  isRefused?: true
}

export class LogoutSender {
  readonly #needs: SenderNeeds
  readonly #allowed: AllowedHosts

  constructor(needs: SenderNeeds) {
    this.#needs = needs
    this.#allowed = new AllowedHosts(needs.allowed)
  }

  /** Sends one token. Rejects where none could be signed, or the client did not answer. */
  async send({ clientId, sub, sessionId, uri }: LogoutDelivery): Promise<Sent> {
    const client = this.#needs.clients.find(clientId)
    if (!client) return { fault: 'the client was deleted' }
    const ring = { ring: SHARED_RING, alg: client.idTokenSignedResponseAlg }
    const token = await signNow(this.#needs.keys, 'logout+jwt', () => ({
      ring,
      claims: this.#claims(clientId, sub, sessionId),
    }))
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Cache-Control': 'no-store' }
    const body = new URLSearchParams({ logout_token: token }).toString()
    try {
      const { status } = await sendOutbound(uri, { method: 'POST', headers, body }, this.#allowed)
      return status >= 200 && status < 300 ? {} : { fault: `the client answered ${status}` }
    } catch (error) {
      if (!(error instanceof AddressRefused)) throw error
      return { fault: error.message, isRefused: true }
    }
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
