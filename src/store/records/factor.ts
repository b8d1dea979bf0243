/** Changes of a person's factors. */
import type { SessionRecord } from './session.ts'
import type { PasskeyRecord, Person } from './user.ts'

/** The person who changes factors, in a session that has to be live in the write. `null`: an operator acts. */
export interface FactorOwner {
  userId: string
  sessionId: string | null
}

/**
 * A session that one more factor raises: it gets another secret, as at every factor. It is raised only while it has the
 * secret of the browser that asks.
 */
export interface RaisedSession {
  formerHash: string
  secretHash: string
  /** The factors of the session with the new one, from those that the write finds. */
  withFactor: (amr: readonly string[]) => Pick<SessionRecord, 'amr' | 'acr'>
}

/** The person who sets a factor up, in a session of the person's own. */
interface RaisingOwner extends FactorOwner {
  sessionId: string
  raised: RaisedSession
}

/** A passkey with the person whom it signs in. */
export interface FoundPasskey {
  passkey: PasskeyRecord
  person: Person
}

/** A passkey that is added in answer to a challenge, which the write uses up. */
export interface PasskeyAddition extends RaisingOwner {
  challengeHash: string
  passkey: Omit<PasskeyRecord, 'userId' | 'createdAt' | 'lastUsedAt'>
  /** Passkeys of one person at most. */
  most: number
}

/**
 * `gone`: the session or the person is no more, or the session has another secret meanwhile. `challenge`: it was used, is over, or is not of this session. `taken`: the
 * credential is known already.
 */
export type PasskeyAdded = 'added' | 'gone' | 'challenge' | 'taken' | 'too_many'

/** `last`: the person may not lose it. */
export type FactorRemoved = 'removed' | 'unknown' | 'gone' | 'last'

/** Whether a person may lose the factor, as the write sees the person. */
export type MayLose = (person: Person) => boolean

/** An authenticator app whose first code was right. */
export interface TotpEnrolment extends RaisingOwner {
  /** The pending secret that the code belongs to, by its hash, and as it was read. */
  pendingHash: string
  sealed: string
  timeStep: number
  recoveryDigests: string[]
}

export type TotpEnabled = 'enabled' | 'gone' | 'changed'

/** A quarter of an hour, in time steps of 30 seconds. */
const STEPS_AHEAD = 30

/**
 * Whether no code of this time step or a later one was used. A step that is far ahead was used while the clock was ahead: its
 * codes would lock out the person until then.
 */
export const isUnusedStep = (timeStep: number, usedStep: number): boolean =>
  timeStep > usedStep || usedStep > timeStep + STEPS_AHEAD
