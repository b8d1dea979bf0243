/**
 * The signing keys in memory: one ring per algorithm, as the database has it. Signs with the active key,
 * finds public keys by `kid`, holds the JWKS ready as bytes. What it never does: decide a rotation
 * (rotation.ts does, under the store's lock) or write a private key anywhere unsealed.
 */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { fromSeconds, type Instant } from '../clock.ts'
import { Unavailable } from '../errors.ts'
import type { Actor, AuditTrail } from '../audit.ts'
import type {
  Change,
  NewBlacklistEntry,
  PromotionOutcome,
  RevocationOutcome,
  SigningAlgorithm,
  SigningKeyRecord,
  Store,
} from '../store/store.ts'
import { SIGNING_ALGORITHMS, generateSigningKey, signJws } from './algorithms.ts'
import { jwksDocument, type JwksDocument } from './jwks.ts'
import type { MasterKey } from './master-key.ts'
import { decidePromotion, isPublished } from './rotation.ts'

export interface RingPolicy {
  prepublishSeconds: number
  rotationSeconds: number
}

interface RingKey {
  record: SigningKeyRecord
  publicKey: KeyObject
}

/** A key that signs now, with the encoded header of each `typ` it has signed. */
interface Signer {
  kid: string
  alg: SigningAlgorithm
  privateKey: KeyObject
  headers: Map<string, string>
  /** Reserved in the database; a token that outlives it needs a new reservation first. */
  signedUntil: Instant
  reserving: Promise<void> | undefined
}

/** How far ahead of need the high-water mark is raised, so that the disk is touched once in a while and not per token. */
const RESERVE_AHEAD_MS = 10 * 60_000

export class KeyRing {
  readonly #store: Store
  readonly #masterKey: MasterKey
  readonly #audit: AuditTrail
  readonly #policy: RingPolicy
  #published = new Map<string, RingKey>()
  #signers = new Map<SigningAlgorithm, Signer>()
  /** Unsealed private keys by `kid`: active and next, so that a promotion costs nobody an unsealing. */
  #unsealed = new Map<string, KeyObject>()
  #jwks: JwksDocument = jwksDocument([])

  private constructor(store: Store, masterKey: MasterKey, audit: AuditTrail, policy: RingPolicy) {
    this.#store = store
    this.#masterKey = masterKey
    this.#audit = audit
    this.#policy = policy
  }

  /**
   * Opens the ring; on the very first start each algorithm gets an active and a next key.
   * @throws Fault where the private keys were sealed under another master key.
   */
  static async open(store: Store, masterKey: MasterKey, audit: AuditTrail, policy: RingPolicy): Promise<KeyRing> {
    const ring = new KeyRing(store, masterKey, audit, policy)
    const present = new Set((await store.listKeys()).map((key) => key.alg))
    for (const alg of SIGNING_ALGORITHMS.filter((each) => !present.has(each))) await ring.#seed(alg)
    await ring.reload()
    return ring
  }

  async #seed(alg: SigningAlgorithm): Promise<void> {
    const now = this.#store.now()
    const active = { ...(await this.#draft(alg)), status: 'active' as const, createdAt: now, activatedAt: now }
    // As old as the active key: whoever has seen the one has seen the other, so it may take over at any time.
    const next = { ...(await this.#draft(alg)), createdAt: now }
    await this.#store.seedKeys(alg, [active, next], this.#audit.event('key.seeded', active.kid, { actor: 'system' }))
  }

  /** A fresh `next`, sealed. */
  async #draft(alg: SigningAlgorithm): Promise<SigningKeyRecord> {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(alg)
    return {
      kid,
      alg,
      status: 'next',
      publicJwk,
      sealedPrivateKey: await this.#masterKey.seal(privateJwk),
      createdAt: this.#store.now(),
      activatedAt: null,
      deactivatedAt: null,
      signedUntil: 0,
    }
  }

  /** Called with every change, of this process or another. */
  async onChange(changes: Change[]): Promise<void> {
    if (changes.some(({ noun }) => noun === 'key')) await this.reload()
  }

  /** Takes the ring as the database has it. */
  async reload(): Promise<void> {
    const records = (await this.#store.listKeys()).filter(isPublished)
    const published = new Map<string, RingKey>()
    const unsealed = new Map<string, KeyObject>()
    for (const record of records) {
      const publicKey =
        this.#published.get(record.kid)?.publicKey ?? createPublicKey({ key: { ...record.publicJwk }, format: 'jwk' })
      published.set(record.kid, { record, publicKey })
      if (record.status === 'retiring') continue
      unsealed.set(record.kid, this.#unsealed.get(record.kid) ?? (await this.#unseal(record)))
    }
    this.#published = published
    this.#unsealed = unsealed
    this.#signers = this.#signersOf(records)
    this.#jwks = jwksDocument(records)
  }

  async #unseal(record: SigningKeyRecord): Promise<KeyObject> {
    const jwk = (await this.#masterKey.unseal(record.sealedPrivateKey)) as JsonWebKey // sealed by #draft, authenticated by GCM
    return createPrivateKey({ key: jwk, format: 'jwk' })
  }

  #signersOf(records: SigningKeyRecord[]): Map<SigningAlgorithm, Signer> {
    const signers = new Map<SigningAlgorithm, Signer>()
    for (const { kid, alg, signedUntil } of records.filter((key) => key.status === 'active')) {
      const privateKey = this.#unsealed.get(kid)
      const known = this.#signers.get(alg)
      if (known?.kid === kid) {
        known.signedUntil = Math.max(known.signedUntil, signedUntil)
        signers.set(alg, known)
      } else if (privateKey) {
        signers.set(alg, { kid, alg, privateKey, headers: new Map(), signedUntil, reserving: undefined })
      }
    }
    return signers
  }

  /** The JWKS as it is served (RFC 7517 §5). */
  get jwks(): JwksDocument {
    return this.#jwks
  }

  /** The public key that verifies tokens with this `kid`: published ones only. */
  findPublicKey(kid: string): { alg: SigningAlgorithm; publicKey: KeyObject } | undefined {
    const key = this.#published.get(kid)
    return key && { alg: key.record.alg, publicKey: key.publicKey }
  }

  /** When the last token signed so far, by any key still trusted, will have ended. */
  latestExpiry(): Instant {
    let latest = this.#store.now()
    for (const { record } of this.#published.values()) latest = Math.max(latest, record.signedUntil)
    for (const { signedUntil } of this.#signers.values()) latest = Math.max(latest, signedUntil)
    return latest
  }

  /**
   * Signs claims as a compact JWS (RFC 7515) with the active key of `alg`.
   * @param claims must hold `exp`, in seconds: it raises the key's high-water mark.
   */
  async sign(alg: SigningAlgorithm, typ: string, claims: { exp: number; iat: number }): Promise<string> {
    const signer = await this.#signerUntil(alg, fromSeconds(claims.exp), fromSeconds(claims.exp - claims.iat))
    const input = `${encodedHeader(signer, typ)}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
    return `${input}.${await signJws(alg, input, signer.privateKey)}`
  }

  /** The active signer, its high-water mark reserved past `until`. */
  async #signerUntil(alg: SigningAlgorithm, until: Instant, lifetimeMs: number): Promise<Signer> {
    // Twice: a key that another process took out of service meanwhile gives way to its successor.
    for (let attempt = 0; attempt < 2; attempt++) {
      const signer = this.#signers.get(alg)
      if (!signer) break
      const ahead = Math.min(lifetimeMs, RESERVE_AHEAD_MS)
      if (signer.signedUntil < until) await this.#reserve(signer, until + ahead)
      else if (signer.signedUntil < until + ahead / 2) this.#reserve(signer, until + ahead).catch(() => {}) // early; in time it is awaited
      if (this.#signers.get(alg) === signer && signer.signedUntil >= until) return signer
    }
    throw new Unavailable(`no ${alg} key can sign now`)
  }

  #reserve(signer: Signer, until: Instant): Promise<void> {
    const reserve = async () => {
      const outcome = await this.#store.reserveSigning(signer.kid, until)
      if (outcome === 'reserved') signer.signedUntil = Math.max(signer.signedUntil, until)
      else await this.reload()
    }
    const before = signer.reserving ?? Promise.resolve()
    signer.reserving = before.catch(() => {}).then(() => (signer.signedUntil < until ? reserve() : undefined))
    return signer.reserving
  }

  /** Promotes `next`; `scheduled` waits until the active key is due, `emergency` waits for nothing. */
  async rotate(
    alg: SigningAlgorithm,
    mode: 'scheduled' | 'requested' | 'emergency',
    by: Actor,
  ): Promise<PromotionOutcome> {
    const policy = {
      prepublishSeconds: this.#policy.prepublishSeconds,
      emergency: mode === 'emergency',
      afterSeconds: mode === 'scheduled' ? this.#policy.rotationSeconds : null,
    }
    // Asked once without the lock, so that no key is made for a rotation that is refused anyway.
    const ring = (await this.#store.listKeys()).filter((key) => key.alg === alg)
    const forecast = decidePromotion(ring, this.#store.now(), policy)
    if (forecast.act === 'wait') return { outcome: 'refused', safeFrom: forecast.safeFrom, reason: forecast.reason }

    const spare = await this.#draft(alg)
    const leaving = ring.find((key) => key.status === 'active')?.kid
    const decide = (current: SigningKeyRecord[], now: Instant) =>
      current.some((key) => key.kid === leaving && key.status === 'active')
        ? decidePromotion(current, now, policy)
        : ({ act: 'wait', safeFrom: null, reason: 'another process has just rotated this ring' } as const)
    return this.#store.promoteNextKey(
      alg,
      spare,
      decide,
      this.#audit.event('key.rotated', leaving ?? alg, { ...by, details: { mode } }),
    )
  }

  /**
   * Revokes a compromised key: out of the JWKS, its spare takes over, its tokens are denied by `deny`.
   * @returns the key as it was before.
   */
  async revoke(
    kid: string,
    deny: (key: SigningKeyRecord, now: Instant) => NewBlacklistEntry,
    by: Actor,
  ): Promise<RevocationOutcome> {
    const key = await this.#store.findKey(kid)
    if (!key) return { outcome: 'unknown' }
    return this.#store.revokeKey(kid, await this.#draft(key.alg), deny, this.#audit.event('key.revoked', kid, by))
  }

  list(): Promise<SigningKeyRecord[]> {
    return this.#store.listKeys()
  }

  /** Drops retired keys from the ring once no token of theirs can be alive. */
  retire(skewSeconds: number): Promise<string[]> {
    return this.#store.retireKeys(skewSeconds, (kid) => this.#audit.event('key.retired', kid, { actor: 'system' }))
  }
}

function encodedHeader(signer: Signer, typ: string): string {
  let header = signer.headers.get(typ)
  if (!header) {
    header = Buffer.from(JSON.stringify({ alg: signer.alg, typ, kid: signer.kid })).toString('base64url')
    signer.headers.set(typ, header)
  }
  return header
}
