/** A step of a sign-in, as it enters the write that takes it: the proof, the facts that decide, and the writes. */
import type { Instant } from '../../ground/clock.ts'
import type { Recording } from './audit.ts'
import type { ClientRecord } from './client.ts'
import type { OneTimeRecord } from './one-time.ts'
import type { ConsentRecord, PersonEnding, SessionEnding, SessionRecord } from './session.ts'
import type { SignInRecord } from './sign-in.ts'
import type { PasskeyRecord, Person, UserRecord } from './user.ts'

/** An assertion of a passkey whose signature was verified. */
export interface PasskeyProof {
  kind: 'passkey'
  userId: string
  passkeyId: string
  counter: number
  isBackedUp: boolean
  backupEligibility: PasskeyRecord['backupEligibility']
  /** Whether the person was verified by the authenticator (WebAuthn §6.1, flag UV). */
  isUserVerified: boolean
  /** Whether the key cannot leave its authenticator: `hwk` instead of `swk` (RFC 8176 §2). */
  isHardware: boolean
  /** The challenge that was signed: it must be the one of this sign-in, and is used once. */
  challenge: string
}

/** Proofs of a first factor. */
export type FirstProof =
  /** `passwordHash`: the stored hash that the password was compared with. `renewedHash`: under newer parameters. */
  | { kind: 'password'; userId: string; passwordHash: string; renewedHash?: string | undefined }
  | PasskeyProof
  /** A link that an operator made for the person. It is used up. */
  | { kind: 'link'; hash: string }
  /** A person who was registered by this very request. */
  | { kind: 'new_user'; userId: string; amr: string[] }

/** Proofs of a second factor, of the person who has passed the first. */
export type SecondProof =
  /**
   * `timeStep`: the time step of the code (RFC 6238 §4.2), later than the last accepted one. `sealedSecret`: the stored
   * secret that the code was checked with. `renewedSecret`: the same under the current master key.
   */
  | { kind: 'totp'; timeStep: number; sealedSecret: string; renewedSecret?: string | undefined }
  | { kind: 'recovery'; digest: string }
  | PasskeyProof

/** A factor that the person sets up in the middle of a sign-in. */
export type EnrolmentProof =
  /** `sealedSecret`: the pending secret of the sign-in, confirmed by a code of `timeStep`. */
  | { kind: 'totp_enrolment'; sealedSecret: string; timeStep: number; recoveryDigests: string[] }
  | {
      kind: 'passkey_enrolment'
      passkey: PasskeyRecord
      isUserVerified: boolean
      isHardware: boolean
      challenge: string
    }

export type Proof = FirstProof | SecondProof | EnrolmentProof

/** The sign-in that a browser names: `tx`, and the hash of its `login` cookie. */
export interface SignInRef {
  id: string
  browserHash: string
}

/** Everything that decides what has to happen next, as it stands inside the write. */
export interface SignInFacts {
  signIn: SignInRecord
  /** The live session of the browser, with its person. */
  session: { session: SessionRecord; person: Person } | undefined
  /** The person who has passed the first factor in this sign-in. */
  person: Person | undefined
  /** As registered now; `undefined` where the client is gone, or where there is none. */
  client: ClientRecord | undefined
  /** The consent of the person, or else of the session's person, to the client. */
  consent: ConsentRecord | undefined
  /** Whether the proof of the step holds now. It is not used up by asking. */
  isProven: boolean
  /** The person whom the proof is about. */
  proven: Person | undefined
  /** The consent of that person to the client. */
  provenConsent: ConsentRecord | undefined
  now: Instant
}

/** The clients in the memory of this process, which is as new as the write that asks. */
export interface KnownClients {
  find(clientId: string): ClientRecord | undefined
}

/** The writes of a step. All of them take effect together, or none. */
export interface SignInWrites {
  signIn?: Partial<SignInRecord> | undefined
  /** Uses the proof up. */
  spends?: boolean | undefined
  session?: SessionRecord | undefined
  /** A change of the session that the browser had: another secret, more factors. */
  raised?: { id: string; change: Partial<SessionRecord> } | undefined
  /** The session that ends because another person signs in. */
  ends?: { id: string; ending: SessionEnding } | undefined
  user?: { id: string; change: Partial<UserRecord> } | undefined
  /** Another password was chosen: links and all sessions of the user end but the one of this sign-in. */
  renews?: PersonEnding | undefined
  consent?: ConsentRecord | undefined
  code?: OneTimeRecord<'code'> | undefined
  /** The bucket of guesses that were right in the end. */
  forgives?: string | undefined
  /** The browser in which the person has signed in, by the hash of its `device` cookie. */
  browser?: { hash: string; userId: string } | undefined
  events?: Recording[] | undefined
}

export interface SignInDecision<Result> {
  writes: SignInWrites
  result: Result
}

/** Decides on the facts of the write. It has no other effect, and may be asked several times. */
export type SignInRule<Result> = (facts: SignInFacts) => SignInDecision<Result>

export type SignInOutcome<Result> =
  | { outcome: 'decided'; result: Result }
  /** `unknown`: there is none, or it is over. `other_browser`: another browser began it. */
  | { outcome: 'unknown' | 'other_browser' }
