/**
 * Proofs of a factor, judged against the rows inside the write that uses them. A proof that has held a moment ago may not
 * hold any more: a code was used by another request, a password was changed, a link was followed.
 */
import { find, insert, remove, time, update, type Act } from '../engine.ts'
import { passkeys, recoveryCodes, users } from '../tables/people.ts'
import { isUnusedStep } from '../records/factor.ts'
import { sealedUnder } from '../records/key.ts'
import type { PasskeyProof, Proof, SignInFacts } from '../records/sign-in-step.ts'
import type { PasskeyRecord, Person, UserRecord } from '../records/user.ts'
import { storeTotp } from './factors.ts'
import { requireUsableMasterKey } from './master-key-rows.ts'
import { findOneTime, isUsable, takeOneTime } from './one-time.ts'
import { findPerson } from './people-rows.ts'

/** The person whom a proof is about: its own for a first factor, else the one who is known in the sign-in already. */
export function* personProven(proof: Proof, { person, session }: SignInFacts): Act<Person | undefined> {
  switch (proof.kind) {
    case 'password':
    case 'new_user':
      return yield* findPerson({ id: proof.userId })
    case 'link': {
      const link = yield* findOneTime('sign_in_link', proof.hash)
      return link && (yield* findPerson({ id: link.owner }))
    }
    case 'passkey':
      return yield* findPerson({ id: proof.userId })
    case 'totp':
    case 'recovery':
    case 'totp_enrolment':
    case 'passkey_enrolment':
      return person ?? session?.person
  }
}

/** Whether a proof holds now. It is not used up. */
export function* proves(proof: Proof, { user }: Person, { signIn }: SignInFacts): Act<boolean> {
  switch (proof.kind) {
    case 'password':
      return user.passwordHash === proof.passwordHash
    case 'new_user':
      return true
    case 'link': {
      const link = yield* findOneTime('sign_in_link', proof.hash)
      return link !== undefined && isUsable(link, yield* time())
    }
    case 'passkey':
      return signIn.challenge === proof.challenge && (yield* isPasskeyOf(user, proof))
    case 'totp':
      return user.totpSecret === proof.sealedSecret && isUnusedStep(proof.timeStep, user.totpUsedStep)
    case 'recovery':
      return (yield* find(recoveryCodes, { userId: user.id, digest: proof.digest })) !== undefined
    case 'totp_enrolment':
      return signIn.pendingTotp === proof.sealedSecret
    case 'passkey_enrolment':
      return signIn.challenge === proof.challenge && (yield* isNewPasskey(user, proof.passkey))
  }
}

function* isPasskeyOf({ id: userId }: UserRecord, { passkeyId: id }: PasskeyProof): Act<boolean> {
  return (yield* find(passkeys, { id, userId })) !== undefined
}

function* isNewPasskey({ id: userId }: UserRecord, passkey: PasskeyRecord): Act<boolean> {
  return passkey.userId === userId && (yield* find(passkeys, { id: passkey.id })) === undefined
}

/** Uses a proof up, or stores the factor that it sets up. The challenge and the pending secret go with the sign-in's row. */
export function* spend(proof: Proof, { proven }: SignInFacts): Act<void> {
  if (!proven) return
  const { id, passwordHash } = proven.user
  const now = yield* time()
  switch (proof.kind) {
    case 'new_user':
      return
    case 'password':
      if (proof.renewedHash !== undefined)
        yield* update(users, { id, passwordHash }, { passwordHash: proof.renewedHash })
      return
    case 'link':
      yield* takeOneTime('sign_in_link', proof.hash)
      return
    case 'passkey': {
      const { counter, isBackedUp, backupEligibility, passkeyId } = proof
      const change = { counter, isBackedUp, backupEligibility, lastUsedAt: now }
      yield* update(passkeys, { id: passkeyId, userId: id }, change)
      return
    }
    case 'totp': {
      const { timeStep, sealedSecret, renewedSecret = sealedSecret } = proof
      if (renewedSecret !== sealedSecret) yield* requireUsableMasterKey(sealedUnder(renewedSecret))
      const change = { totpUsedStep: timeStep, totpSecret: renewedSecret }
      yield* update(users, { id, totpSecret: sealedSecret }, change)
      return
    }
    case 'recovery':
      yield* remove(recoveryCodes, { userId: id, digest: proof.digest })
      return
    case 'totp_enrolment': {
      const { sealedSecret: sealed, timeStep, recoveryDigests } = proof
      yield* storeTotp(id, { sealed, timeStep, recoveryDigests })
      return
    }
    case 'passkey_enrolment':
      yield* insert(passkeys, proof.passkey)
  }
}
