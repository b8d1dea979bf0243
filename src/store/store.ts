/**
 * What is kept, and the atomic acts on it. Every verb is one transaction and returns a named outcome, so
 * that no caller reads, thinks, and then writes. A rule that must decide under the lock is handed in as a
 * synchronous pure function. Nothing here knows SQL or HTTP.
 *
 * Guarantees of every store:
 * - what a verb changed is on disk, safe from a power cut, when its promise resolves;
 * - a verb that rejects has changed nothing, unless it rejects with `Unheard`: then the change is stored;
 * - it rejects with `Unavailable` when the database is locked, full or gone: the caller answers 503;
 * - before a verb resolves, the listeners of `onChange` have seen what it changed.
 */
import type { Instant } from '../ground/clock.ts'
import type { AuditEvent, Recording } from './records/audit.ts'
import type { AdditionOptions, BlacklistEntry, BlacklistKind, Moment, NewBlacklistEntry } from './records/blacklist.ts'
import type { ChangeListener } from './records/change.ts'
import type { ClientRecord, CreationOutcome } from './records/client.ts'
import type { Page, SettingName, StoreFacts, StoreFigures } from './records/facts.ts'
import type {
  EndingOptions,
  GrantDenial,
  GrantFilter,
  GrantRecord,
  RotationOutcome,
  RotationVerdict,
  SubjectSummary,
} from './records/grant.ts'
import type {
  KeyReader,
  PromotionOutcome,
  PromotionVerdict,
  RevocationOutcome,
  RingId,
  SigningKeyRecord,
} from './records/key.ts'
import type { ResourceRecord } from './records/resource.ts'

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
