/**
 * The key that signs now, of one ring. It signs no token that ends after the high-water mark of the key, which stands in the database,
 * so it raises that mark ahead. may-sign.ts holds the rule.
 */
import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import type { RingId, SigningAlgorithm } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import { signJws } from './algorithms.ts'
import { whyNotSign, type Signing } from './may-sign.ts'

/** How far the high-water mark is raised ahead, so that the disk is written once in ten minutes and not for each token. */
const RESERVE_AHEAD_MS = 10 * 60_000

/** The active key of a ring, and the facts that say whether it may sign. */
export interface ActiveKey extends Signing {
  kid: string
  id: RingId
  privateKey: KeyObject
}

export interface SignerNeeds {
  store: Pick<Store, 'findKey' | 'reserveSigning'>
  /** Counts each signature that was made. */
  signatures: Record<SigningAlgorithm, number>
  /** Called where the key may not sign any more: the rings are read again. */
  reload: () => Promise<void>
}

export class Signer {
  readonly #key: ActiveKey
  readonly #needs: SignerNeeds
  /** The encoded header of each `typ` that the key has signed. */
  readonly #headers = new Map<string, string>()
  #reserving: Promise<void> | undefined

  constructor(key: ActiveKey, needs: SignerNeeds) {
    this.#key = key
    this.#needs = needs
  }

  get kid(): string {
    return this.#key.kid
  }

  get id(): RingId {
    return this.#key.id
  }

  /** Takes over a mark that is known to stand in the database. It never falls. */
  noteReserved(until: Instant): void {
    this.#key.signedUntil = Math.max(this.#key.signedUntil, until)
  }

  /**
   * Begins to sign in this turn of the event loop.
   * @param claims must hold `iat`, and `exp` where the token ends; in seconds
   * @returns a compact JWS; `undefined` where the key may not sign the token yet: `makeReady` first
   */
  trySign(typ: string, claims: { exp?: number; iat: number }): Promise<string> | undefined {
    const until = fromSeconds(claims.exp ?? claims.iat)
    if (whyNotSign(this.#key, until, performance.now())) return undefined
    const ahead = Math.min(until - fromSeconds(claims.iat), RESERVE_AHEAD_MS)
    // Reserved early, so that no request waits. If it fails, `makeReady` reserves again and waits.
    if (this.#key.signedUntil < until + ahead / 2 && !this.#reserving) this.#reserve(until + ahead).catch(() => {})
    return this.#sign(`${this.#headerOf(typ)}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`)
  }

  async #sign(input: string): Promise<string> {
    const { id, privateKey } = this.#key
    const signature = await signJws(id.alg, input, privateKey)
    this.#needs.signatures[id.alg] += 1
    return `${input}.${signature}`
  }

  /** Waits until the key is published everywhere, and raises its high-water mark past `until`. */
  async makeReady(until: Instant, lifetimeMs: number): Promise<void> {
    const waitMs = this.#key.publishedFrom - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    if (this.#key.signedUntil < until) await this.#learnReserved()
    if (this.#key.signedUntil < until) await this.#reserve(until + Math.min(lifetimeMs, RESERVE_AHEAD_MS))
  }

  /** A reservation of another process counts for this one too, and can be read while the database is locked. */
  async #learnReserved(): Promise<void> {
    const key = await this.#needs.store.findKey(this.kid)
    if (key?.status === 'active') this.noteReserved(key.signedUntil)
  }

  #reserve(until: Instant): Promise<void> {
    const reserve = async () => {
      const outcome = await this.#needs.store.reserveSigning(this.kid, until)
      if (outcome === 'reserved') this.noteReserved(until)
      else await this.#needs.reload()
    }
    const before = this.#reserving ?? Promise.resolve()
    const running = before
      // The caller of the earlier reservation gets its failure.
      .catch(() => {})
      .then(() => (this.#key.signedUntil < until ? reserve() : undefined))
      .finally(() => {
        if (this.#reserving === running) this.#reserving = undefined
      })
    this.#reserving = running
    return running
  }

  #headerOf(typ: string): string {
    let header = this.#headers.get(typ)
    if (!header) {
      header = Buffer.from(JSON.stringify({ alg: this.id.alg, typ, kid: this.kid })).toString('base64url')
      this.#headers.set(typ, header)
    }
    return header
  }
}
