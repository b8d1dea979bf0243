/**
 * What is kept, and the atomic acts on it. Every verb is one transaction and returns a named outcome, so
 * that no caller reads, thinks, and then writes. A rule that must decide under the lock is handed in as a
 * synchronous pure function. Nothing here knows SQL or HTTP.
 *
 * Guarantees of every store:
 * - what a verb changed is on disk, safe from a power cut, when its promise resolves;
 * - a verb that rejects has changed nothing;
 * - it rejects with `Unavailable` when the database is locked, full or gone: the caller answers 503;
 * - before a verb resolves, the listeners of `onChange` have seen what it changed.
 */
import type { Instant } from '../ground/clock.ts'
import type { Histogram } from '../ground/counts.ts'
import type { OAuthError } from '../ground/errors.ts'

// ---------------------------------------------------------------- records

export type SigningAlgorithm = 'ES256' | 'RS256'

/** RFC 7517 public members of one signing key. */
export interface PublicJwk {
  kty: string
  crv?: string
  x?: string
  y?: string
  n?: string
  e?: string
}

/** A client's public key of any kind, as it registered it (RFC 7591 §2, `jwks`). */
export type ClientJwk = Record<string, unknown> & { kty?: string; kid?: string }

export interface ClientSecret {
  id: string
  /** `generated`: keyed SHA-256, base64url. `brought`: an argon2id encoded string. */
  kind: 'generated' | 'brought'
  digest: string
  createdAt: Instant
  /** When this secret ends by itself; `null` for never. */
  expiresAt: Instant | null
  lastUsedAt: Instant | null
}

/** RFC 7591 metadata in camel case, and Signet's own fields. Durations are seconds; `null` follows the configuration. */
export interface ClientRecord {
  /** Of this registration and no other: an id that is registered again has another. 0 before it is stored. */
  key: number
  clientId: string
  name: string | null
  grantTypes: string[]
  scope: string[]
  resources: string[]
  redirectUris: string[]
  tokenEndpointAuthMethod: string
  jwks: { keys: ClientJwk[] } | null
  accessTokenTtl: number | null
  refreshTokenTtl: number | null
  refreshTokenIdleTtl: number | null
  refreshGrace: number | null
  /** Claims that every token of this client carries. */
  claims: Record<string, unknown>
  /** Names of the claims that it may assert of a person. */
  allowedClaims: string[]
  secrets: ClientSecret[]
  disabledAt: Instant | null
  /** Grants made at or before this instant are over (a blacklist entry named the client). */
  grantsEndedUntil: Instant | null
  createdAt: Instant
  updatedAt: Instant
}

export interface ResourceRecord {
  id: string
  alg: SigningAlgorithm
  /** Life of its access tokens in seconds; `null` follows client or configuration. */
  ttl: number | null
  /** `null`: whatever scopes the client is registered for. */
  scope: string[] | null
  typ: 'at+jwt' | 'JWT'
  claims: Record<string, unknown>
  /** Its tokens are signed by a ring of its own, published at a path of its own. */
  ownKeys: boolean
  disabledAt: Instant | null
  /** When the last resource of this id before it was deleted; what was issued until then was issued for that one. */
  predecessorEndedAt: Instant | null
  createdAt: Instant
  updatedAt: Instant
}

export type KeyStatus = 'next' | 'active' | 'retiring' | 'retired' | 'revoked'

/** The ring of the issuer's own; a resource may have one to itself, named by its id. */
export const SHARED_RING = ''

/** Which ring: the shared one or a resource's, and of it the keys of one algorithm. */
export interface RingId {
  ring: string
  alg: SigningAlgorithm
}

export interface SigningKeyRecord extends RingId {
  kid: string
  status: KeyStatus
  publicJwk: PublicJwk
  /** Compact JWE of the private JWK, sealed under the master key; emptied when retired or revoked. */
  sealedPrivateKey: string
  /** Published since. */
  createdAt: Instant
  activatedAt: Instant | null
  /** Stopped signing: rotated out or revoked. */
  deactivatedAt: Instant | null
  /** No token that it signed is valid after this; reserved ahead of signing. */
  signedUntil: Instant
}

/** Somebody who reads the key set or the blacklist feed, as it introduces itself. */
export interface KeyReader {
  name: string
  lastSeenAt: Instant
  /** When the newest key in the key set that it last fetched was published; 0 where it has fetched none. */
  knowsUntil: Instant
}

/** One authorisation of one client and subject, and its refresh token family: one row, updated in place. */
export interface GrantRecord {
  sid: string
  clientId: string
  sub: string
  /** The grant type that began it; empty for grants of a version that did not keep it. */
  grantType: string
  resources: string[]
  scope: string[]
  /** What a trusted backend said of the person; carried by every token of the grant. */
  claims: Record<string, unknown>
  /** 16 random bytes in base64url; with the master key it makes the family's MAC key. */
  familySecret: string
  /** The generation of the one refresh token that is good now. */
  generation: number
  createdAt: Instant
  rotatedAt: Instant
  /** Absolute end; rotation never moves it. */
  expiresAt: Instant
  idleExpiresAt: Instant | null
  /** No access token of it has an `exp` after this. */
  accessExpiresAt: Instant
  endedAt: Instant | null
  endedReason: string | null
}

export type BlacklistKind = 'jti' | 'sid' | 'sub' | 'client_id' | 'kid'

/** The act that made an entry: only what undoes the act lifts the entry. */
export type BlacklistCause =
  | 'blacklist'
  | 'revocation'
  | 'reuse'
  | 'grant_ended'
  | 'client_disabled'
  | 'client_deleted'
  | 'user_disabled'
  | 'key_revoked'
  | 'name_taken'
  | 'quota'
  | 'restored'

export interface BlacklistEntry {
  id: string
  kind: BlacklistKind
  value: string
  /** A token matches when its `iat` is not after this. */
  issuedBefore: Instant
  /** When the entry dies by itself; `null` only where it stands until lifted. */
  expiresAt: Instant | null
  /** When no token that it denies can be alive any more: the entry leaves the feed then. */
  deniesUntil: Instant
  /** Whether new tokens for it are refused as well (`sub`, `client_id`). */
  refusesNew: boolean
  reason: string | null
  cause: BlacklistCause
  /** The client whose quota the entry counts to; `null` where no client made it. */
  owner: string | null
  createdBy: string
  createdAt: Instant
  /** Its place in the feed; rises with every change. */
  revision: number
  removedAt: Instant | null
}

/** An entry before the store gave it its revision. */
export type NewBlacklistEntry = Omit<BlacklistEntry, 'revision' | 'removedAt'>

declare const insideTheWrite: unique symbol

/**
 * The facts that an entry's times are made of, as they are inside the write that adds it. Only acts make one, so that
 * no entry can be composed of what was read before.
 */
export interface Moment {
  readonly now: Instant
  /** When the last token signed so far, by any process and any key still trusted, will have ended. */
  readonly latestExpiry: Instant
  readonly [insideTheWrite]: true
}

/** Who did what; append only. `details` holds names and numbers, never a secret. */
export interface AuditEvent {
  id: string
  at: Instant
  actorKind: 'client' | 'cli' | 'config' | 'system' | ''
  /** `cli`, `system`, `config`, or the client id behind an admin token. */
  actor: string
  /** noun.verb, e.g. `client.created`, `grant.reuse_detected`. */
  action: string
  /** Id of what it was done to. */
  target: string
  requestId: string | null
  details: Record<string, string | number | boolean | null>
}

/** An event on its way into the write of its act. */
export interface Recording extends AuditEvent {
  /** Throws where its actor may not act any more; asked inside the write, which then leaves nothing. */
  judge?: (() => void) | undefined
}

// ---------------------------------------------------------------- changes

export type ChangedNoun = 'client' | 'resource' | 'key' | 'blacklist'

/** Something that processes keep in memory was changed, by this process or another. `id` null: all of it. */
export interface Change {
  noun: ChangedNoun
  id: string | null
}

export type ChangeListener = (changes: Change[]) => Promise<void>

// ---------------------------------------------------------------- outcomes

/** Composes the entry that denies a grant's access tokens. */
export type GrantDenial = (grant: GrantRecord, moment: Moment) => NewBlacklistEntry

/** What the rule of refresh rotation says of a presented generation, under the family's lock. */
export type RotationVerdict =
  | { act: 'rotate'; idleExpiresAt: Instant | null; accessExpiresAt: Instant }
  | { act: 'repeat'; accessExpiresAt: Instant }
  | { act: 'end'; reason: string; deny: GrantDenial; own?: OwnDenials; event: Recording | undefined; error: OAuthError }
  | { act: 'refuse'; error: OAuthError }

export type RotationOutcome =
  /** `at`: the time of the write, which dates the access token that follows. */
  | { outcome: 'rotated' | 'repeated'; grant: GrantRecord; at: Instant }
  | { outcome: 'refused'; error: OAuthError }
  | { outcome: 'ended'; error: OAuthError }
  | { outcome: 'unknown' }

/** What the rule of key rotation says of a ring, under its lock. */
export type PromotionVerdict = { act: 'promote' } | { act: 'wait'; safeFrom: Instant | null; reason: string }

export type PromotionOutcome =
  | { outcome: 'promoted'; keys: SigningKeyRecord[] }
  | { outcome: 'refused'; safeFrom: Instant | null; reason: string }

export type RevocationOutcome =
  | { outcome: 'revoked'; before: SigningKeyRecord }
  | { outcome: 'unknown' }
  | { outcome: 'already' }

/** `ended`: an operator deleted it, and only an operator registers it again. */
export type CreationOutcome =
  | { outcome: 'created'; key: number; endedGrants: number }
  | { outcome: 'exists' }
  | { outcome: 'ended' }

/** Entries by which one client denies its own tokens may be so many; the next takes the place of all of them. */
export interface OwnDenials {
  limit: number
  /** Denies everything of the client up to now, or up to a later line that what it replaces has drawn. */
  everything: (moment: Moment, line: Instant) => NewBlacklistEntry
}

export interface EndingOptions {
  event: Recording | undefined
  /** Where a client ends its own grant. */
  own?: OwnDenials | undefined
}

export interface AdditionOptions {
  event: Recording | undefined
  own?: OwnDenials | undefined
  /** Refuses where so many entries with this entry's owner and cause stand already. */
  most?: { limit: number; refuse: () => Error } | undefined
}

export interface Page {
  /** Skip what comes up to and including this id. */
  after?: string | undefined
  limit: number
}

export interface GrantFilter {
  clientId?: string | undefined
  sub?: string | undefined
}

/** A person for whom grants were made. */
export interface SubjectSummary {
  sub: string
  grants: number
  liveGrants: number
  lastGrantAt: Instant
}

/** Facts about the database for `status` and `doctor`. */
export interface StoreFacts {
  /** Where it is, without credentials. */
  location: string
  sizeBytes: number
  journalBytes: number
  settings: Record<string, string | number>
  /** `ok`, or what the check of the whole database found; only on request, since it reads everything. */
  integrity: string | null
  counts: { clients: number; resources: number; grants: number; blacklist: number; audit: number }
}

/** What a scrape reads every few seconds: no query is made for it. */
export interface StoreFigures {
  sizeBytes: number
  /** Of the write-ahead log. */
  journalBytes: number
  /** Commits of this process: how many writes shared each, and how many seconds each took. */
  commits: { batchSize: Histogram; seconds: Histogram }
}

// ---------------------------------------------------------------- the store

export interface Store {
  /** The database's time; for SQLite this machine's. Schedules are decided in it. */
  now(): Instant

  // clients
  /** @param onUnreadable is told of each row that cannot be read, and is left out; without it the call rejects */
  listClients(onUnreadable?: (row: string) => void): Promise<ClientRecord[]>
  findClient(clientId: string): Promise<ClientRecord | undefined>
  /**
   * Registers a client. An operator wins the name: where a person is known by that id, the person's grants end and
   * `person` denies their tokens and records each end, since a client's `sub` never equals a user's (RFC 9068 §5).
   * An id that an operator ended is registered again by an operator alone, never by the declarative file.
   */
  createClient(
    client: ClientRecord,
    person: { deny: (moment: Moment) => NewBlacklistEntry; ended: (sid: string) => Recording },
    event: Recording,
  ): Promise<CreationOutcome>
  /**
   * Replaces a client by what `change` makes of it, under its lock. An error that `change` throws rejects. Brought
   * secrets that an operator ends by it are remembered as ended on purpose.
   */
  updateClient(
    clientId: string,
    change: (current: ClientRecord, now: Instant) => ClientRecord,
    event: Recording,
  ): Promise<ClientRecord | undefined>
  /** Digests of secrets that an operator brought and ended on purpose, newest first. */
  listEndedSecrets(clientId: string): Promise<string[]>
  /** Disables a client and puts an entry on the blacklist, together. */
  disableClient(
    clientId: string,
    deny: (moment: Moment) => NewBlacklistEntry,
    event: Recording,
  ): Promise<ClientRecord | undefined>
  /** Enables a client and lifts the entries that disabling it made. */
  enableClient(clientId: string, event: Recording): Promise<ClientRecord | undefined>
  /** Deletes a client with its secrets and grants, denies its live tokens, and remembers that an operator ended it. */
  deleteClient(
    clientId: string,
    deny: (moment: Moment, client: ClientRecord) => NewBlacklistEntry,
    event: Recording,
  ): Promise<'deleted' | 'unknown'>
  /** Whether an operator deleted the client or resource of this id, and nobody made it anew since. */
  isEnded(noun: 'client' | 'resource', id: string): Promise<boolean>
  /** Notes when secrets were last used; not essential, so it may be late. */
  noteSecretUse(uses: { secretId: string; at: Instant }[]): Promise<void>

  // resources
  /** @param onUnreadable is told of each row that cannot be read, and is left out; without it the call rejects */
  listResources(onUnreadable?: (row: string) => void): Promise<ResourceRecord[]>
  findResource(id: string): Promise<ResourceRecord | undefined>
  /** The store knows whether there was one of this id before, whatever the record says of that. */
  createResource(resource: ResourceRecord, event: Recording): Promise<'created' | 'exists' | 'ended'>
  updateResource(
    id: string,
    change: (current: ResourceRecord, now: Instant) => ResourceRecord,
    event: Recording,
  ): Promise<ResourceRecord | undefined>
  /** Deletes a resource, and with it the keys of its own ring. */
  deleteResource(id: string, event: Recording): Promise<'deleted' | 'unknown'>

  // signing keys: at most one `active` and one `next` per ring and algorithm, held by the database itself
  /** @param onUnreadable is told of each row that cannot be read, and is left out; without it the call rejects */
  listKeys(onUnreadable?: (row: string) => void): Promise<SigningKeyRecord[]>
  findKey(kid: string): Promise<SigningKeyRecord | undefined>
  /** The first keys of a ring; of two processes that try at once, one seeds. */
  seedKeys(ring: RingId, keys: SigningKeyRecord[], event: Recording): Promise<'seeded' | 'exists'>
  /** `next` becomes `active`, `active` becomes `retiring`, `spare` becomes `next`, if `decide` says so. */
  promoteNextKey(
    ring: RingId,
    spare: SigningKeyRecord,
    decide: (ring: SigningKeyRecord[], now: Instant) => PromotionVerdict,
    event: Recording,
  ): Promise<PromotionOutcome>
  /**
   * Revokes a compromised key: out of the ring, its tokens denied. If it was `active` the published `next`
   * takes over; where that leaves no `next`, `spare` becomes it. Returns the revoked key as it was before.
   */
  revokeKey(
    kid: string,
    spare: SigningKeyRecord,
    deny: (key: SigningKeyRecord, moment: Moment) => NewBlacklistEntry,
    event: Recording,
  ): Promise<RevocationOutcome>
  /** Raises a key's high-water mark; `gone` when it may sign no more (retired, revoked). */
  reserveSigning(kid: string, until: Instant): Promise<'reserved' | 'gone'>
  /** Retires `retiring` keys whose last token ended more than `skewSeconds` ago; returns their ids. */
  retireKeys(skewSeconds: number, eventFor: (kid: string) => Recording): Promise<string[]>

  /** Notes who reads the keys, as one write for many; not essential, so it may be late. The longest away are forgotten. */
  noteReaders(readers: KeyReader[]): Promise<void>
  /** Most recently seen first. */
  listReaders(): Promise<KeyReader[]>

  // grants, each with its refresh token family
  /**
   * Stores a new grant of the client whose record it was decided on; rejects with `Unavailable` where that client or
   * subject may have none any more. Of more than `limit` live ones of the pair the oldest ends.
   * @returns the grant that ended for it
   */
  createGrant(
    grant: GrantRecord,
    options: { clientKey: number; limit: number },
    event: Recording | undefined,
  ): Promise<{ replaced: string | undefined }>
  findGrant(sid: string): Promise<GrantRecord | undefined>
  /** Asks `decide` about the family under its lock and writes the verdict; consumption is one conditional update. */
  rotateGrant(sid: string, decide: (grant: GrantRecord, now: Instant) => RotationVerdict): Promise<RotationOutcome>
  /**
   * Ends a grant and denies its live access tokens. `already`: it was over; its tokens are denied by this act too, since
   * what ended it may be lifted.
   */
  endGrant(
    sid: string,
    reason: string,
    deny: GrantDenial,
    options: EndingOptions,
  ): Promise<'ended' | 'already' | 'unknown'>
  /** In the order of their ids, newest last. */
  listGrants(filter: GrantFilter, page: Page): Promise<GrantRecord[]>
  /** Persons alone: no client that has a grant in its own name. */
  listSubjects(page: Page): Promise<SubjectSummary[]>
  findSubject(sub: string): Promise<SubjectSummary | undefined>

  // blacklist
  /**
   * Adds the entry that `compose` makes of the facts inside the write; one that names a `sid`, `sub` or `client_id` also
   * ends the grants it names, for good.
   */
  addBlacklistEntry(
    named: { kind: BlacklistKind; value: string },
    compose: (moment: Moment, grant: GrantRecord | undefined) => NewBlacklistEntry,
    options: AdditionOptions,
  ): Promise<BlacklistEntry>
  /** Lifts an entry where `mayLift` does not throw. */
  removeBlacklistEntry(
    id: string,
    mayLift: (entry: BlacklistEntry) => void,
    event: Recording,
  ): Promise<'removed' | 'unknown'>
  findBlacklistEntry(id: string): Promise<BlacklistEntry | undefined>
  listBlacklist(page: Page): Promise<BlacklistEntry[]>
  /** Entries added or removed after a revision, oldest change first; removed ones as long as they are remembered. */
  listBlacklistSince(revision: number): Promise<BlacklistEntry[]>

  /** Remembers a one-time id until it expires; of any number of callers, in any process, one gets `fresh`. */
  consumeJti(
    purpose: 'client_assertion' | 'dpop_proof',
    owner: string,
    jti: string,
    expiresAt: Instant,
  ): Promise<'fresh' | 'replayed'>

  // audit and settings
  recordAudit(events: AuditEvent[]): Promise<void>
  /** Newest first; `after` is the id to go on below. */
  listAudit(page: Page & { target?: string | undefined; requestId?: string | undefined }): Promise<AuditEvent[]>
  findSetting(name: SettingName): Promise<string | undefined>
  /** Sets a setting that must not be there yet; returns the value that stands, whoever set it. */
  claimSetting(name: SettingName, value: string): Promise<string>
  putSetting(name: SettingName, value: string): Promise<void>

  // life
  /** Calls `listener` with what was changed: by this process before the verb resolves, by others when looked for. */
  onChange(listener: ChangeListener): void
  /**
   * Asked before a verdict is given from memory: once it resolves, the listeners have heard of all that any process
   * committed before the call. `undefined` where they have already. Never rejects: where the database cannot be
   * asked, what is known stands.
   */
  catchUp(): Promise<void> | undefined
  /** The same for the timetable: rejects where the database cannot be asked, so that it is told. */
  pollChanges(): Promise<void>
  /**
   * Deletes at most `limit` rows of each kind that can matter to nobody any more; returns how many. The audit trail
   * and the keys that it speaks of go where they are from before `forgetBefore`.
   */
  sweep(limit: number, forgetBefore: Instant): Promise<number>
  facts(options: { integrity: boolean }): Promise<StoreFacts>
  figures(): StoreFigures
  /** A consistent copy of the database as it runs, checked before it gets its name. Private keys stay sealed. */
  backup(file: string): Promise<void>
  close(): Promise<void>
}

/** `master_key_id`: which master key seals; `issuer`: the one last served; `first_client`: printed once. */
export type SettingName = 'master_key_id' | 'issuer' | 'first_client'
