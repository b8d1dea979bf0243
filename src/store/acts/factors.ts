/**
 * Changes of a person's factors, on the account page and by operators. Factors that are used in a sign-in are spent by its
 * step. A change that a person makes holds only in a live session.
 */
import { find, insert, remove, select, time, update, type Act, type Engine } from '../engine.ts'
import type { FactorStore } from '../factor-store.ts'
import { oneTimeValues, passkeys, recoveryCodes, sessions, users } from '../tables/people.ts'
import type { Recording } from '../records/audit.ts'
import type {
  FactorOwner,
  FactorRemoved,
  FoundPasskey,
  MayLose,
  PasskeyAdded,
  PasskeyAddition,
  RaisedSession,
  TotpEnabled,
  TotpEnrolment,
} from '../records/factor.ts'
import { sealedUnder } from '../records/key.ts'
import type { OneTimeRecord, PendingKind } from '../records/one-time.ts'
import { isLiveSession, type SessionRecord } from '../records/session.ts'
import type { UserRecord } from '../records/user.ts'
import { record } from './audit.ts'
import { requireUsableMasterKey } from './master-key-rows.ts'
import { findOneTime, isUsable, takeOneTime } from './one-time.ts'
import { findPerson, personOf } from './people-rows.ts'
import { totpSecretVerbs } from './totp-secrets.ts'

type Raising = PasskeyAddition | TotpEnrolment

export const factorVerbs = (engine: Engine): FactorStore => ({
  ...totpSecretVerbs(engine),
  listPasskeys: (userId) => engine.read(() => select(passkeys, { where: { userId }, orderBy: 'createdAt' })),
  findPasskey: (id) => engine.read(() => findPasskey(id)),
  keepPending: (value) => engine.act(() => keepPending(value), 'free'),
  findPending: (kind, hash) => engine.read(() => findPending(kind, hash)),
  addPasskey: (addition, event) => engine.act(() => addPasskey(addition, event)),
  renamePasskey: (owner, id, name, event) => engine.act(() => renamePasskey(owner, id, name, event)),
  removePasskey: (owner, id, mayLose, event) => engine.act(() => removePasskey(owner, id, mayLose, event)),
  enableTotp: (enrolment, event) => engine.act(() => enableTotp(enrolment, event)),
  disableTotp: (owner, mayLose, event) => engine.act(() => disableTotp(owner, mayLose, event)),
  replaceRecoveryCodes: (owner, sealed, digests, event) =>
    engine.act(() => replaceRecoveryCodes(owner, sealed, digests, event)),
})

function* findPasskey(id: string): Act<FoundPasskey | undefined> {
  const passkey = yield* find(passkeys, { id })
  const person = passkey && (yield* findPerson({ id: passkey.userId }))
  return passkey && person && { passkey, person }
}

/** Keeps a challenge or a secret that waits for its confirmation, in the place of one with the same hash. */
function* keepPending(value: OneTimeRecord<PendingKind>): Act<void> {
  yield* remove(oneTimeValues, { kind: value.kind, hash: value.hash })
  yield* insert(oneTimeValues, value)
}

function* findPending<Kind extends PendingKind>(kind: Kind, hash: string): Act<OneTimeRecord<Kind> | undefined> {
  const value = yield* findOneTime(kind, hash)
  return value && isUsable(value, yield* time()) ? value : undefined
}

/** The person who acts, unless the session has ended or the person may not sign in any more. */
function* findOwner({ userId, sessionId }: FactorOwner): Act<UserRecord | undefined> {
  const user = yield* find(users, { id: userId })
  if (!user || sessionId === null) return user
  const session = yield* find(sessions, { id: sessionId })
  const isLive = session?.userId === userId && isLiveSession(session, yield* time())
  return isLive && user.disabledAt === null ? user : undefined
}

function* addPasskey(addition: PasskeyAddition, event: Recording): Act<PasskeyAdded> {
  const { userId, sessionId, challengeHash, passkey, most } = addition
  const session = yield* findRaisable(addition)
  if (!session) return 'gone'
  const challenge = yield* takeOneTime('passkey_creation', challengeHash)
  if (challenge.outcome !== 'taken' || challenge.value.owner !== sessionId) return 'challenge'
  if (yield* find(passkeys, { id: passkey.id })) return 'taken'
  if ((yield* select(passkeys, { where: { userId }, limit: most })).length >= most) return 'too_many'
  const now = yield* time()
  yield* insert(passkeys, { ...passkey, userId, createdAt: now, lastUsedAt: null })
  yield* touch(userId)
  yield* raise(session, addition.raised)
  yield* record(event)
  return 'added'
}

/** The session of a person who sets a factor up, while it is live and has the secret that the browser came with. */
function* findRaisable(owner: Raising): Act<SessionRecord | undefined> {
  if (!(yield* findOwner(owner))) return undefined
  return yield* find(sessions, { id: owner.sessionId, secretHash: owner.raised.formerHash })
}

/** The person has just shown the new factor, so it counts in the session. */
function* raise({ id, amr }: SessionRecord, { secretHash, withFactor }: RaisedSession): Act<void> {
  yield* update(sessions, { id }, { secretHash, ...withFactor(amr) })
}

function* touch(id: string): Act<void> {
  yield* update(users, { id }, { updatedAt: yield* time() })
}

function* renamePasskey(
  owner: FactorOwner,
  id: string,
  name: string,
  event: Recording,
): Act<'renamed' | 'unknown' | 'gone'> {
  if (!(yield* findOwner(owner))) return 'gone'
  const { userId } = owner
  if ((yield* update(passkeys, { id, userId }, { name })) === 0) return 'unknown'
  yield* record(event)
  return 'renamed'
}

function* removePasskey(owner: FactorOwner, id: string, mayLose: MayLose, event: Recording): Act<FactorRemoved> {
  const user = yield* findOwner(owner)
  if (!user) return 'gone'
  const { userId } = owner
  if (!(yield* find(passkeys, { id, userId }))) return 'unknown'
  if (!mayLose(yield* personOf(user))) return 'last'
  yield* remove(passkeys, { id, userId })
  yield* touch(userId)
  yield* record(event)
  return 'removed'
}

function* enableTotp(enrolment: TotpEnrolment, event: Recording): Act<TotpEnabled> {
  const { userId, sessionId, pendingHash, sealed, timeStep, recoveryDigests } = enrolment
  const session = yield* findRaisable(enrolment)
  if (!session) return 'gone'
  const pending = yield* takeOneTime('totp_enrolment', pendingHash)
  if (pending.outcome !== 'taken' || pending.value.owner !== sessionId) return 'changed'
  if (pending.value.facts.sealed !== sealed) return 'changed'
  yield* storeTotp(userId, { sealed, timeStep, recoveryDigests })
  yield* raise(session, enrolment.raised)
  yield* record(event)
  return 'enabled'
}

/** Makes an authenticator app a factor of a person, in the place of another one. */
export function* storeTotp(
  userId: string,
  { sealed, timeStep, recoveryDigests }: Pick<TotpEnrolment, 'sealed' | 'timeStep' | 'recoveryDigests'>,
): Act<void> {
  yield* requireUsableMasterKey(sealedUnder(sealed))
  const now = yield* time()
  yield* update(users, { id: userId }, { totpSecret: sealed, totpUsedStep: timeStep, updatedAt: now })
  yield* storeRecoveryCodes(userId, recoveryDigests)
}

function* storeRecoveryCodes(userId: string, digests: string[]): Act<void> {
  const now = yield* time()
  yield* remove(recoveryCodes, { userId })
  for (const digest of digests) yield* insert(recoveryCodes, { userId, digest, createdAt: now })
}

function* disableTotp(owner: FactorOwner, mayLose: MayLose, event: Recording): Act<FactorRemoved> {
  const user = yield* findOwner(owner)
  if (!user) return 'gone'
  if (user.totpSecret === null) return 'unknown'
  if (!mayLose(yield* personOf(user))) return 'last'
  yield* forgetTotp(owner.userId)
  yield* record(event)
  return 'removed'
}

/** The recovery codes go too: their digests are made with a key that is sealed with the secret of the app. */
function* forgetTotp(userId: string): Act<void> {
  const now = yield* time()
  yield* update(users, { id: userId }, { totpSecret: null, totpUsedStep: -1, updatedAt: now })
  yield* remove(recoveryCodes, { userId })
}

/** @param sealed the keys that the digests were made with, as they were read */
function* replaceRecoveryCodes(
  owner: FactorOwner,
  sealed: string,
  digests: string[],
  event: Recording,
): Act<'replaced' | 'gone' | 'changed'> {
  const user = yield* findOwner(owner)
  if (!user) return 'gone'
  if (user.totpSecret !== sealed) return 'changed'
  // Writes the person's row, as every change of factors: where no code is left, nothing else keeps two of them apart.
  yield* touch(owner.userId)
  yield* storeRecoveryCodes(owner.userId, digests)
  yield* record(event)
  return 'replaced'
}
