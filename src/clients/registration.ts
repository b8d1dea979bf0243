/**
 * The acts on clients: create, change, rotate secrets, disable, delete. The admin API and the command line perform them
 * one at a time. The declarative file takes them as operations, and performs all of its operations in one write. A
 * secret is returned once and never again.
 */
import { randomUUID } from 'node:crypto'
import type { Actor, AuditTrail } from '../audit.ts'
import { denyAndRefuse, denyDeleted, denyUntil, denyUpToNow, type Origin } from '../blacklist/entry.ts'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { conflict, invalidClientMetadata, invalidRequest, notFound } from '../ground/errors.ts'
import { namesOf } from '../ground/metadata.ts'
import { leaving } from './secret-overlap.ts'
import { wordOr } from '../ground/shell-word.ts'
import type { Moment } from '../store/records/blacklist.ts'
import type { SessionEnding } from '../store/records/session.ts'
import type { ClientRecord, ClientSecret } from '../store/records/client.ts'
import type { OperationOf, Store } from '../store/store.ts'
import { BroughtSecret } from './brought-secret.ts'
import { newClient, requireSoundClient, usesSecret, type ClientChange } from './client.ts'
import { isRedirectUri } from './redirect-uri.ts'
import type { ClientSecrets, IssuedSecret } from './secret.ts'
import { CLIENT_FIELDS } from './wire.ts'

/** A change that depends on the client as it is inside the write. */
export type ClientChanging = (current: ClientRecord) => ClientChange

export interface RegisteredClient {
  client: ClientRecord
  /** Only if a secret was generated now. */
  secret: string | undefined
}

export interface RotatedClient extends RegisteredClient {
  /** Earlier secrets that ended at once, without an overlap. */
  endedSecrets: ClientSecret[]
}

export interface CreatedClient extends RegisteredClient {
  /** Grants that ended because a person had the client's id as `sub`: the operator's choice of a name wins. */
  endedGrants: number
  /** Whether a user had the client's id as `sub`, who is disabled now. */
  isUserDisabled: boolean
}

/** Overlap of a rotated secret unless said otherwise, in seconds. */
const OVERLAP = 86_400

export class ClientRegistry {
  readonly #store: Store
  readonly #secrets: ClientSecrets
  readonly #audit: AuditTrail

  constructor(needs: { store: Store; secrets: ClientSecrets; audit: AuditTrail }) {
    this.#store = needs.store
    this.#secrets = needs.secrets
    this.#audit = needs.audit
  }

  /**
   * Registers a client. A client that authenticates by secret gets a generated secret.
   * @throws OAuthError `invalid_client_metadata`; 409 where the id is taken.
   */
  async create(wanted: { clientId?: string | undefined } & ClientChange, by: Actor): Promise<CreatedClient> {
    const { clientId = randomUUID(), ...change } = wanted
    const now = this.#store.now()
    const client = newClient(clientId, now, change)
    requireSoundClient(client)
    const issued = usesSecret(client) ? this.#secrets.generate(now) : undefined
    if (issued) client.secrets = [issued.record]
    const created = await this.#store.createClient(...this.creation(client, by).needs)
    if (created.outcome === 'exists')
      throw conflict(
        `client "${clientId}" exists already; change it with: signet client update ${wordOr('ID', clientId)}`,
      )
    if (created.outcome === 'ended')
      throw conflict(
        `client "${clientId}" was deleted by an operator; bring it back with: signet client create --id ${wordOr('ID', clientId)}`,
      )
    const { key, endedGrants, isUserDisabled } = created
    return { client: { ...client, key }, secret: issued?.secret, endedGrants, isUserDisabled }
  }

  /** The operation that registers a sound client with the secrets of its record. */
  creation(client: ClientRecord, by: Actor): OperationOf<'createClient'> {
    const { clientId } = client
    const origin: Origin = { cause: 'name_taken', reason: 'a client has this name', by }
    const deny = (moment: Moment) => denyUpToNow('sub', clientId, { heardLate: true }, origin, moment)
    const why = { ...by, details: { reason: 'a client has this name' } }
    const ended = (sid: string) => this.#audit.event('grant.ended', sid, why)
    const session: SessionEnding = {
      reason: 'a client has this name',
      deny: ({ sid, accessExpiresAt }, moment) => denyUntil('sid', sid, accessExpiresAt, origin, moment),
      isKeepingOffline: false,
      event: ({ id }) => this.#audit.event('session.ended', id, why),
    }
    const closed = this.#audit.event('user.disabled', clientId, why)
    const event = this.#audit.event('client.created', clientId, by)
    return { verb: 'createClient', needs: [client, { deny, ended, session, closed }, event] }
  }

  list(): Promise<ClientRecord[]> {
    return this.#store.listClients()
  }

  async get(clientId: string): Promise<ClientRecord> {
    return found(await this.#store.findClient(clientId))
  }

  /** Changes metadata; a client that now needs a secret and has none gets one. */
  async update(clientId: string, change: ClientChange | ClientChanging, by: Actor): Promise<RegisteredClient> {
    const { operation, spare } = this.change(clientId, change, by)
    const client = found(await this.#store.updateClient(...operation.needs))
    const isSpareUsed = client.secrets.some(({ id }) => id === spare.record.id)
    return { client, secret: isSpareUsed ? spare.secret : undefined }
  }

  /**
   * The operation of `update`, and a spare secret: a client that needs a secret and has none gets it. The declarative file
   * gives no such secret, because nobody would see it.
   */
  change(
    clientId: string,
    changing: ClientChange | ClientChanging,
    by: Actor,
  ): { operation: OperationOf<'updateClient'>; spare: IssuedSecret } {
    const spare = this.#secrets.generate(this.#store.now())
    const event = this.#audit.event('client.updated', clientId, by)
    const apply = (current: ClientRecord, now: Instant): ClientRecord => {
      const change = typeof changing === 'function' ? changing(current) : changing
      // Inside the write it is known what changes.
      event.details = { ...event.details, changed: namesOf(CLIENT_FIELDS, change).join(' ') }
      const next: ClientRecord = { ...current, ...change, updatedAt: now }
      if (next.tokenEndpointAuthMethod !== 'private_key_jwt') {
        if (change.jwks === undefined) next.jwks = null
        if (change.jwksUri === undefined) next.jwksUri = null
      }
      if (!usesSecret(next)) next.secrets = []
      else if (next.secrets.length === 0 && by.kind !== 'config') next.secrets = [spare.record]
      requireSoundClient(next)
      return next
    }
    return { operation: { verb: 'updateClient', needs: [clientId, apply, event] }, spare }
  }

  /** Adds a new secret. Earlier secrets end after the overlap (seconds), or at their own end if that is sooner. */
  async rotateSecret(clientId: string, by: Actor, overlapSeconds: number = OVERLAP): Promise<RotatedClient> {
    const issued = this.#secrets.generate(this.#store.now())
    let endedSecrets: ClientSecret[] = []
    const { needs } = this.secretAddition(clientId, issued.record, by, overlapSeconds, (ended) => {
      endedSecrets = ended
    })
    return { client: found(await this.#store.updateClient(...needs)), secret: issued.secret, endedSecrets }
  }

  /** A secret of the declarative file, to be compared and hashed before it is added. */
  brought(secret: string): BroughtSecret {
    return new BroughtSecret(this.#secrets, secret)
  }

  /**
   * The operation that adds a secret. Without an overlap, it replaces all earlier secrets at once.
   * @param tellEnded is called inside the write with the secrets that end at once
   */
  secretAddition(
    clientId: string,
    record: ClientSecret,
    by: Actor,
    overlapSeconds: number,
    tellEnded: (ended: ClientSecret[]) => void = () => {},
  ): OperationOf<'updateClient'> {
    const details = { overlap_seconds: overlapSeconds }
    const event = this.#audit.event('client.secret_rotated', clientId, { ...by, details })
    const apply = (current: ClientRecord, now: Instant): ClientRecord => {
      const end = now + fromSeconds(overlapSeconds)
      if (!usesSecret(current))
        throw invalidRequest(
          `client "${clientId}" authenticates by ${current.tokenEndpointAuthMethod}, without a secret`,
          { isOfRecords: true },
        )
      const { staying, ended } = leaving(current.secrets, end, now)
      tellEnded(ended)
      // Inside the write it is known which secrets end.
      const ids = ended.map(({ id }) => id).join(' ')
      event.details = { ...event.details, ...(ids !== '' && { ended_secrets: ids }) }
      return { ...current, secrets: [...staying, record], updatedAt: now }
    }
    return { verb: 'updateClient', needs: [clientId, apply, event] }
  }

  /** Disables a client: its requests are refused and its live tokens are denied, here and downstream, until it is enabled. */
  async disable(clientId: string, by: Actor): Promise<ClientRecord> {
    return found(await this.#store.disableClient(...this.disabling(clientId, by).needs))
  }

  /** The operation of `disable`. */
  disabling(clientId: string, by: Actor): OperationOf<'disableClient'> {
    const deny = (moment: Moment) =>
      denyAndRefuse('client_id', clientId, null, { cause: 'client_disabled', reason: 'client disabled', by }, moment)
    return { verb: 'disableClient', needs: [clientId, deny, this.#audit.event('client.disabled', clientId, by)] }
  }

  async enable(clientId: string, by: Actor): Promise<ClientRecord> {
    return found(await this.#store.enableClient(clientId, this.#audit.event('client.enabled', clientId, by)))
  }

  /** Ends a client with its grants and tokens. A new client with the same id inherits none of them. */
  async delete(clientId: string, by: Actor): Promise<void> {
    const outcome = await this.#store.deleteClient(...this.deletion(clientId, by).needs)
    if (outcome === 'unknown') throw notFound('this client')
  }

  /** The operation of `delete`. */
  deletion(clientId: string, by: Actor): OperationOf<'deleteClient'> {
    const deny = (moment: Moment, client: ClientRecord) => {
      const lastSeen = Math.max(0, ...client.secrets.map(({ lastUsedAt }) => lastUsedAt ?? 0))
      const origin = { cause: 'client_deleted', reason: 'client deleted', by } as const
      const upToNow = denyUpToNow('client_id', clientId, { heardLate: true, lastSeen }, origin, moment)
      return [upToNow, denyDeleted(clientId, origin, moment)]
    }
    return { verb: 'deleteClient', needs: [clientId, deny, this.#audit.event('client.deleted', clientId, by)] }
  }
}

/**
 * Adds redirect URIs to those that the client has, and makes other changes with it.
 * @throws OAuthError `invalid_client_metadata` inside the write where one may not be registered
 */
export const addRedirectUris =
  (uris: string[], change: ClientChange = {}): ClientChanging =>
  (current) => {
    const bad = uris.find((uri) => !isRedirectUri(uri))
    if (bad !== undefined)
      throw invalidClientMetadata(
        'redirect_uris: expected an https URI without fragment, or another of the accepted forms',
      )
    const { redirectUris = current.redirectUris } = change
    return { ...change, redirectUris: [...new Set([...redirectUris, ...uris])] }
  }

function found(client: ClientRecord | undefined): ClientRecord {
  if (!client) throw notFound('this client')
  return client
}
