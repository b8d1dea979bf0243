/** The tables of people who sign in. See ../tables.ts for the rules of every table. */
import type { OneTimeFacts, OneTimeKind } from '../records/one-time.ts'
import type { AuthorizationRequest, SignInState } from '../records/sign-in.ts'
import type { BackupEligibility, PasswordOrigin, UserProfile } from '../records/user.ts'
import { boolean, bytes, instant, integer, json, maybeInstant, maybeText, table, text } from '../table.ts'

export const users = table({
  name: 'users',
  columns: {
    id: text(),
    username: text(),
    isNameChosen: boolean({ fallback: false }),
    email: maybeText(),
    emailKey: maybeText(),
    name: maybeText(),
    profile: json<UserProfile>(),
    claims: json<Record<string, unknown>>(),
    handle: text(),
    passwordHash: maybeText(),
    passwordOrigin: maybeText<PasswordOrigin>(),
    passwordChangedAt: maybeInstant(),
    mustChangePassword: boolean(),
    totpSecret: maybeText(),
    totpUsedStep: integer(),
    disabledAt: maybeInstant(),
    createdAt: instant(),
    updatedAt: instant(),
    lastLoginAt: maybeInstant(),
  },
  key: ['id'],
  indexes: [
    { name: 'users_username', columns: ['username'], isUnique: true },
    { name: 'users_email', columns: ['emailKey'], isUnique: true, where: { column: 'emailKey', is: 'set' } },
    { name: 'users_handle', columns: ['handle'], isUnique: true },
  ],
})

/**
 * Ids of deleted users. A `sub` is never given to another person (OIDC Core §2). A digest of the user name is kept, so that
 * the declarative file does not bring back a person whom an operator deleted.
 */
export const endedUsers = table({
  name: 'ended_users',
  columns: { id: text(), nameDigest: maybeText(), endedAt: instant() },
  key: ['id'],
  indexes: [{ name: 'ended_users_name', columns: ['nameDigest'], where: { column: 'nameDigest', is: 'set' } }],
})

/** Groups that an operator deleted: the declarative file does not bring them back. */
export const endedGroups = table({
  name: 'ended_groups',
  columns: { name: text(), endedAt: instant() },
  key: ['name'],
})

export const groups = table({
  name: 'groups',
  columns: {
    name: text(),
    roles: json<string[]>(),
    permissions: json<string[]>(),
    claims: json<Record<string, unknown>>(),
    /** The name of the declarative file that made it, which may then remove it again. */
    declaredBy: maybeText(),
    createdAt: instant(),
    updatedAt: instant(),
  },
  key: ['name'],
})

export const groupMembers = table({
  name: 'group_members',
  columns: { userId: text(), groupName: text(), addedAt: instant() },
  key: ['userId', 'groupName'],
  indexes: [{ name: 'group_members_group', columns: ['groupName', 'userId'] }],
  ownedBy: { column: 'userId', table: 'users', key: 'id' },
})

export const passkeys = table({
  name: 'passkeys',
  columns: {
    id: text(),
    userId: text(),
    publicKey: bytes(),
    counter: integer(),
    transports: json<string[]>(),
    aaguid: text(),
    name: text(),
    isBackedUp: boolean(),
    backupEligibility: text<BackupEligibility>({ fallback: 'unknown' }),
    createdAt: instant(),
    lastUsedAt: maybeInstant(),
  },
  key: ['id'],
  indexes: [{ name: 'passkeys_user', columns: ['userId', 'createdAt'] }],
  ownedBy: { column: 'userId', table: 'users', key: 'id' },
})

/** Recovery codes, as keyed digests; a used code has no row. */
export const recoveryCodes = table({
  name: 'recovery_codes',
  columns: { userId: text(), digest: text(), createdAt: instant() },
  key: ['userId', 'digest'],
  ownedBy: { column: 'userId', table: 'users', key: 'id' },
})

export const sessions = table({
  name: 'sessions',
  columns: {
    id: text(),
    secretHash: text(),
    userId: text(),
    authTime: instant(),
    amr: json<string[]>(),
    acr: text(),
    isRemembered: boolean(),
    userAgent: text(),
    address: text(),
    createdAt: instant(),
    lastSeenAt: instant(),
    idleExpiresAt: instant(),
    expiresAt: instant(),
    endedAt: maybeInstant(),
    endedReason: maybeText(),
  },
  key: ['id'],
  indexes: [
    { name: 'sessions_secret', columns: ['secretHash'], isUnique: true },
    { name: 'sessions_user', columns: ['userId', 'id'] },
    { name: 'sessions_expiry', columns: ['expiresAt'] },
  ],
  ownedBy: { column: 'userId', table: 'users', key: 'id' },
  // A session that was left alone is told apart from an unknown one for a while.
  expires: [{ before: { expiresAt: 'now' } }, { before: { idleExpiresAt: 'monthAgo' } }],
})

/** The clients that a session signed in to: each is told when it ends. */
export const sessionClients = table({
  name: 'session_clients',
  columns: { sessionId: text(), clientId: text(), firstAt: instant() },
  key: ['sessionId', 'clientId'],
  ownedBy: { column: 'sessionId', table: 'sessions', key: 'id' },
})

/** Sign-ins under way. */
export const signIns = table({
  name: 'sign_ins',
  columns: {
    id: text(),
    browserHash: text(),
    request: json<AuthorizationRequest | null>(),
    returnTo: maybeText(),
    state: text<SignInState>(),
    userId: maybeText(),
    amr: json<string[]>(),
    authTime: maybeInstant(),
    sessionId: maybeText(),
    isRemembered: boolean(),
    challenge: maybeText(),
    pendingTotp: maybeText(),
    createdAt: instant(),
    expiresAt: instant(),
  },
  key: ['id'],
  indexes: [
    { name: 'sign_ins_browser', columns: ['browserHash'] },
    { name: 'sign_ins_user', columns: ['userId'], where: { column: 'userId', is: 'set' } },
    { name: 'sign_ins_expiry', columns: ['expiresAt'] },
  ],
  expires: [{ before: { expiresAt: 'now' } }],
})

/** Codes, links and challenges. The kind is a part of the key: a value of one kind is none of another. */
export const oneTimeValues = table({
  name: 'one_time_values',
  columns: {
    kind: text<OneTimeKind>(),
    hash: text(),
    id: text(),
    owner: text(),
    facts: json<OneTimeFacts[OneTimeKind]>(),
    usesLeft: integer(),
    createdAt: instant(),
    expiresAt: instant(),
    keptUntil: instant(),
    consumedAt: maybeInstant(),
    outcome: maybeText(),
  },
  key: ['kind', 'hash'],
  indexes: [
    { name: 'one_time_values_id', columns: ['id'], isUnique: true },
    { name: 'one_time_values_owner', columns: ['owner', 'kind'] },
    { name: 'one_time_values_kept', columns: ['keptUntil'] },
  ],
  expires: [{ before: { keptUntil: 'now' } }],
})

export const consents = table({
  name: 'consents',
  columns: {
    userId: text(),
    clientKey: integer(),
    clientId: text(),
    scope: json<string[]>(),
    resources: json<string[]>(),
    createdAt: instant(),
    updatedAt: instant(),
  },
  key: ['userId', 'clientKey'],
  indexes: [{ name: 'consents_client', columns: ['clientKey'] }],
  ownedBy: { column: 'userId', table: 'users', key: 'id' },
})

/** Failed guesses, by the bucket that they count in. The bucket is a digest, so that no name of a person is kept. */
export const guesses = table({
  name: 'guesses',
  columns: { bucket: text(), failures: integer(), blockedUntil: instant(), expiresAt: instant() },
  key: ['bucket'],
  indexes: [{ name: 'guesses_expiry', columns: ['expiresAt'] }],
  expires: [{ before: { expiresAt: 'now' } }],
})

/** Browsers in which a person has signed in before: their failures count apart from those of strangers. */
export const knownBrowsers = table({
  name: 'known_browsers',
  columns: { hash: text(), userId: text(), lastSeenAt: instant(), expiresAt: instant() },
  key: ['hash', 'userId'],
  indexes: [{ name: 'known_browsers_expiry', columns: ['expiresAt'] }],
  ownedBy: { column: 'userId', table: 'users', key: 'id' },
  expires: [{ before: { expiresAt: 'now' } }],
})

/** Logout tokens that are owed to clients. */
export const logoutDeliveries = table({
  name: 'logout_deliveries',
  columns: {
    id: text(),
    clientId: text(),
    sub: text(),
    sessionId: text(),
    uri: text(),
    attempts: integer(),
    nextAt: instant(),
    createdAt: instant(),
    expiresAt: instant(),
  },
  key: ['id'],
  indexes: [
    { name: 'logout_deliveries_next', columns: ['nextAt'] },
    { name: 'logout_deliveries_expiry', columns: ['expiresAt'] },
  ],
  expires: [{ before: { expiresAt: 'now' } }],
})
