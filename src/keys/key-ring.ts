/**
 * The signing keys in memory: for each algorithm one ring of the issuer, and one for each resource that has its own keys.
 * The ring signs with the active key (signer.ts), finds public keys by `kid`, and keeps the JWKS ready as bytes. It never
 * rotates a key (rotation.ts does), and it never writes an unsealed private key.
 */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../ground/clock.ts'
import { Unavailable } from '../ground/errors.ts'
import { fetchedWithin } from '../ground/silence.ts'
import { BY_SYSTEM, type AuditTrail } from '../audit.ts'
import type { Change } from '../store/records/change.ts'
import {
  SHARED_RING,
  isPublished,
  ownRing,
  type RingId,
  type RingName,
  type SigningAlgorithm,
  type SigningKeyRecord,
} from '../store/records/key.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Store } from '../store/store.ts'
import { SIGNING_ALGORITHMS, generateSigningKey } from './algorithms.ts'
import { jwksDocument, type JwksDocument } from './jwks.ts'
import type { MasterKeys } from './master-keys.ts'
import { areFirst, committedBy, publishedFrom } from './may-sign.ts'
import { Signer, type SignerNeeds } from './signer.ts'

interface RingKey {
  record: SigningKeyRecord
  publicKey: KeyObject
}

/** The key of a map of rings. */
const nameOf = ({ ring, alg }: RingId): string => `${alg} ${ring}`

/** The members of a resource that decide about its key set. */
type ResourceKeySet = Pick<ResourceRecord, 'id' | 'alg' | 'ownKeys' | 'sharedKeysUntil'>

/** Own rings that have a next key and never had an active one. */
function waitingOf(records: SigningKeyRecord[]): Map<string, RingId> {
  const own = records.filter(({ ring }) => ring !== SHARED_RING)
  const waiting = new Map(
    own.filter(({ status }) => status === 'next').map(({ ring, alg }) => [nameOf({ ring, alg }), { ring, alg }]),
  )
  for (const key of own) if (key.status === 'active') waiting.delete(nameOf(key))
  return waiting
}

export const sharedRing = (alg: SigningAlgorithm): RingId => ({ ring: SHARED_RING, alg })

/** Every replica that is ready has heard of a key that is older. */
const OLD_MS = fetchedWithin()

export class KeyRing {
  readonly noun = 'key'
  readonly #store: Store
  readonly #masterKeys: MasterKeys
  readonly #audit: AuditTrail
  readonly #signing: SignerNeeds
  /** How many signatures were made, since the process began. */
  readonly signatures: Record<SigningAlgorithm, number> = { ES256: 0, RS256: 0 }
  #published = new Map<string, RingKey>()
  /** By the name of their ring. */
  #signers = new Map<string, Signer>()
  /** Unsealed private keys by `kid`, active and next. No request waits for the unsealing after a promotion. */
  #unsealed = new Map<string, KeyObject>()
  /** By ring, both algorithms together. */
  #documents = new Map<RingName, JwksDocument>()
  /** Own rings together with the shared one, made when first asked for. */
  #together = new Map<RingName, JwksDocument>()
  /** The names of own rings whose first key is not known to caches yet. */
  #waiting = new Map<string, RingId>()
  /** The latest time at which each key was committed that is neither old nor one of the first. In time that passed. */
  #committedBy = new Map<string, number>()
  /** The number of the last reading that was begun. */
  #readings = 0
  /** The number of the newest reading that was taken over. */
  #taken = 0

  private constructor(store: Store, masterKeys: MasterKeys, audit: AuditTrail) {
    this.#store = store
    this.#masterKeys = masterKeys
    this.#audit = audit
    this.#signing = { store, signatures: this.signatures, reload: () => this.reload() }
  }

  /**
   * Opens the ring; on the very first start each algorithm gets an active and a next key.
   * @throws Fault where the private keys were sealed under another master key.
   */
  static async open(store: Store, masterKeys: MasterKeys, audit: AuditTrail): Promise<KeyRing> {
    const ring = new KeyRing(store, masterKeys, audit)
    const present = new Set((await store.listKeys()).map(nameOf))
    const missing = SIGNING_ALGORITHMS.map(sharedRing).filter((id) => !present.has(nameOf(id)))
    await Promise.all(missing.map((id) => ring.#seed(id)))
    await ring.reload()
    return ring
  }

  /** Makes the first keys of a resource's own ring, unless it has some. */
  async ensure(id: RingId): Promise<void> {
    if (this.#signers.has(nameOf(id)) || this.#waiting.has(nameOf(id))) return
    const outcome = await this.#seed(id)
    // If another process was faster, this process has not read its keys yet.
    if (outcome === 'exists') await this.reload()
    // The resource has changed, and this process has not heard of it.
    if (outcome === 'unused') await this.#store.pollChanges()
  }

  async #seed(id: RingId): Promise<'seeded' | 'exists' | 'unused'> {
    // To find the primes of an RSA key takes longest in a first start, so both keys are made at the same time.
    const [first, second] = await Promise.all([this.draft(id), this.draft(id)])
    // The write dates both alike: a verifier that has fetched one has fetched both, so `next` may take over at any time.
    const active = { ...first, status: 'active' as const }
    return this.#store.seedKeys(id, [active, second], this.#audit.event('key.seeded', active.kid, BY_SYSTEM))
  }

  /** Makes a fresh `next` key with its private key sealed. It is written nowhere yet. */
  async draft({ ring, alg }: RingId): Promise<SigningKeyRecord> {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(alg)
    return {
      kid,
      ring,
      alg,
      status: 'next',
      publicJwk,
      sealedPrivateKey: await this.#masterKeys.seal(privateJwk),
      createdAt: this.#store.now(),
      activatedAt: null,
      deactivatedAt: null,
      signedUntil: 0,
    }
  }

  /** Reads the rings from the database and takes them over. */
  async reload(): Promise<void> {
    const takeOver = await this.read()
    takeOver()
  }

  /** Reads the rings from the database. If two readings overlap, the one that began later is kept. */
  async read(_changes: Change[] = [], onUnreadable?: (row: string) => void): Promise<() => void> {
    const reading = (this.#readings += 1)
    const take = await this.#load(onUnreadable)
    return () => {
      if (reading < this.#taken) return
      this.#taken = reading
      take()
    }
  }

  async #load(onUnreadable?: (row: string) => void): Promise<() => void> {
    const rows = await this.#store.listKeys(onUnreadable)
    const records = rows.filter(isPublished)
    const published = new Map<string, RingKey>()
    const unsealed = new Map<string, KeyObject>()
    for (const record of records) {
      const publicKey =
        this.#published.get(record.kid)?.publicKey ?? createPublicKey({ key: { ...record.publicJwk }, format: 'jwk' })
      published.set(record.kid, { record, publicKey })
      if (record.status === 'retiring') continue
      const privateKey = this.#unsealed.get(record.kid) ?? (await this.#unseal(record))
      if (privateKey) unsealed.set(record.kid, privateKey)
    }
    // Asked after the keys were read: a replica that joins later reads them itself.
    const othersHearWithinMs = await this.#store.othersHearWithinMs()
    const rings = [...new Set(records.map(({ ring }) => ring))]
    const documents = rings.map((ring) => [ring, jwksDocument(records.filter((key) => key.ring === ring))] as const)
    return () => {
      this.#published = published
      this.#unsealed = unsealed
      this.#noteCommitted(rows)
      this.#signers = this.#signersOf(records, othersHearWithinMs)
      this.#waiting = waitingOf(records)
      this.#documents = new Map(documents)
      this.#together = new Map()
    }
  }

  /** `undefined` while this process lacks the master key: the ring verifies and publishes, and cannot sign. */
  async #unseal(record: SigningKeyRecord): Promise<KeyObject | undefined> {
    const jwk = (await this.#masterKeys.unseal(record.sealedPrivateKey)) as JsonWebKey | undefined // sealed by `draft`, authenticated by GCM
    return jwk && createPrivateKey({ key: jwk, format: 'jwk' })
  }

  #signersOf(records: SigningKeyRecord[], othersHearWithinMs: number): Map<string, Signer> {
    const signers = new Map<string, Signer>()
    for (const { kid, ring, alg, signedUntil } of records.filter((key) => key.status === 'active')) {
      const id = { ring, alg }
      const privateKey = this.#unsealed.get(kid)
      const known = this.#signers.get(nameOf(id))
      if (known?.kid === kid) {
        known.noteReserved(signedUntil)
        signers.set(nameOf(id), known)
      } else if (privateKey) {
        const from = publishedFrom(this.#committedBy.get(kid), othersHearWithinMs)
        signers.set(nameOf(id), new Signer({ kid, id, privateKey, signedUntil, publishedFrom: from }, this.#signing))
      }
    }
    return signers
  }

  #noteCommitted(rows: SigningKeyRecord[]): void {
    const now = performance.now()
    const shared = SIGNING_ALGORITHMS.map((alg) => rows.filter((key) => key.ring === SHARED_RING && key.alg === alg))
    const first = new Set(shared.filter(areFirst).flat())
    const later = rows.filter((key) => isPublished(key) && !first.has(key))
    const ages = later.map(({ kid, createdAt }) => ({ kid, ageMs: this.#store.now() - createdAt }))
    const fresh = ages.filter(({ ageMs }) => ageMs < OLD_MS)
    this.#committedBy = new Map(
      fresh.map(({ kid, ageMs }) => [kid, committedBy(this.#committedBy.get(kid) ?? now, ageMs, now)]),
    )
  }

  /** The JWKS of a ring as it is served (RFC 7517 §5); empty for a ring that has no keys yet. */
  jwks(ring: RingName = SHARED_RING): JwksDocument {
    return this.#documents.get(ring) ?? jwksDocument([])
  }

  /**
   * The keys that verify the tokens of a resource. Without keys of its own these are the shared ones, and those own keys that
   * it had before. With keys of its own the shared ones stay as long as a token of theirs can be left.
   */
  jwksOf({ id, ownKeys, sharedKeysUntil, alg }: ResourceKeySet): JwksDocument {
    const ring = ownRing(id)
    if (!ring || (!ownKeys && !this.#documents.has(ring))) return this.jwks()
    const isShared = !ownKeys || this.#waiting.has(nameOf({ ring, alg }))
    const mayBeLeft = sharedKeysUntil !== null && this.#store.now() <= sharedKeysUntil + fromSeconds(CLOCK_SKEW_SECONDS)
    return isShared || mayBeLeft ? this.#jwksTogether(ring) : this.jwks(ring)
  }

  #jwksTogether(ring: RingName): JwksDocument {
    const known = this.#together.get(ring)
    if (known) return known
    const records = this.published().filter((key) => key.ring === ring || key.ring === SHARED_RING)
    const made = jwksDocument(records)
    this.#together.set(ring, made)
    return made
  }

  /** The ring that signs where this one is to sign: the shared one, until caches know the first key of an own ring. */
  ringThatSigns(id: RingId): RingId {
    // Asked for every token, and hardly ever is a ring waiting.
    return this.#waiting.size > 0 && this.#waiting.has(nameOf(id)) ? sharedRing(id.alg) : id
  }

  /** The public key that verifies tokens with this `kid`, and the ring it is of: published ones only. */
  findPublicKey(kid: string): (RingId & { publicKey: KeyObject }) | undefined {
    const key = this.#published.get(kid)
    return key && { ring: key.record.ring, alg: key.record.alg, publicKey: key.publicKey }
  }

  /**
   * Begins to sign claims as a compact JWS (RFC 7515) with the active key of a ring. It begins in this turn of the event
   * loop, so the signed claims are those that were just checked.
   * @param claims must hold `iat`, and `exp` where the token ends; in seconds
   * @returns `undefined` where the key's high-water mark is before `exp`, or there is no key: `makeReady` first
   */
  trySign(id: RingId, typ: string, claims: { exp?: number; iat: number }): Promise<string> | undefined {
    return this.#signers.get(nameOf(id))?.trySign(typ, claims)
  }

  /** Raises the high-water mark of a ring's active key past `until`, and makes the first keys of a resource's own ring. */
  async makeReady(id: RingId, until: Instant, lifetimeMs: number): Promise<void> {
    const signer = this.#signers.get(nameOf(id))
    if (!signer) {
      if (id.ring === SHARED_RING) throw new Unavailable(`no ${id.alg} key can sign now`)
      // A resource that has just been given keys of its own, perhaps by another process.
      return this.ensure(id)
    }
    await signer.makeReady(until, lifetimeMs)
  }

  /** Every ring that signs or will: the shared ones, and those that resources have to themselves. */
  rings(): RingId[] {
    return [...[...this.#signers.values()].map(({ id }) => id), ...this.#waiting.values()]
  }

  /** The shared rings, or those of a resource that is named; of one algorithm or of all that there are. */
  ringsOf({ alg, resource }: { alg?: SigningAlgorithm | undefined; resource?: string | undefined }): RingId[] {
    const name = resource === undefined ? SHARED_RING : ownRing(resource)
    return this.rings().filter(({ ring, alg: its }) => ring === name && (alg === undefined || its === alg))
  }

  list(): Promise<SigningKeyRecord[]> {
    return this.#store.listKeys()
  }

  /** The published keys in memory. They can be listed while the database does not answer. */
  published(): SigningKeyRecord[] {
    return [...this.#published.values()].map(({ record }) => record)
  }
}
