/**
 * Every table, described once. Each engine makes its statements from this file, and its migrations are made from it, so a
 * column stands in one place for all databases.
 *
 * Names in SQL are the names here in snake_case. Instants are milliseconds. JSON is text. Changes are additive, so that
 * the version before can go on using the same database. After a change run `npm run migrations`. The tables of people
 * who sign in stand in people-tables.ts.
 */
import type { AuditEvent } from './records/audit.ts'
import type { BlacklistCause, BlacklistKind } from './records/blacklist.ts'
import type { ChangedNoun } from './records/change.ts'
import type { ClientRecord, ClientSignIn } from './records/client.ts'
import type { SettingName } from './records/facts.ts'
import type { KeyStatus, PublicJwk, SigningAlgorithm } from './records/key.ts'
import type { ResourceRecord, ResourceSignIn } from './records/resource.ts'
import type { GrantSignIn } from './records/authentication.ts'
import { PEOPLE_TABLES } from './people-tables.ts'
import {
  boolean,
  bytes,
  instant,
  integer,
  json,
  maybeInstant,
  maybeInteger,
  maybeText,
  oneOf,
  table,
  text,
} from './table.ts'

export const clients = table({
  name: 'clients',
  columns: {
    /** Never used twice: the grants of a deleted client do not come back with one registered under its id. */
    key: integer({ isGenerated: true }),
    clientId: text(),
    name: maybeText(),
    grantTypes: json<string[]>(),
    scope: json<string[]>(),
    resources: json<string[]>(),
    redirectUris: json<string[]>(),
    tokenEndpointAuthMethod: text(),
    jwks: json<ClientRecord['jwks']>(),
    jwksUri: maybeText(),
    accessTokenTtl: maybeInteger(),
    refreshTokenTtl: maybeInteger(),
    refreshTokenIdleTtl: maybeInteger(),
    refreshGrace: maybeInteger(),
    claims: json<Record<string, unknown>>(),
    allowedClaims: json<string[]>(),
    /** The members that concern people. One column, so that a new member needs no migration. */
    signIn: json<Partial<ClientSignIn>>({ fallback: '{}' }),
    disabledAt: maybeInstant(),
    grantsEndedUntil: maybeInstant(),
    /** The name of the declarative file that made it, which may then remove it again. */
    declaredBy: maybeText(),
    createdAt: instant(),
    updatedAt: instant(),
  },
  key: ['key'],
  indexes: [{ name: 'clients_client_id_unique', columns: ['clientId'], isUnique: true }],
  kept: { noun: 'client', id: 'clientId' },
})

/** A table of its own, so that noting the use of a secret does not touch its client. */
export const clientSecrets = table({
  name: 'client_secrets',
  columns: {
    id: text(),
    clientKey: integer(),
    kind: oneOf('generated', 'brought'),
    digest: text(),
    /** Which master key made the digest of a generated secret; `null` for the first key. */
    masterKeyId: maybeText(),
    createdAt: instant(),
    expiresAt: maybeInstant(),
    lastUsedAt: maybeInstant(),
    /** The order in which the client lists them. */
    position: integer({ fallback: 0 }),
  },
  key: ['id'],
  indexes: [
    { name: 'client_secrets_client', columns: ['clientKey'] },
    { name: 'client_secrets_expiry', columns: ['expiresAt'], where: { column: 'expiresAt', is: 'set' } },
  ],
  ownedBy: { column: 'clientKey', table: 'clients', key: 'key' },
  expires: [{ before: { expiresAt: 'now' } }],
})

/** Secrets that an operator brought and ended on purpose: a file that still names one must not revive it. */
export const endedSecrets = table({
  name: 'ended_secrets',
  /** By the client's id: a client that is deleted and registered again must not bring them back either. */
  columns: { id: text(), clientId: text(), digest: text(), masterKeyId: maybeText(), endedAt: instant() },
  key: ['id'],
  indexes: [{ name: 'ended_secrets_client', columns: ['clientId', 'endedAt'] }],
})

/** The readers of the key set and the feed; written a few times a minute, never for a request. */
export const keyReaders = table({
  name: 'key_readers',
  columns: { name: text(), lastSeenAt: instant(), knowsUntil: instant() },
  key: ['name'],
  indexes: [{ name: 'key_readers_seen', columns: ['lastSeenAt'] }],
  expires: [{ before: { lastSeenAt: 'monthAgo' } }],
})

/** Deleted clients whose grants the sweep has not deleted yet. The grants are invalid already. */
export const deletedClients = table({
  name: 'deleted_clients',
  columns: { clientKey: integer() },
  key: ['clientKey'],
})

/** Client ids that an operator ended: a file that still names one must not revive it. */
export const endedClients = table({
  name: 'ended_clients',
  columns: { clientId: text(), endedAt: instant() },
  key: ['clientId'],
})

/** Deleted resources, one row per id. Tokens for a deleted resource must stay invalid when its id is created again. */
export const deletedResources = table({
  name: 'deleted_resources',
  columns: {
    id: text(),
    deletedAt: instant(),
    /** Whether an operator ended it, so that a file that still names it must not revive it. */
    isEnded: boolean({ fallback: false }),
  },
  key: ['id'],
})

export const resources = table({
  name: 'resources',
  columns: {
    id: text(),
    alg: oneOf<SigningAlgorithm>('ES256', 'RS256'),
    ttl: maybeInteger(),
    scope: json<ResourceRecord['scope']>(),
    typ: oneOf<ResourceRecord['typ']>('at+jwt', 'JWT'),
    claims: json<Record<string, unknown>>(),
    ownKeys: boolean({ fallback: false }),
    signIn: json<Partial<ResourceSignIn>>({ fallback: '{}' }),
    disabledAt: maybeInstant(),
    /** The name of the declarative file that made it, which may then remove it again. */
    declaredBy: maybeText(),
    createdAt: instant(),
    updatedAt: instant(),
  },
  key: ['id'],
  kept: { noun: 'resource', id: 'id' },
})

/** The two partial indexes are the rule "one active and one next key per ring and algorithm", for every process. */
export const signingKeys = table({
  name: 'signing_keys',
  columns: {
    kid: text(),
    /** Empty for the issuer's own; else the resource that has a ring to itself. */
    ring: text({ fallback: '' }),
    alg: oneOf<SigningAlgorithm>('ES256', 'RS256'),
    status: oneOf<KeyStatus>('next', 'active', 'retiring', 'retired', 'revoked'),
    publicJwk: json<PublicJwk>(),
    sealedPrivateKey: text(),
    createdAt: instant(),
    activatedAt: maybeInstant(),
    deactivatedAt: maybeInstant(),
    signedUntil: instant(),
  },
  key: ['kid'],
  indexes: [
    {
      name: 'signing_keys_one_active',
      columns: ['ring', 'alg'],
      isUnique: true,
      where: { column: 'status', is: { value: 'active' } },
    },
    {
      name: 'signing_keys_one_next',
      columns: ['ring', 'alg'],
      isUnique: true,
      where: { column: 'status', is: { value: 'next' } },
    },
  ],
  checks: { signing_keys_forgotten: "status NOT IN ('retired', 'revoked') OR sealed_private_key = ''" },
  kept: { noun: 'key', id: 'kid' },
  expires: (['retired', 'revoked'] as const).map((status) => ({
    where: { status },
    before: { signedUntil: 'forgotten', deactivatedAt: 'forgotten' },
  })),
})

/**
 * The master keys by their ids, never the keys themselves. The first key has a row only after a second one was used: the
 * setting `master_key_id` names it. Every write is told as a change of keys, because private keys are sealed under them.
 */
export const masterKeys = table({
  name: 'master_keys',
  columns: {
    id: text(),
    createdAt: instant(),
    /** When it last became current; `null` for a key that was never used. */
    currentSince: maybeInstant(),
    retiredAt: maybeInstant(),
  },
  key: ['id'],
  kept: { noun: 'key', id: 'id' },
})

/** Running servers, and the master keys that each of them has; written a few times a minute, never for a request. */
export const keyHolders = table({
  name: 'key_holders',
  columns: { server: text(), keys: json<string[]>(), lastSeenAt: instant() },
  key: ['server'],
  expires: [{ before: { lastSeenAt: 'newsEnd' } }],
})

/** A row for each family, updated in place; no column that rotation changes is in an index. */
export const grants = table({
  name: 'grants',
  columns: {
    sid: text(),
    /** Not a foreign key: deleting a client with millions of grants must not take minutes. */
    clientKey: integer(),
    sub: text(),
    /** The grant type that began it; empty for grants of a version that did not keep it. */
    grantType: text({ fallback: '' }),
    resources: json<string[]>(),
    scope: json<string[]>(),
    claims: json<Record<string, unknown>>(),
    familySecret: text(),
    generation: integer(),
    /** Which master key makes the family's tokens; `null` for the first key. */
    masterKeyId: maybeText(),
    /** The first generation that this key made. */
    masterKeyFrom: integer({ fallback: 0 }),
    createdAt: instant(),
    rotatedAt: instant(),
    expiresAt: instant(),
    idleExpiresAt: maybeInstant(),
    accessExpiresAt: instant(),
    endedAt: maybeInstant(),
    endedReason: maybeText(),
    sessionId: maybeText(),
    signIn: json<GrantSignIn | null>({ fallback: 'null' }),
  },
  key: ['sid'],
  indexes: [
    { name: 'grants_client', columns: ['clientKey', 'sid'] },
    { name: 'grants_sub', columns: ['sub', 'sid'] },
    { name: 'grants_expiry', columns: ['expiresAt'] },
    { name: 'grants_session', columns: ['sessionId'], where: { column: 'sessionId', is: 'set' } },
    { name: 'grants_live', columns: ['sub', 'clientKey', 'sid'], where: { column: 'endedAt', is: 'null' } },
    // The sweep looks through these few. A column that rotation changes would make every refresh write all indexes anew.
    { name: 'grants_replaced', columns: ['endedAt'], where: { column: 'endedReason', is: { value: 'replaced' } } },
  ],
  expires: [
    { before: { expiresAt: 'now', accessExpiresAt: 'now' } },
    // Their own client ended these by asking for more grants than allowed. They are kept only as long as their tokens live.
    { where: { endedReason: 'replaced' }, before: { accessExpiresAt: 'now' } },
  ],
})

export const blacklistEntries = table({
  name: 'blacklist_entries',
  columns: {
    id: text(),
    kind: oneOf<BlacklistKind>('jti', 'sid', 'sub', 'client_id', 'kid'),
    value: text(),
    issuedBefore: instant(),
    expiresAt: maybeInstant(),
    deniesUntil: instant(),
    refusesNew: boolean(),
    reason: maybeText(),
    cause: text<BlacklistCause>({ fallback: 'blacklist' }),
    /** The client whose quota the entry counts to; `null` where no client made it. */
    owner: maybeText(),
    createdBy: text(),
    createdAt: instant(),
    revision: integer(),
    removedAt: maybeInstant(),
  },
  key: ['id'],
  indexes: [
    { name: 'blacklist_entries_revision', columns: ['revision'], isUnique: true },
    { name: 'blacklist_entries_value', columns: ['value', 'kind'] },
    {
      name: 'blacklist_entries_owner',
      columns: ['owner', 'cause', 'removedAt', 'expiresAt'],
      where: { column: 'owner', is: 'set' },
    },
    { name: 'blacklist_entries_expiry', columns: ['expiresAt'], where: { column: 'expiresAt', is: 'set' } },
    { name: 'blacklist_entries_removal', columns: ['removedAt'], where: { column: 'removedAt', is: 'set' } },
  ],
  kept: { noun: 'blacklist', id: 'id', stamped: 'revision' },
  expires: [
    { before: { expiresAt: 'now' } },
    // A removal is told while the entry would still deny a token, for a month at most. It is kept longer than the change
    // that tells other processes to read it.
    { before: { removedAt: 'missedEnd', deniesUntil: 'now' } },
    { before: { removedAt: 'monthAgo' } },
  ],
})

/** One-time ids that were used, by purpose and owner; hashed, so that a long one costs no more than a short one. */
export const usedJtis = table({
  name: 'used_jtis',
  columns: {
    purpose: text<'client_assertion' | 'dpop_proof'>(),
    owner: text(),
    jtiHash: bytes(),
    expiresAt: instant(),
  },
  key: ['purpose', 'owner', 'jtiHash'],
  indexes: [{ name: 'used_jtis_expiry', columns: ['expiresAt'] }],
  expires: [{ before: { expiresAt: 'now' } }],
})

export const auditEvents = table({
  name: 'audit_events',
  columns: {
    id: text(),
    at: instant(),
    /** The kind of the actor; empty for rows of a version that did not keep it. */
    actorKind: text<AuditEvent['actorKind']>({ fallback: '' }),
    actor: text(),
    action: text(),
    target: text(),
    requestId: maybeText(),
    details: json<AuditEvent['details']>(),
  },
  key: ['id'],
  indexes: [
    { name: 'audit_events_age', columns: ['at'] },
    { name: 'audit_events_target', columns: ['target', 'id'] },
    { name: 'audit_events_request', columns: ['requestId', 'id'], where: { column: 'requestId', is: 'set' } },
  ],
  expires: [{ before: { at: 'forgotten' } }],
})

export const settings = table({
  name: 'settings',
  columns: { name: text<SettingName>(), value: text() },
  key: ['name'],
})

/** Changes that other processes must hear of. A revision is never used twice, and revisions have no gaps. */
export const changes = table({
  name: 'changes',
  columns: {
    revision: integer({ isGenerated: true }),
    noun: oneOf<ChangedNoun>('client', 'resource', 'key', 'blacklist'),
    /** `null`: everything of the noun. */
    id: maybeText(),
    at: instant(),
  },
  key: ['revision'],
  indexes: [{ name: 'changes_age', columns: ['at'] }],
  expires: [{ before: { at: 'newsEnd' } }],
})

/** A single row: the newest revision. Raised in the transaction of the change, so it is in the order of commits. */
export const revision = table({
  name: 'revision',
  columns: { id: integer(), value: integer() },
  key: ['id'],
})

/** The processes that serve one database across a network, each by a name of its own. */
export const replicas = table({
  name: 'replicas',
  columns: {
    name: text(),
    version: text(),
    startedAt: instant(),
    lastSeenAt: instant(),
    /** When it was stopped in good order; `null` for one that runs, or that died. */
    stoppedAt: maybeInstant(),
  },
  key: ['name'],
  expires: [{ before: { lastSeenAt: 'hourAgo' } }],
})

/** In the order in which a database creates them: an owner before the tables that it owns. */
export const TABLES = [
  clients,
  clientSecrets,
  endedSecrets,
  keyReaders,
  deletedClients,
  endedClients,
  deletedResources,
  resources,
  signingKeys,
  masterKeys,
  keyHolders,
  grants,
  blacklistEntries,
  usedJtis,
  auditEvents,
  settings,
  changes,
  revision,
  replicas,
  ...PEOPLE_TABLES,
] as const
