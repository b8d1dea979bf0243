/**
 * The tables. Instants are milliseconds, JSON is text, closed sets are held by CHECK constraints. Change this
 * file, then run `npm run migrations`; changes are additive, so that the version before can go on using the file.
 */
import type { AuditEvent, ClientRecord, PublicJwk, ResourceRecord, SettingName } from '../store.ts'
import { sql, blob, check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from './drizzle.ts'

const json = <T>(name: string) => text(name, { mode: 'json' }).$type<T>()

export const clients = sqliteTable('clients', {
  /** Never used twice: the grants of a deleted client do not come back with one registered under its id. */
  key: integer('key').primaryKey({ autoIncrement: true }),
  clientId: text('client_id').notNull().unique(),
  name: text('name'),
  grantTypes: json<string[]>('grant_types').notNull(),
  scope: json<string[]>('scope').notNull(),
  resources: json<string[]>('resources').notNull(),
  redirectUris: json<string[]>('redirect_uris').notNull(),
  tokenEndpointAuthMethod: text('token_endpoint_auth_method').notNull(),
  /** No key set is the JSON `null`. */
  jwks: json<ClientRecord['jwks']>('jwks').notNull(),
  accessTokenTtl: integer('access_token_ttl'),
  refreshTokenTtl: integer('refresh_token_ttl'),
  refreshTokenIdleTtl: integer('refresh_token_idle_ttl'),
  refreshGrace: integer('refresh_grace'),
  claims: json<Record<string, unknown>>('claims').notNull(),
  allowedClaims: json<string[]>('allowed_claims').notNull(),
  disabledAt: integer('disabled_at'),
  grantsEndedUntil: integer('grants_ended_until'),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
})

/** A table of its own, so that noting the use of a secret does not touch its client. */
export const clientSecrets = sqliteTable(
  'client_secrets',
  {
    id: text('id').primaryKey(),
    clientKey: integer('client_key')
      .notNull()
      .references(() => clients.key, { onDelete: 'cascade' }),
    kind: text('kind', { enum: ['generated', 'brought'] }).notNull(),
    digest: text('digest').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at'),
    lastUsedAt: integer('last_used_at'),
  },
  (table) => [
    check('client_secrets_kind', sql`kind IN ('generated', 'brought')`),
    index('client_secrets_client').on(table.clientKey),
    index('client_secrets_expiry')
      .on(table.expiresAt)
      .where(sql`expires_at IS NOT NULL`),
  ],
)

/** Who reads the key set and the feed; written a few times a minute, never for a request. */
export const keyReaders = sqliteTable(
  'key_readers',
  {
    name: text('name').primaryKey(),
    lastSeenAt: integer('last_seen_at').notNull(),
    knowsUntil: integer('knows_until').notNull(),
  },
  (table) => [index('key_readers_seen').on(table.lastSeenAt)],
)

/** Clients that are gone and whose grants the sweep has still to delete; they are dead already. */
export const deletedClients = sqliteTable('deleted_clients', { clientKey: integer('client_key').primaryKey() })

/** Resources that are gone, one row per id: created anew, they must not bring back what was issued for them before. */
export const deletedResources = sqliteTable('deleted_resources', {
  id: text('id').primaryKey(),
  deletedAt: integer('deleted_at').notNull(),
})

export const resources = sqliteTable(
  'resources',
  {
    id: text('id').primaryKey(),
    alg: text('alg', { enum: ['ES256', 'RS256'] }).notNull(),
    ttl: integer('ttl'),
    /** Any scope of the client is the JSON `null`. */
    scope: json<ResourceRecord['scope']>('scope').notNull(),
    typ: text('typ', { enum: ['at+jwt', 'JWT'] }).notNull(),
    claims: json<Record<string, unknown>>('claims').notNull(),
    ownKeys: integer('own_keys', { mode: 'boolean' }).notNull().default(false),
    disabledAt: integer('disabled_at'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
  },
  () => [check('resources_alg', sql`alg IN ('ES256', 'RS256')`), check('resources_typ', sql`typ IN ('at+jwt', 'JWT')`)],
)

/** The two partial indexes are the rule "one active and one next key per ring and algorithm", for every process. */
export const signingKeys = sqliteTable(
  'signing_keys',
  {
    kid: text('kid').primaryKey(),
    /** Empty for the issuer's own; else the resource that has a ring to itself. */
    ring: text('ring').notNull().default(''),
    alg: text('alg', { enum: ['ES256', 'RS256'] }).notNull(),
    status: text('status', { enum: ['next', 'active', 'retiring', 'retired', 'revoked'] }).notNull(),
    publicJwk: json<PublicJwk>('public_jwk').notNull(),
    sealedPrivateKey: text('sealed_private_key').notNull(),
    createdAt: integer('created_at').notNull(),
    activatedAt: integer('activated_at'),
    deactivatedAt: integer('deactivated_at'),
    signedUntil: integer('signed_until').notNull(),
  },
  (table) => [
    check('signing_keys_alg', sql`alg IN ('ES256', 'RS256')`),
    check('signing_keys_status', sql`status IN ('next', 'active', 'retiring', 'retired', 'revoked')`),
    check('signing_keys_forgotten', sql`status NOT IN ('retired', 'revoked') OR sealed_private_key = ''`),
    uniqueIndex('signing_keys_one_active')
      .on(table.ring, table.alg)
      .where(sql`status = 'active'`),
    uniqueIndex('signing_keys_one_next')
      .on(table.ring, table.alg)
      .where(sql`status = 'next'`),
  ],
)

/** One row per family, updated in place; no column that rotation changes is in an index. */
export const grants = sqliteTable(
  'grants',
  {
    sid: text('sid').primaryKey(),
    /** Not a foreign key: deleting a client with millions of grants must not take minutes. */
    clientKey: integer('client_key').notNull(),
    sub: text('sub').notNull(),
    resources: json<string[]>('resources').notNull(),
    scope: json<string[]>('scope').notNull(),
    claims: json<Record<string, unknown>>('claims').notNull(),
    familySecret: text('family_secret').notNull(),
    generation: integer('generation').notNull(),
    createdAt: integer('created_at').notNull(),
    rotatedAt: integer('rotated_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    idleExpiresAt: integer('idle_expires_at'),
    accessExpiresAt: integer('access_expires_at').notNull(),
    endedAt: integer('ended_at'),
    endedReason: text('ended_reason'),
  },
  (table) => [
    index('grants_client').on(table.clientKey, table.sid),
    index('grants_sub').on(table.sub, table.sid),
    index('grants_expiry').on(table.expiresAt),
  ],
)

export const blacklistEntries = sqliteTable(
  'blacklist_entries',
  {
    id: text('id').primaryKey(),
    kind: text('kind', { enum: ['jti', 'sid', 'sub', 'client_id', 'kid'] }).notNull(),
    value: text('value').notNull(),
    issuedBefore: integer('issued_before').notNull(),
    expiresAt: integer('expires_at'),
    deniesUntil: integer('denies_until').notNull(),
    refusesNew: integer('refuses_new', { mode: 'boolean' }).notNull(),
    reason: text('reason'),
    createdBy: text('created_by').notNull(),
    createdAt: integer('created_at').notNull(),
    revision: integer('revision').notNull(),
    removedAt: integer('removed_at'),
  },
  (table) => [
    check('blacklist_entries_kind', sql`kind IN ('jti', 'sid', 'sub', 'client_id', 'kid')`),
    uniqueIndex('blacklist_entries_revision').on(table.revision),
    index('blacklist_entries_value').on(table.value, table.kind),
    index('blacklist_entries_expiry')
      .on(table.expiresAt)
      .where(sql`expires_at IS NOT NULL`),
    index('blacklist_entries_removal')
      .on(table.removedAt)
      .where(sql`removed_at IS NOT NULL`),
  ],
)

/** One-time ids that were used, by purpose and owner; hashed, so that a long one costs no more than a short one. */
export const usedJtis = sqliteTable(
  'used_jtis',
  {
    purpose: text('purpose', { enum: ['client_assertion', 'dpop_proof'] }).notNull(),
    owner: text('owner').notNull(),
    jtiHash: blob('jti_hash', { mode: 'buffer' }).notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.purpose, table.owner, table.jtiHash] }),
    index('used_jtis_expiry').on(table.expiresAt),
  ],
)

export const auditEvents = sqliteTable(
  'audit_events',
  {
    id: text('id').primaryKey(),
    at: integer('at').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    target: text('target').notNull(),
    requestId: text('request_id'),
    details: json<AuditEvent['details']>('details').notNull(),
  },
  (table) => [
    index('audit_events_age').on(table.at),
    index('audit_events_target').on(table.target, table.id),
    index('audit_events_request')
      .on(table.requestId, table.id)
      .where(sql`request_id IS NOT NULL`),
  ],
)

export const settings = sqliteTable('settings', {
  name: text('name').$type<SettingName>().primaryKey(),
  value: text('value').notNull(),
})

/** What other processes must hear of. AUTOINCREMENT: a revision is never given twice, and leaves no gap. */
export const changes = sqliteTable(
  'changes',
  {
    revision: integer('revision').primaryKey({ autoIncrement: true }),
    noun: text('noun', { enum: ['client', 'resource', 'key', 'blacklist'] }).notNull(),
    /** `null`: everything of the noun. */
    id: text('id'),
    at: integer('at').notNull(),
  },
  (table) => [
    check('changes_noun', sql`noun IN ('client', 'resource', 'key', 'blacklist')`),
    index('changes_age').on(table.at),
  ],
)
