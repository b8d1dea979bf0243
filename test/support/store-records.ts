/** Records for tests of the store, and its verbs as most tests call them. Times are those of a clock that stands still. */
import { expect, onTestFinished } from 'vitest'
import type { Clock, Instant } from '../../src/ground/clock.ts'
import { invalidGrant } from '../../src/ground/errors.ts'
import { timeOrderedId } from '../../src/ground/ids.ts'
import { blankResource } from '../../src/resources/resource.ts'
import type { AuditEvent, Recording } from '../../src/store/records/audit.ts'
import type {
  AdditionOptions,
  BlacklistEntry,
  BlacklistKind,
  NewBlacklistEntry,
} from '../../src/store/records/blacklist.ts'
import {
  SIGN_IN_DEFAULTS,
  type ClientRecord,
  type ClientSecret,
  type CreationOutcome,
  type EndedSecret,
} from '../../src/store/records/client.ts'
import type { GrantDenial, GrantRecord } from '../../src/store/records/grant.ts'
import { SHARED_RING, type RingId, type RingName, type SigningKeyRecord } from '../../src/store/records/key.ts'
import type { ResourceRecord } from '../../src/store/records/resource.ts'
import type { RotationVerdict } from '../../src/store/records/rotation.ts'
import type { Store } from '../../src/store/store.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const START: Instant = Date.UTC(2027, 0, 1)

export interface StandingClock extends Clock {
  readonly at: Instant
  pass(time: number): void
}

let passed = 0

/** Stands at `START` until a test lets time pass, and again for the next test. */
export const clock: StandingClock = {
  get at() {
    return START + passed
  },
  now: () => clock.at,
  elapsed: () => clock.at,
  ofDatabase: () => clock.at,
  pass(time) {
    passed += time
    onTestFinished(() => {
      passed = 0
    })
  },
}

// ---------------------------------------------------------------- records

export const secretOf = (id: string, change: Partial<ClientSecret> = {}): ClientSecret => ({
  id,
  kind: 'generated',
  digest: 'digest',
  masterKeyId: null,
  createdAt: clock.at,
  expiresAt: null,
  lastUsedAt: null,
  ...change,
})

/** For the deletion of a resource that no client has. */
export const unheld = (): [] => []

export const clientOf = (clientId: string, change: Partial<ClientRecord> = {}): ClientRecord => ({
  key: 0,
  clientId,
  name: null,
  grantTypes: ['client_credentials', 'refresh_token'],
  scope: ['read', 'write'],
  resources: ['https://api.example.com'],
  redirectUris: [],
  tokenEndpointAuthMethod: 'client_secret_basic',
  jwks: null,
  jwksUri: null,
  accessTokenTtl: null,
  refreshTokenTtl: 3600,
  refreshTokenIdleTtl: null,
  refreshGrace: null,
  claims: { team: { name: 'blue' } },
  allowedClaims: [],
  secrets: [secretOf(`${clientId}-2`), secretOf(`${clientId}-1`)],
  disabledAt: null,
  grantsEndedUntil: null,
  declaredBy: null,
  ...SIGN_IN_DEFAULTS,
  createdAt: clock.at,
  updatedAt: clock.at,
  ...change,
})

export const grantOf = (sid: string, change: Partial<GrantRecord> = {}): GrantRecord => ({
  sid,
  clientId: 'app',
  sub: 'alice',
  grantType: 'urn:signet:params:oauth:grant-type:subject',
  resources: ['https://api.example.com'],
  scope: ['read'],
  claims: { email: 'alice@example.com' },
  familySecret: 'secret',
  generation: 0,
  masterKeyId: null,
  masterKeyFrom: 0,
  createdAt: clock.at,
  rotatedAt: clock.at,
  expiresAt: clock.at + 30 * DAY,
  idleExpiresAt: null,
  accessExpiresAt: clock.at + 15 * MINUTE,
  endedAt: null,
  endedReason: null,
  sessionId: null,
  signIn: null,
  ...change,
})

export const OWN_ES256: RingId = { ring: 'api' as RingName, alg: 'ES256' } // the name of a resource

export const SHARED_ES256: RingId = { ring: SHARED_RING, alg: 'ES256' }

export const keyOf = (kid: string, change: Partial<SigningKeyRecord> = {}): SigningKeyRecord => ({
  kid,
  ring: SHARED_RING,
  alg: 'ES256',
  status: 'next',
  publicJwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
  sealedPrivateKey: 'sealed',
  createdAt: clock.at,
  activatedAt: null,
  deactivatedAt: null,
  signedUntil: clock.at,
  ...change,
})

export const resourceOf = (id: string, change: Partial<ResourceRecord> = {}): ResourceRecord => ({
  ...blankResource(id, clock.at),
  ...change,
})

export const eventOf = (action: string, target = 'app', change: Partial<Recording> = {}): Recording => ({
  id: timeOrderedId(clock.at),
  at: clock.at,
  actorKind: 'cli',
  actor: 'cli',
  action,
  target,
  requestId: null,
  details: {},
  ...change,
})

/** The same by the declarative file. */
export const fileEventOf = (action: string, target = 'app', file = 'signet.yaml'): Recording =>
  eventOf(action, target, { actorKind: 'config', actor: 'config', file })

export const entryOf = (
  kind: BlacklistKind,
  value: string,
  change: Partial<NewBlacklistEntry> = {},
): NewBlacklistEntry => ({
  id: timeOrderedId(clock.at),
  kind,
  value,
  issuedBefore: clock.at,
  expiresAt: null,
  deniesUntil: clock.at + HOUR,
  refusesNew: false,
  reason: null,
  cause: 'blacklist',
  owner: null,
  createdBy: 'cli',
  createdAt: clock.at,
  ...change,
})

export const denySid: GrantDenial = ({ sid, accessExpiresAt }) =>
  entryOf('sid', sid, { expiresAt: accessExpiresAt + MINUTE, deniesUntil: accessExpiresAt + MINUTE })

export const denyKid = ({ kid }: SigningKeyRecord): NewBlacklistEntry => entryOf('kid', kid)

// ---------------------------------------------------------------- verbs, with what most tests do not care about

/** By the event's actor: `eventOf` for an operator, `fileEventOf` for the file. */
export const createClient = (
  store: Store,
  client: ClientRecord = clientOf('app'),
  event: AuditEvent = eventOf('client.created'),
): Promise<CreationOutcome> =>
  store.createClient(
    client,
    {
      deny: () => entryOf('sub', client.clientId, { cause: 'name_taken' }),
      ended: (sid) => eventOf('grant.ended', sid),
      ...closing(),
    },
    event,
  )

/** Secrets of a client that an operator ended, newest first. */
export async function findEndedSecrets(store: Store, clientId: string): Promise<EndedSecret[] | undefined> {
  const { clients } = await store.readDeclared({ resources: [], clients: [clientId] })
  return clients.get(clientId)?.endedSecrets
}

/** Digests of these secrets. */
export const listEndedSecrets = async (store: Store, clientId: string): Promise<string[] | undefined> =>
  (await findEndedSecrets(store, clientId))?.map(({ digest }) => digest)

/** Whether an operator ended the client or resource. */
export async function isEnded(store: Store, noun: 'client' | 'resource', id: string): Promise<boolean | undefined> {
  const { clients, resources } = await store.readDeclared({ resources: [id], clients: [id] })
  return (noun === 'client' ? clients : resources).get(id)?.isEnded
}

export const deleteClient = (store: Store, clientId = 'app', event: AuditEvent = eventOf('client.deleted')) =>
  store.deleteClient(clientId, () => [entryOf('client_id', clientId, { cause: 'client_deleted' })], event)

/** For the registration that stands now, and under no quota that a test could meet by accident. */
export async function createGrant(
  store: Store,
  grant: GrantRecord,
  options: { limit?: number; clientKey?: number } = {},
): Promise<{ replaced: string | undefined }> {
  const clientKey = (await store.findClient(grant.clientId))?.key ?? 0
  return store.createGrant(grant, { clientKey, limit: 1000, ...options }, eventOf('grant.created'))
}

export const endGrant = (store: Store, sid: string, deny: GrantDenial = denySid) =>
  store.endGrant(sid, 'revoked', deny, { event: eventOf('grant.revoked') })

export const addEntry = (
  store: Store,
  entry: NewBlacklistEntry,
  options: Partial<AdditionOptions> = {},
): Promise<BlacklistEntry> =>
  store.addBlacklistEntry({ kind: entry.kind, value: entry.value }, () => entry, {
    event: () => eventOf('blacklist.added'),
    ...options,
  })

export const liftEntry = (store: Store, id: string) =>
  store.removeBlacklistEntry(id, () => {}, eventOf('blacklist.removed'))

/** How a user ends whose name a client takes. */
export const closing = () => ({
  session: {
    reason: 'a client has this name',
    deny: ({ sid }: Pick<GrantRecord, 'sid'>) => entryOf('sid', sid, { cause: 'name_taken' as const }),
    isKeepingOffline: false,
    event: ({ id }: { id: string }) => eventOf('session.ended', id),
  },
  closed: eventOf('user.disabled'),
})

/** A client as it comes back: with the key that the store gave it. */
export const stored = (client: ClientRecord): ClientRecord => ({ ...client, key: expect.any(Number) })

export const rotate = (accessExpiresAt = clock.at + 20 * MINUTE): RotationVerdict => ({
  act: 'rotate',
  idleExpiresAt: null,
  accessExpiresAt,
})

export const refusal = invalidGrant('no')

export const throwRefusal = (): never => {
  throw refusal
}

export async function storeWithClient(place: { open(): Promise<Store> }, clientId = 'app'): Promise<Store> {
  const store = await place.open()
  await createClient(store, clientOf(clientId))
  return store
}

export const actionsOf = async (store: Store): Promise<string[]> =>
  (await store.listAudit({ limit: 100 })).map(({ action }) => action)
