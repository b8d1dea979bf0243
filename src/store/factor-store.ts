/** The verbs of the store that change factors. The guarantees of store.ts hold for each of them. */
import type { Recording } from './records/audit.ts'
import type {
  FactorOwner,
  FactorRemoved,
  FoundPasskey,
  MayLose,
  PasskeyAdded,
  PasskeyAddition,
  TotpEnabled,
  TotpEnrolment,
} from './records/factor.ts'
import type { Page } from './records/facts.ts'
import type { DependentTotp, Resealed } from './records/master-key.ts'
import type { OneTimeRecord, PendingKind } from './records/one-time.ts'
import type { PasskeyRecord } from './records/user.ts'

/** Passkeys, authenticator apps and recovery codes: changes outside of a sign-in. */
export interface FactorStore {
  /** Oldest first. */
  listPasskeys(userId: string): Promise<PasskeyRecord[]>
  findPasskey(id: string): Promise<FoundPasskey | undefined>
  /** Keeps a challenge, or a secret that waits for its first code, in the place of one with the same hash. */
  keepPending(value: OneTimeRecord<PendingKind>): Promise<void>
  /** `undefined` where it was used or is over, too. */
  findPending<Kind extends PendingKind>(kind: Kind, hash: string): Promise<OneTimeRecord<Kind> | undefined>
  addPasskey(addition: PasskeyAddition, event: Recording): Promise<PasskeyAdded>
  renamePasskey(owner: FactorOwner, id: string, name: string, event: Recording): Promise<'renamed' | 'unknown' | 'gone'>
  removePasskey(owner: FactorOwner, id: string, mayLose: MayLose, event: Recording): Promise<FactorRemoved>
  /** Stores the secret of an app with fresh recovery codes, in the place of those before. */
  enableTotp(enrolment: TotpEnrolment, event: Recording): Promise<TotpEnabled>
  /** Removes the app and the recovery codes. */
  disableTotp(owner: FactorOwner, mayLose: MayLose, event: Recording): Promise<FactorRemoved>
  /** @param sealed the keys that the digests were made with, as they were read */
  replaceRecoveryCodes(
    owner: FactorOwner,
    sealed: string,
    digests: string[],
    event: Recording,
  ): Promise<'replaced' | 'gone' | 'changed'>
  /** A page of the users, with the secrets of those who have an authenticator app. */
  listTotpSecrets(page: Page): Promise<DependentTotp>
  /** Stores secrets that were sealed under another master key; one that was changed meanwhile stays. */
  resealTotp(resealed: Resealed): Promise<void>
}
