/**
 * The store: records, and atomic acts on them. Every verb is one transaction and returns a named outcome, so no caller
 * decides between a read and a write of its own. A rule that must decide under the lock is passed in as a synchronous
 * pure function. Nothing here knows SQL or HTTP.
 *
 * Guarantees of every store:
 * - when the promise of a verb resolves, its changes are on disk and survive a power cut;
 * - a verb that rejects has changed nothing, unless it rejects with `Unheard`: then the change is stored, or may be;
 * - a verb rejects with `Unavailable` when the database is locked, full or gone: the caller answers 503;
 * - before a verb resolves, the listeners of `onChange` have taken its changes over.
 */
import type { Instant, SteadyClock } from '../ground/clock.ts'
import type { KeyReaderStore, KeyStore, MasterKeyStore } from './key-store.ts'
import type { PeopleStore } from './people-store.ts'
import type { AuditEvent, Recording } from './records/audit.ts'
import type { AdditionOptions, BlacklistEntry, BlacklistKind, Moment, NewBlacklistEntry } from './records/blacklist.ts'
import type { ChangeSource } from './records/change.ts'
import type { ClientRecord, CreationOutcome, SecretUse } from './records/client.ts'
import type { DeclaredFacts, DeclaredIds } from './records/declared.ts'
import type {
  LivingReplica,
  NamesClaim,
  OperatedDatabase,
  Page,
  ReplicaRecord,
  ServedNames,
  SettingName,
} from './records/facts.ts'
import type {
  EndedPage,
  EndingOptions,
  GrantDenial,
  GrantFilter,
  GrantOptions,
  EndingPage,
  GrantRecord,
  SubjectSummary,
} from './records/grant.ts'
import type { RotationOutcome, RotationRule } from './records/rotation.ts'
import type { ResourceDeletion, ResourceRecord } from './records/resource.ts'
import type { SessionEnding, SignInsPage } from './records/session.ts'

export interface Store extends KeyStore, KeyReaderStore, MasterKeyStore, PeopleStore, ChangeSource, OperatedDatabase {
  /** The database's time; for SQLite this machine's. It never goes back by itself. Schedules are decided in it. */
  readonly time: SteadyClock
  now(): Instant

  // clients
  /** @param onUnreadable is told of each row that cannot be read, and is left out; without it the call rejects */
  listClients(onUnreadable?: (row: string) => void): Promise<ClientRecord[]>
  findClient(clientId: string): Promise<ClientRecord | undefined>
  /**
   * Registers a client. A client's `sub` never equals a user's (RFC 9068 §5). So if a person has had the id as `sub`, the
   * person's grants end, and a user of that id is disabled; `person` denies their tokens and records each end. An id that an
   * operator ended can be registered again by an operator only, never by the declarative file.
   */
  createClient(
    client: ClientRecord,
    person: {
      deny: (moment: Moment) => NewBlacklistEntry
      ended: (sid: string) => Recording
      /** How the sessions of a user end, and the event of the user's end. */
      session: SessionEnding
      closed: Recording
    },
    event: Recording,
  ): Promise<CreationOutcome>
  /**
   * Replaces a client by the result of `change`, under its lock. Rejects with the error that `change` throws. Brought
   * secrets that an operator ends in this way are remembered as ended on purpose.
   */
  updateClient(
    clientId: string,
    change: (current: ClientRecord, now: Instant) => ClientRecord,
    event: Recording,
  ): Promise<ClientRecord | undefined>
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
    deny: (moment: Moment, client: ClientRecord) => NewBlacklistEntry[],
    event: Recording,
  ): Promise<'deleted' | 'unknown'>
  /** Notes when secrets were last used, and replaces digests of former master keys; not essential, so it may be late. */
  noteSecretUse(uses: SecretUse[]): Promise<void>

  // resources
  /** @param onUnreadable is told of each row that cannot be read, and is left out; without it the call rejects */
  listResources(onUnreadable?: (row: string) => void): Promise<ResourceRecord[]>
  findResource(id: string): Promise<ResourceRecord | undefined>
  /** The store sets `predecessorEndedAt` by itself; the value in the record is ignored. */
  createResource(resource: ResourceRecord, event: Recording): Promise<'created' | 'exists' | 'ended'>
  updateResource(
    id: string,
    change: (current: ResourceRecord, now: Instant) => ResourceRecord,
    event: Recording,
  ): Promise<ResourceRecord | undefined>
  /**
   * Deletes a resource, and with it the keys of its own ring. `release` gets the clients that have it on their lists in this
   * write, and gives the changes that take it off, or `undefined` where it has to stay.
   */
  deleteResource(
    id: string,
    release: (holders: ClientRecord[]) => VerbOf<Store, 'updateClient'>[] | undefined,
    event: Recording,
  ): Promise<ResourceDeletion>

  // a declarative file
  /** The facts that decide what a file changes, all of one state. */
  readDeclared(ids: DeclaredIds): Promise<DeclaredFacts>
  /**
   * Applies a file in one write. `plan` gets the facts as they are in this write, and its operations take effect in
   * their order, together or not at all. Rejects with what `plan` throws. A plan without operations writes nothing.
   * @returns what `plan` returned
   */
  applyDeclared<Plan extends { operations: DeclaredOperation[] }>(
    ids: DeclaredIds,
    plan: (facts: DeclaredFacts) => Plan,
  ): Promise<Plan>

  // grants, each with its refresh token family
  /**
   * Stores a new grant of the client registration that it was decided for. Rejects with `Unavailable` if this client or
   * subject may not have a grant any more. If the pair has more than `limit` live grants, the oldest ends.
   * @returns the grant that ended, and the master key that makes the new grant's tokens
   */
  createGrant(
    grant: GrantRecord,
    options: GrantOptions,
    event: Recording | undefined,
  ): Promise<{ replaced: string | undefined; masterKeyId: string | null }>
  findGrant(sid: string): Promise<GrantRecord | undefined>
  /** Asks `decide` about the family under its lock and writes the verdict; consumption is one conditional update. */
  rotateGrant(sid: string, decide: RotationRule): Promise<RotationOutcome>
  /**
   * Ends a grant and denies its live access tokens. `already`: it had ended before. Its tokens are denied by this act as
   * well, because the entry that ended it may be lifted.
   */
  endGrant(
    sid: string,
    reason: string,
    deny: GrantDenial,
    options: EndingOptions,
  ): Promise<'ended' | 'already' | 'unknown'>
  /**
   * Ends a page of live grants, in the order of their ids, and denies their live access tokens by `deny`. The grants of a
   * deleted client end too. Followers of the feed start over, because a restored database lacks entries that they have.
   */
  endGrants(
    page: EndingPage,
    reason: string,
    deny: GrantDenial,
    eventFor: (page: EndedPage) => Recording,
  ): Promise<EndedPage>
  /**
   * Ends a page of live sessions, in the order of their ids; their clients are told. The first page also ends sign-ins under
   * way, codes, links, invitations and consents. Grants of the sessions go on: `endGrants` ends them afterwards.
   */
  endSignIns(page: EndingPage, reason: string, eventFor: (page: SignInsPage) => Recording): Promise<SignInsPage>
  /** In the order of their ids, newest last. */
  listGrants(filter: GrantFilter, page: Page): Promise<GrantRecord[]>
  /** Only persons: grants in a client's own name are left out. */
  listSubjects(page: Page): Promise<SubjectSummary[]>
  findSubject(sub: string): Promise<SubjectSummary | undefined>

  // blacklist
  /**
   * Adds the entry that `compose` makes from the facts inside the write. An entry for a `sid`, `sub` or `client_id` also
   * ends the named grants for good.
   */
  addBlacklistEntry(
    named: { kind: BlacklistKind; value: string },
    compose: (moment: Moment, grant: GrantRecord | undefined) => NewBlacklistEntry,
    options: AdditionOptions,
  ): Promise<BlacklistEntry>
  /** Lifts a standing entry where `mayLift` does not throw. */
  removeBlacklistEntry(
    id: string,
    mayLift: (entry: BlacklistEntry) => void,
    event: Recording,
  ): Promise<'removed' | 'unknown'>
  /** A standing entry: one that was not lifted, and has not ended. */
  findBlacklistEntry(id: string): Promise<BlacklistEntry | undefined>
  listBlacklist(page: Page): Promise<BlacklistEntry[]>
  /**
   * Entries added or removed after a revision, oldest change first. Removed entries are listed until they are swept.
   * @param endedBy entries that had ended by then are left out
   */
  listBlacklistSince(revision: number, endedBy?: Instant): Promise<BlacklistEntry[]>

  /** Remembers a one-time id until it expires. Of all callers in all processes, exactly one gets `fresh`. */
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
  /** Notes the present time as one that was believed: the next start goes on from it. `mayNote` is asked inside the write. */
  noteTime(mayNote: () => boolean): Promise<void>
  /** The time that was noted last; where none was, that of the newest event. `undefined` in a new database. */
  believedTime(): Promise<Instant | undefined>
  /** The date of the newest event, which a clock that was ahead may have written. `undefined` in a new database. */
  newestEventAt(): Promise<Instant | undefined>
  /** Sets a setting unless it is set already. Returns the value that is set now. */
  claimSetting(name: SettingName, value: string): Promise<string>

  // replicas: processes that serve one database across a network
  /**
   * Notes the names that this process serves and that it lives, in one step: of replicas that start at once with two issuers
   * one is refused, and of those with one new issuer none.
   * @param replica absent where the database serves this machine alone
   */
  claimNames(names: ServedNames, replica?: LivingReplica): Promise<NamesClaim>
  /** Notes what was noted before, unless another replica lives. */
  returnNames(before: Partial<ServedNames>): Promise<void>
  /** Says that this process lives, or that it stops. */
  noteReplica(replica: LivingReplica, state?: 'lives' | 'stops'): Promise<void>
  /** Those that were seen within the last hour, by name. */
  listReplicas(): Promise<ReplicaRecord[]>
  /**
   * How long until every other replica that is then ready has heard of what is committed now, in milliseconds; 0 where there
   * is no other.
   */
  othersHearWithinMs(): Promise<number>

  /**
   * Deletes at most `limit` rows of each kind that no decision needs any more; returns how many. Audit events, and keys
   * that ended, are deleted if they are older than `forgetBefore`. `maySweep` is asked inside each write.
   */
  sweep(limit: number, forgetBefore: Instant, maySweep: () => boolean): Promise<number>
}

/** A verb of the store with all that it needs, to be performed with others in one write. */
type VerbOf<Value, Verb extends keyof Value> = Value[Verb] extends (...needs: never[]) => unknown
  ? Parameters<Value[Verb]>
  : never
export type OperationOf<Verb extends keyof Store> = { verb: Verb; needs: VerbOf<Store, Verb> }

/** The operations that one write performs together. */
export type DeclaredOperation =
  | OperationOf<'createResource'>
  | OperationOf<'updateResource'>
  | OperationOf<'deleteResource'>
  | OperationOf<'createClient'>
  | OperationOf<'updateClient'>
  | OperationOf<'disableClient'>
  | OperationOf<'deleteClient'>
  | OperationOf<'createGroup'>
  | OperationOf<'changeGroup'>
  | OperationOf<'deleteGroup'>
  | OperationOf<'createUser'>
  | OperationOf<'changeUser'>
