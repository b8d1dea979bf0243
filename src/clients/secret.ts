/**
 * Client secrets. A generated secret has 256 random bits, so it is stored as a keyed digest and checked in microseconds. A
 * secret that an operator brings may be guessable, so it is stored as argon2id. A process computes argon2id once for each
 * such secret, then remembers a digest under a key of its own.
 */
import { hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { invalidClientMetadata } from '../ground/errors.ts'
import type { Instant } from '../ground/clock.ts'
import type { CacheCounts } from '../ground/counts.ts'
import type { MasterKey } from '../keys/master-key.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import type { ClientRecord, ClientSecret, EndedSecret, SecretUse } from '../store/records/client.ts'
import type { Lane, PasswordQueue } from '../ground/hash-queue.ts'
import { CLIENT_SECRET_PREFIX } from '../ground/looks-secret.ts'
import { matchesSlowHash, NOBODYS_HASH, slowHash } from '../ground/slow-hash.ts'
import { LEAST_BROUGHT_CHARACTERS, MOST_BROUGHT_CHARACTERS } from './client.ts'

/** Compared with for a client that does not exist. */
const NO_DIGEST = Buffer.alloc(32)

const MOST_REMEMBERED = 10_000

export interface IssuedSecret {
  /** Shown once. */
  secret: string
  record: ClientSecret
}

export class ClientSecrets {
  readonly #asked: CacheCounts
  readonly #masterKeys: MasterKeys
  readonly #memoryKey = randomBytes(32).toString('base64url')
  readonly #queue: PasswordQueue
  /** Digests of brought secrets that argon2id has accepted in this process, oldest first. */
  readonly #accepted = new Set<string>()
  /** Checks under way, by the same digests. */
  readonly #checking = new Map<string, Promise<boolean>>()

  /**
   * @param asked counts how often a remembered digest was found, and how often not
   * @param queue in which all slow hashes of this process wait
   */
  constructor(masterKeys: MasterKeys, asked: CacheCounts, queue: PasswordQueue) {
    this.#asked = asked
    this.#masterKeys = masterKeys
    this.#queue = queue
  }

  /** A fresh secret and the record that keeps it. @throws Unavailable while this process lacks the current master key */
  generate(now: Instant): IssuedSecret {
    const secret = CLIENT_SECRET_PREFIX + randomBytes(32).toString('base64url')
    const { current } = this.#masterKeys
    const record = this.#record('generated', digestUnder(current, secret).toString('base64url'), now)
    return { secret, record: { ...record, masterKeyId: current.id } }
  }

  /**
   * The digest of a secret under the current master key; `undefined` where the secret has it, or needs none.
   * @param known the digest that was made at the use before, and is not written yet
   */
  renew(
    { kind, digest, masterKeyId }: ClientSecret,
    presented: string,
    known?: SecretUse['renewed'],
  ): SecretUse['renewed'] {
    const successor = kind === 'generated' ? this.#masterKeys.successorOf(masterKeyId) : undefined
    if (!successor) return undefined
    if (known?.from === digest && known.masterKeyId === successor.id) return known
    return { from: digest, digest: digestUnder(successor, presented).toString('base64url'), masterKeyId: successor.id }
  }

  /** The record that keeps a secret which an operator brought. */
  async bring(secret: string, now: Instant): Promise<ClientSecret> {
    if (secret.length < LEAST_BROUGHT_CHARACTERS || secret.length > MOST_BROUGHT_CHARACTERS) {
      throw invalidClientMetadata(
        `a client secret that you bring has ${LEAST_BROUGHT_CHARACTERS} to ${MOST_BROUGHT_CHARACTERS} characters; this one has ${secret.length}`,
      )
    }
    const record = this.#record('brought', await slowHash(secret), now)
    // This process has paid for the secret now, so its first use costs nothing more.
    this.#remember(this.#memory(record, secret))
    return record
  }

  #record(kind: ClientSecret['kind'], digest: string, now: Instant): ClientSecret {
    return { id: randomUUID(), kind, digest, masterKeyId: null, createdAt: now, expiresAt: null, lastUsedAt: null }
  }

  /**
   * Which of a client's secrets this is, if any. An unknown client takes as long as a known client.
   * @param priceOfBrought whether a wrong secret costs an argon2id check although this client has no brought secret. It
   *   does if any client has one: otherwise the time would tell which clients have brought secrets.
   * @param network the network of the caller, which waits in a queue of its own; empty for the operator
   * @throws Unavailable when too many secrets are being hashed at once.
   */
  async find(
    client: ClientRecord | undefined,
    presented: string,
    now: Instant,
    priceOfBrought: boolean,
    network = '',
  ): Promise<ClientSecret | undefined> {
    const standing = client?.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now) ?? []
    if (presented.length > MOST_BROUGHT_CHARACTERS) return undefined
    // A secret that looks generated may come from another Signet, and then it was brought.
    if (presented.startsWith(CLIENT_SECRET_PREFIX)) {
      const generated = this.#findGenerated(standing, presented)
      if (generated || !standing.some(({ kind }) => kind === 'brought')) return generated
    }
    const lane = { client: client?.clientId ?? '', network }
    return this.#findBrought(lane, standing, presented, priceOfBrought)
  }

  /** Whether a secret that was ended is this one, generated or brought; for an operator, at the operator's pace. */
  async matches(secret: string, ended: EndedSecret): Promise<boolean> {
    const { digest } = ended
    return digest.startsWith('$argon2') ? matchesSlowHash(digest, secret) : this.#matchesEnded(secret, ended)
  }

  /** After its master key was retired, nobody can tell which generated secret was ended: then each of that look was. */
  #matchesEnded(secret: string, { digest, masterKeyId }: EndedSecret): boolean {
    if (digest.startsWith('jwk:')) return false
    const key = this.#masterKeys.find(masterKeyId)
    return key ? digestUnder(key, secret).toString('base64url') === digest : secret.startsWith(CLIENT_SECRET_PREFIX)
  }

  #findGenerated(secrets: ClientSecret[], presented: string): ClientSecret | undefined {
    let found: ClientSecret | undefined
    // Without a secret to compare with, the comparison is made all the same, so that it takes the same time.
    if (secrets.length === 0) timingSafeEqual(digestUnder(this.#masterKeys.current, presented), NO_DIGEST)
    let made: { digest: Buffer; under: string | null } | undefined
    for (const secret of secrets.filter(({ kind }) => kind === 'generated')) {
      const under = secret.masterKeyId
      // Nearly always all secrets of a client are digested under one key.
      if (made?.under !== under) made = { digest: digestUnder(this.#masterKeys.get(under), presented), under }
      if (timingSafeEqual(made.digest, Buffer.from(secret.digest, 'base64url'))) found = secret
    }
    return found
  }

  async #findBrought(lane: Lane, secrets: ClientSecret[], presented: string, priceOfBrought: boolean) {
    const candidates = secrets.filter(({ kind }) => kind === 'brought')
    for (const secret of candidates) {
      if (await this.#matchesBrought(lane, secret, presented)) return secret
    }
    const guessesAreDear = candidates.length === 0 && priceOfBrought
    if (guessesAreDear) await this.#queue.run(lane, () => matchesSlowHash(NOBODYS_HASH, presented))
    return undefined
  }

  /** If many requests bring the same secret at once, it is hashed once for all of them. */
  #matchesBrought(lane: Lane, secret: ClientSecret, presented: string): boolean | Promise<boolean> {
    const memory = this.#memory(secret, presented)
    const known = this.#accepted.has(memory) || this.#checking.get(memory)
    this.#asked[known ? 'hit' : 'miss'] += 1
    if (known) return known
    const outcome = this.#queue
      .run(lane, () => matchesSlowHash(secret.digest, presented))
      .then((matches) => {
        if (matches) this.#remember(memory)
        return matches
      })
      .finally(() => this.#checking.delete(memory))
    this.#checking.set(memory, outcome)
    return outcome
  }

  /** Covers the hash, so that a changed secret is a different memory. */
  #memory(secret: ClientSecret, presented: string): string {
    return hash('sha256', `${this.#memoryKey}\n${secret.id}\n${secret.digest}\n${presented}`, 'base64url')
  }

  #remember(memory: string): void {
    if (this.#accepted.size >= MOST_REMEMBERED) {
      const oldest = this.#accepted.values().next().value
      if (oldest !== undefined) this.#accepted.delete(oldest)
    }
    this.#accepted.add(memory)
  }
}

const digestUnder = ({ clientSecrets }: MasterKey, secret: string): Buffer => clientSecrets.digest(Buffer.from(secret))
