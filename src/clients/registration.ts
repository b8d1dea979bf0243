/**
 * What is done to clients: created, changed, their secrets rotated, disabled, deleted. The admin API, the
 * command line and the declarative file are doors to these acts. Secrets are returned once and never again.
 */
import { randomUUID } from 'node:crypto'
import type { Actor, AuditTrail } from '../audit.ts'
import { denyAndRefuse, denyDeleted } from '../blacklist/entry.ts'
import { fromSeconds } from '../ground/clock.ts'
import { conflict, invalidRequest, notFound } from '../ground/errors.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { CREATED_BY_DISABLING, type ClientRecord, type ClientSecret, type Store } from '../store/store.ts'
import { blankClient, requireSoundClient, usesSecret } from './client.ts'
import type { ClientSecrets } from './secret.ts'

/** The fields that registration may set; absent ones keep their default or present value. */
export type ClientChange = Partial<
  Omit<ClientRecord, 'clientId' | 'secrets' | 'disabledAt' | 'grantsEndedUntil' | 'createdAt' | 'updatedAt'>
>

export interface RegisteredClient {
  client: ClientRecord
  /** Only where one was generated now. */
  secret: string | undefined
}

/** Old secrets that may be in their overlap at once. */
const MOST_LEAVING = 3

/** Overlap of a rotated secret unless said otherwise, in seconds. */
const OVERLAP = 86_400

export class ClientRegistry {
  readonly #store: Store
  readonly #secrets: ClientSecrets
  readonly #keys: KeyRing
  readonly #audit: AuditTrail

  constructor(rooms: { store: Store; secrets: ClientSecrets; keys: KeyRing; audit: AuditTrail }) {
    this.#store = rooms.store
    this.#secrets = rooms.secrets
    this.#keys = rooms.keys
    this.#audit = rooms.audit
  }

  /**
   * Registers a client. One that authenticates by secret gets a generated one, or keeps `broughtSecret`.
   * @throws OAuthError `invalid_client_metadata`; 409 where the id is taken.
   */
  async create(
    wanted: { clientId?: string | undefined; broughtSecret?: string | undefined } & ClientChange,
    by: Actor,
  ): Promise<RegisteredClient> {
    const { clientId = randomUUID(), broughtSecret, ...change } = wanted
    const now = this.#store.now()
    const client: ClientRecord = { ...blankClient(clientId, now), ...change }
    requireSoundClient(client)

    let secret: string | undefined
    if (usesSecret(client) && broughtSecret !== undefined)
      client.secrets = [await this.#secrets.bring(broughtSecret, now)]
    else if (usesSecret(client)) {
      const issued = this.#secrets.generate(now)
      secret = issued.secret
      client.secrets = [issued.record]
    }
    const outcome = await this.#store.createClient(client, this.#audit.event('client.created', clientId, by))
    if (outcome === 'exists')
      throw conflict(`client "${clientId}" exists already; change it with: signet client update ${clientId}`)
    if (outcome === 'subject')
      throw conflict(`"${clientId}" is known as a person's sub; a client needs an id of its own`)
    return { client, secret }
  }

  list(): Promise<ClientRecord[]> {
    return this.#store.listClients()
  }

  async get(clientId: string): Promise<ClientRecord> {
    return found(await this.#store.findClient(clientId))
  }

  /** Changes metadata; a client that now needs a secret and has none gets one. */
  async update(clientId: string, change: ClientChange, by: Actor): Promise<RegisteredClient> {
    const now = this.#store.now()
    const spare = this.#secrets.generate(now)
    let secret: string | undefined
    const apply = (current: ClientRecord): ClientRecord => {
      const next: ClientRecord = { ...current, ...change, updatedAt: now }
      if (next.tokenEndpointAuthMethod !== 'private_key_jwt' && change.jwks === undefined) next.jwks = null
      secret = undefined
      if (!usesSecret(next)) next.secrets = []
      else if (next.secrets.length === 0) {
        next.secrets = [spare.record]
        secret = spare.secret
      }
      requireSoundClient(next)
      return next
    }
    const details = { changed: Object.keys(change).join(' ') }
    const client = await this.#store.updateClient(
      clientId,
      apply,
      this.#audit.event('client.updated', clientId, { ...by, details }),
    )
    return { client: found(client), secret }
  }

  /** A new secret; the ones before it end by themselves after the overlap (seconds), or sooner if they were to. */
  async rotateSecret(clientId: string, by: Actor, overlapSeconds: number = OVERLAP): Promise<RegisteredClient> {
    const issued = this.#secrets.generate(this.#store.now())
    const client = await this.#addSecret(clientId, issued.record, by, overlapSeconds)
    return { client, secret: issued.secret }
  }

  /** Replaces the secret by one that an operator brought, at once. */
  async bringSecret(clientId: string, secret: string, by: Actor): Promise<ClientRecord> {
    return this.#addSecret(clientId, await this.#secrets.bring(secret, this.#store.now()), by, 0)
  }

  async #addSecret(clientId: string, record: ClientSecret, by: Actor, overlapSeconds: number): Promise<ClientRecord> {
    const now = this.#store.now()
    const end = now + fromSeconds(overlapSeconds)
    const apply = (current: ClientRecord): ClientRecord => {
      if (!usesSecret(current))
        throw invalidRequest(
          `client "${clientId}" authenticates by ${current.tokenEndpointAuthMethod}, without a secret`,
        )
      const standing = current.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
      // A rotation that is retried makes several; the one that is in use must not be pushed out by them.
      const inUseFirst = (secret: ClientSecret) => secret.lastUsedAt ?? 0
      const leaving = standing
        .toSorted((a, b) => inUseFirst(b) - inUseFirst(a) || a.createdAt - b.createdAt)
        .slice(0, MOST_LEAVING)
      const ending = leaving.map((old) => ({ ...old, expiresAt: Math.min(end, old.expiresAt ?? end) }))
      return { ...current, secrets: [...ending.filter(({ expiresAt }) => expiresAt > now), record], updatedAt: now }
    }
    const details = { overlap_seconds: overlapSeconds }
    const event = this.#audit.event('client.secret_rotated', clientId, { ...by, details })
    return found(await this.#store.updateClient(clientId, apply, event))
  }

  /** Whether a secret is one that the client has now. */
  async hasSecret(clientId: string, secret: string): Promise<boolean> {
    return (await this.#secrets.find(await this.get(clientId), secret, this.#store.now(), false)) !== undefined
  }

  /** Refuses the client everything and denies its live tokens, here and downstream, until it is enabled. */
  async disable(clientId: string, by: Actor): Promise<ClientRecord> {
    const now = this.#store.now()
    const deny = denyAndRefuse(
      'client_id',
      clientId,
      { expiresAt: null, latestExpiry: await this.#keys.findLatestExpiry() },
      { reason: 'client disabled', createdBy: CREATED_BY_DISABLING, now },
    )
    return found(await this.#store.disableClient(clientId, deny, this.#audit.event('client.disabled', clientId, by)))
  }

  async enable(clientId: string, by: Actor): Promise<ClientRecord> {
    return found(await this.#store.enableClient(clientId, this.#audit.event('client.enabled', clientId, by)))
  }

  async delete(clientId: string, by: Actor): Promise<void> {
    const origin = { reason: 'client deleted', createdBy: by.id, now: this.#store.now() }
    const lastSeen = Math.max(0, ...(await this.get(clientId)).secrets.map(({ lastUsedAt }) => lastUsedAt ?? 0))
    const deny = denyDeleted(clientId, await this.#keys.findLatestExpiry(), origin, lastSeen)
    const outcome = await this.#store.deleteClient(clientId, deny, this.#audit.event('client.deleted', clientId, by))
    if (outcome === 'unknown') throw notFound('this client')
  }
}

function found(client: ClientRecord | undefined): ClientRecord {
  if (!client) throw notFound('this client')
  return client
}
