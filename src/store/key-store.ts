/** The verbs of the store that concern signing keys and master keys. The guarantees of store.ts hold for each of them. */
import type { Instant } from '../ground/clock.ts'
import type { Recording } from './records/audit.ts'
import type { Moment, NewBlacklistEntry } from './records/blacklist.ts'
import type { Page } from './records/facts.ts'
import type {
  KeyReader,
  PromotionOutcome,
  PromotionVerdict,
  RevocationOutcome,
  RingId,
  SigningKeyRecord,
} from './records/key.ts'
import type {
  DependentGrants,
  KeyHolder,
  MasterKeyNeeds,
  MasterKeyState,
  Resealed,
  RetireOutcome,
  UseOutcome,
} from './records/master-key.ts'

/** Signing keys: at most one `active` and one `next` per ring and algorithm, held by the database itself. */
export interface KeyStore {
  /** @param onUnreadable is told of each row that cannot be read, and is left out; without it the call rejects */
  listKeys(onUnreadable?: (row: string) => void): Promise<SigningKeyRecord[]>
  findKey(kid: string): Promise<SigningKeyRecord | undefined>
  /**
   * The first keys of a ring; of two processes that try at once, one seeds. `unused`: no resource has this ring to itself.
   * If the shared ring has signed the resource's tokens until now, the next key alone is stored: it signs once it is known.
   */
  seedKeys(ring: RingId, keys: SigningKeyRecord[], event: Recording): Promise<'seeded' | 'exists' | 'unused'>
  /** `next` becomes `active`, `active` becomes `retiring`, `spare` becomes `next`, if `decide` says so. */
  promoteNextKey(
    ring: RingId,
    spare: SigningKeyRecord,
    decide: (ring: SigningKeyRecord[], now: Instant) => PromotionVerdict,
    event: Recording,
  ): Promise<PromotionOutcome>
  /**
   * Revokes a compromised key: it leaves the ring, and its tokens are denied. If it was `active`, the published `next`
   * takes over. If no `next` is left, `spare` becomes `next`. Returns the revoked key as it was before.
   */
  revokeKey(
    kid: string,
    spare: SigningKeyRecord,
    deny: (key: SigningKeyRecord, moment: Moment) => NewBlacklistEntry,
    event: Recording,
  ): Promise<RevocationOutcome>
  /**
   * Dates the `active` and the `next` keys that a clock has dated ahead: the newest of a ring now, the others as far before it
   * as they were, if `mayDate` says so inside the write. Returns their ids.
   */
  redateKeys(mayDate: () => boolean, eventFor: (kid: string) => Recording): Promise<string[]>
  /** Brings own rings to rest that no resource uses: `active` becomes `retiring`, `next` ends. Returns the ids of their keys. */
  restUnusedKeys(eventFor: (kid: string) => Recording): Promise<string[]>
  /** Raises a key's high-water mark. `gone`: the key may not sign any more (retired, revoked). */
  reserveSigning(kid: string, until: Instant): Promise<'reserved' | 'gone'>
  /**
   * Retires `retiring` keys whose last token ended more than `skewSeconds` ago, if `mayRetire` says so inside the write.
   * Returns their ids.
   */
  retireKeys(skewSeconds: number, mayRetire: () => boolean, eventFor: (kid: string) => Recording): Promise<string[]>
}

/** The readers of the JWKS. */
export interface KeyReaderStore {
  /**
   * Notes readers of the keys, many in one write. It may be late. Above a bound, the readers that were not seen for longest
   * are forgotten.
   */
  noteReaders(readers: KeyReader[]): Promise<void>
  /** Most recently seen first. */
  listReaders(): Promise<KeyReader[]>
}

/** Master keys, by their ids. */
export interface MasterKeyStore {
  readMasterKeys(): Promise<MasterKeyState>
  /** Remembers a key that is not used yet, so that servers look for it. */
  noteMasterKey(id: string, event: Recording): Promise<'noted' | 'known' | 'retired'>
  /**
   * Makes a noted key current, and stores the private keys as they were sealed anew under it, together. `blocking`
   * chooses from the running servers those that do not have the key.
   */
  useMasterKey(
    id: string,
    resealed: Resealed,
    blocking: (holders: KeyHolder[], now: Instant) => KeyHolder[],
    event: Recording,
  ): Promise<UseOutcome>
  /**
   * Retires a former key for good. Refused while client secrets need it, unless `ended` gives the events by which those
   * end. The caller has looked for grants: none can come to need a former key.
   */
  retireMasterKey(
    id: string,
    resealed: Resealed,
    ended: ((clientId: string) => Recording) | undefined,
    event: Recording,
  ): Promise<RetireOutcome>
  findMasterKeyNeeds(id: string): Promise<MasterKeyNeeds>
  /** A page of the live grants whose tokens this key makes. */
  listGrantsUnder(masterKeyId: string, page: Page): Promise<DependentGrants>
  /** Notes a running server and the keys that it has. */
  noteKeyHolder(holder: KeyHolder): Promise<void>
  /** Forgets a server that stops. */
  forgetKeyHolder(server: string): Promise<void>
  listKeyHolders(): Promise<KeyHolder[]>
}
