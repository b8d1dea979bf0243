/** The tables of clients and their secrets. See ../tables.ts for the rules of every table. */
import type { ClientRecord, ClientSignIn } from '../records/client.ts'
import { instant, integer, json, maybeInstant, maybeInteger, maybeText, oneOf, table, text } from '../table.ts'

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
    /** The members that concern people, in one column, so that a new member needs no migration. */
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

/** Secrets, brought or generated, and public keys that an operator ended on purpose: a file that still names one must not revive it. */
export const endedSecrets = table({
  name: 'ended_secrets',
  /** By the client's id: a client that is deleted and registered again must not bring them back either. */
  columns: { id: text(), clientId: text(), digest: text(), masterKeyId: maybeText(), endedAt: instant() },
  key: ['id'],
  indexes: [{ name: 'ended_secrets_client', columns: ['clientId', 'endedAt'] }],
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
