/** Clients with their secrets. Deleting a client deletes one row. Its grants are invalid from then on, and swept later. */
import type { Instant } from '../../ground/clock.ts'
import { digestOfKey, SIGN_IN_DEFAULTS } from '../records/client.ts'
import {
  find,
  insert,
  insertIfAbsent,
  remove,
  select,
  time,
  update,
  type Act,
  type Engine,
  type Unreadable,
} from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import type { Moment, NewBlacklistEntry } from '../records/blacklist.ts'
import type { ClientRecord, ClientSecret, CreationOutcome, EndedSecret, SecretUse } from '../records/client.ts'
import { isExpired, type GrantRecord } from '../records/grant.ts'
import type { Store } from '../store.ts'
import type { RowOf } from '../table.ts'
import { endedUsers, sessions, users } from '../tables/people.ts'
import { clients, clientSecrets, deletedClients, endedClients, endedSecrets } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { fileAfter, fileOf, isByFile, record } from './audit.ts'
import { grantOf } from './grant-rows.ts'
import { endable } from './grants.ts'
import { addDenials, endNamedGrants, liftCause, liftRefusals, standingFor } from './blacklist.ts'
import { isMasterKeyUsable, requireUsableMasterKey } from './master-key-rows.ts'
import { findClient, toClient } from './client-rows.ts'
import { endSession } from './session-ends.ts'
import { packMembers, withoutMembers } from './members.ts'

type Verbs = Pick<
  Store,
  | 'listClients'
  | 'findClient'
  | 'createClient'
  | 'updateClient'
  | 'disableClient'
  | 'enableClient'
  | 'deleteClient'
  | 'noteSecretUse'
>

export const clientVerbs = (engine: Engine): Verbs => ({
  listClients: (onUnreadable) => engine.read(() => listClients(onUnreadable)),
  findClient: (clientId) => engine.read(() => findClient(clientId)),
  createClient: (client, person, event) => engine.act(() => createClient(client, person, event), 'exclusive'),
  updateClient: (clientId, change, event) => engine.act(() => updateClient(clientId, change, event), 'exclusive'),
  disableClient: (clientId, deny, event) => engine.act(() => disableClient(clientId, deny, event), 'exclusive'),
  enableClient: (clientId, event) => engine.act(() => enable(clientId, event), 'exclusive'),
  deleteClient: (clientId, deny, event) => engine.act(() => deleteClient(clientId, deny, event), 'exclusive'),
  // Guarded: a change of a client writes its secrets anew, with the use that it has read.
  noteSecretUse: (uses) => engine.act(() => noteUse(uses)),
})

/** How many digests of ended secrets are kept for a client. */
const MOST_ENDED = 20

type Person = Parameters<Store['createClient']>[1]

/** The columns of a client; its secrets have rows of their own. */
export function toClientRow(full: ClientRecord): RowOf<typeof clients> {
  const { secrets: _, ...client } = full
  return { ...withoutMembers(SIGN_IN_DEFAULTS, client), signIn: packMembers(SIGN_IN_DEFAULTS, client) }
}

export function* listClients(onUnreadable?: Unreadable): Act<ClientRecord[]> {
  const secrets = Map.groupBy(yield* select(clientSecrets, { orderBy: 'position' }), ({ clientKey }) => clientKey)
  const rows = yield* select(clients, { orderBy: 'clientId', onUnreadable })
  return rows.map((row) => toClient(row, secrets.get(row.key) ?? []))
}

export function* createClient(client: ClientRecord, person: Person, event: Recording): Act<CreationOutcome> {
  const { clientId, secrets } = client
  if (yield* find(clients, { clientId })) return { outcome: 'exists' }
  if (isByFile(event) && (yield* find(endedClients, { clientId }))) return { outcome: 'ended' }
  yield* remove(endedClients, { clientId })
  // An entry that refuses everything of a deleted client would refuse the new one as well.
  yield* liftRefusals('client_id', clientId, 'client_deleted')
  const endedGrants = yield* endSubject(clientId, person)
  const isUserDisabled = yield* closeUser(clientId, person)
  const key = yield* insert(clients, { ...toClientRow(client), key: 0, declaredBy: fileOf(event) })
  yield* insertSecrets(key, secrets)
  yield* record(event)
  return { outcome: 'created', key, endedGrants, isUserDisabled }
}

/** A person who has had the client's id as `sub` loses grants and tokens: the operator's choice of a name wins. */
function* endSubject(sub: string, { deny, ended }: Person): Act<number> {
  const now = yield* time()
  const live = yield* listLiveOfPerson(sub, now)
  if (live.length === 0 && !(yield* hasOpenTokens(sub))) return 0
  for (const entry of yield* addDenials((moment) => [deny(moment)])) yield* endNamedGrants(entry, now)
  for (const { sid } of live) yield* record(ended(sid))
  return live.length
}

/** Whether access tokens of a grant that has ended are accepted: no entry stands against them. */
function* hasOpenTokens(sub: string): Act<boolean> {
  for (const { sid, endedAt } of yield* endable({ sub }))
    if (endedAt !== null && (yield* standingFor('sid', sid)).length === 0) return true
  return false
}

/**
 * A user who has the client's id is disabled: sessions end, and tokens up to now are denied. An entry that
 * refuses the user would refuse the client as well, so it is lifted.
 * @returns whether there is such a user
 */
function* closeUser(id: string, { deny, session, closed }: Person): Act<boolean> {
  const user = yield* find(users, { id })
  if (!user && !(yield* find(endedUsers, { id }))) return false
  for (const each of yield* select(sessions, { where: { userId: id, endedAt: null } }))
    yield* endSession(each.id, session)
  for (const cause of ['user_disabled', 'user_deleted'] as const) yield* liftRefusals('sub', id, cause)
  yield* addDenials((moment) => [deny(moment)])
  if (!user) return false
  const now = yield* time()
  yield* update(users, { id }, { disabledAt: user.disabledAt ?? now, updatedAt: now })
  yield* record(closed)
  return true
}

/** Live grants that other clients hold for this subject. A grant in a client's own name belongs to no person. */
export function* listLiveOfPerson(sub: string, now: Instant): Act<GrantRecord[]> {
  const live: GrantRecord[] = []
  for (const row of yield* select(grants, { where: { sub, endedAt: null } })) {
    const client = yield* find(clients, { key: row.clientKey })
    const grant = grantOf(row, client)
    if (grant && grant.clientId !== sub && grant.endedAt === null && !isExpired(grant, now)) live.push(grant)
  }
  return live
}

export function* updateClient(
  clientId: string,
  change: (current: ClientRecord, now: Instant) => ClientRecord,
  event: Recording,
): Act<ClientRecord | undefined> {
  const current = yield* findClient(clientId)
  if (!current) return undefined
  const now = yield* time()
  const next: ClientRecord = {
    ...change(current, now),
    clientId,
    key: current.key,
    declaredBy: fileAfter(current, event),
  }
  const { secrets, key } = next
  const { key: _, ...row } = toClientRow(next)
  yield* update(clients, { clientId }, row)
  if (!isByFile(event)) yield* rememberEnded(current, next, now)
  yield* remove(clientSecrets, { clientKey: key })
  yield* insertSecrets(key, secrets)
  yield* record(event)
  return next
}

/** Remembers the secrets and public keys that this change ends, at once or later. */
function* rememberEnded(current: ClientRecord, next: Pick<ClientRecord, 'secrets' | 'jwks'>, now: Instant): Act<void> {
  const { clientId } = current
  const staying = new Set(next.secrets.filter(({ expiresAt }) => expiresAt === null).map(({ id }) => id))
  const keys = new Set(next.jwks?.keys.map(digestOfKey))
  const former = current.jwks?.keys.map(digestOfKey) ?? []
  const leaving = [
    ...current.secrets.filter(({ id }) => !staying.has(id)),
    ...former
      .filter((digest) => !keys.has(digest))
      .map((digest) => ({ id: `${clientId} ${digest}`, digest, masterKeyId: null })),
  ]
  for (const { id, digest, masterKeyId } of leaving)
    yield* insertIfAbsent(endedSecrets, { id, clientId, digest, masterKeyId, endedAt: now })
  if (leaving.length === 0) return
  const ended = yield* select(endedSecrets, {
    where: { clientId: current.clientId },
    orderBy: 'endedAt',
    descending: true,
  })
  for (const { id } of ended.slice(MOST_ENDED)) yield* remove(endedSecrets, { id })
}

export function* listEndedSecrets(clientId: string): Act<EndedSecret[]> {
  const ended = yield* select(endedSecrets, { where: { clientId }, orderBy: 'endedAt', descending: true })
  return ended.map(({ digest, masterKeyId }) => ({ digest, masterKeyId }))
}

export function* disableClient(
  clientId: string,
  deny: (moment: Moment) => NewBlacklistEntry,
  event: Recording,
): Act<ClientRecord | undefined> {
  const disabled = yield* updateClient(
    clientId,
    (current, now) => ({ ...current, disabledAt: current.disabledAt ?? now, updatedAt: now }),
    event,
  )
  if (disabled) yield* addDenials((moment) => [deny(moment)])
  return disabled
}

function* enable(clientId: string, event: Recording): Act<ClientRecord | undefined> {
  const enabled = yield* updateClient(
    clientId,
    (current, now) => ({ ...current, disabledAt: null, updatedAt: now }),
    event,
  )
  if (enabled) yield* liftCause('client_id', clientId, 'client_disabled')
  return enabled
}

export function* deleteClient(
  clientId: string,
  deny: (moment: Moment, client: ClientRecord) => NewBlacklistEntry[],
  event: Recording,
): Act<'deleted' | 'unknown'> {
  const client = yield* findClient(clientId)
  if (!client) return 'unknown'
  const now = yield* time()
  if (!isByFile(event)) yield* rememberEnded(client, { secrets: [], jwks: null }, now)
  yield* remove(clients, { clientId })
  yield* insert(deletedClients, { clientKey: client.key })
  // A file removes what it made, but a client that is disabled must not come back enabled by it.
  if (!isByFile(event) || client.disabledAt !== null) yield* insertIfAbsent(endedClients, { clientId, endedAt: now })
  yield* liftCause('client_id', clientId, 'client_disabled')
  yield* addDenials((moment) => deny(moment, client))
  yield* record(event)
  return 'deleted'
}

function* noteUse(uses: SecretUse[]): Act<void> {
  for (const { secretId: id, at, renewed } of uses) {
    const secret = yield* find(clientSecrets, { id })
    if (!secret) continue
    if ((secret.lastUsedAt ?? 0) < at) yield* update(clientSecrets, { id }, { lastUsedAt: at })
    if (renewed?.from === secret.digest && (yield* isMasterKeyUsable(renewed.masterKeyId)))
      yield* renew(secret, renewed)
  }
}

/** Moves a secret to another master key. Processes hear of it by its client, whose own row keeps its values. */
function* renew(
  { id, clientKey }: RowOf<typeof clientSecrets>,
  { digest, masterKeyId }: NonNullable<SecretUse['renewed']>,
): Act<void> {
  const client = yield* find(clients, { key: clientKey })
  if (!client) return
  yield* update(clientSecrets, { id }, { digest, masterKeyId })
  yield* update(clients, { clientId: client.clientId }, { updatedAt: client.updatedAt })
}

function* insertSecrets(clientKey: number, secrets: ClientSecret[]): Act<void> {
  for (const [position, secret] of secrets.entries()) {
    yield* requireUsableMasterKey(secret.masterKeyId)
    yield* insert(clientSecrets, { ...secret, clientKey, position })
  }
}
