/** Sign-ins under way, and the codes that they end with. */
import type { Instant } from '../../ground/clock.ts'
import { timeOrderedId } from '../../ground/ids.ts'
import type { Authentication, ClaimsRequest } from './authentication.ts'

/** The states of a sign-in, in their order. A step is taken only in the state before it. */
export const SIGN_IN_STATES = ['started', 'primary', 'second', 'must_change', 'must_enrol', 'consent', 'done'] as const
export type SignInState = (typeof SIGN_IN_STATES)[number]

/** The request of a client at `/authorize`, checked and kept. */
export interface AuthorizationRequest {
  clientId: string
  redirectUri: string
  responseMode: 'query' | 'fragment' | 'form_post'
  state: string | null
  nonce: string | null
  /** As asked for, without those that the client may not have. */
  scope: string[]
  resources: string[]
  codeChallenge: string | null
  prompt: string[]
  maxAge: number | null
  loginHint: string | null
  /** The `sub` of a genuine `id_token_hint`. */
  hintedSub: string | null
  acrValues: string[]
  /** Whether `acr` was asked for as essential (OIDC Core §5.5.1.1). */
  isAcrEssential: boolean
  claims: ClaimsRequest
  uiLocales: string[]
  dpopJkt: string | null
}

/** A sign-in under way (a transaction), bound to the browser that began it. */
export interface SignInRecord {
  id: string
  /** SHA-256 of the cookie's secret, base64url. */
  browserHash: string
  /** `null`: the person signs in to the account page. */
  request: AuthorizationRequest | null
  /** A path of our own to go to afterwards, where there is no request. */
  returnTo: string | null
  state: SignInState
  /** The person who has passed the first factor in this sign-in. */
  userId: string | null
  /** The factors that were passed in this sign-in. */
  amr: string[]
  authTime: Instant | null
  /** The live session that the browser had, or that this sign-in made. */
  sessionId: string | null
  isRemembered: boolean
  /** WebAuthn challenge of the next passkey, base64url; used once. */
  challenge: string | null
  /** An unconfirmed TOTP secret, sealed, while the person enrols. */
  pendingTotp: string | null
  createdAt: Instant
  expiresAt: Instant
}

/** Nothing of a person has been passed. */
export const UNPROVEN: Readonly<
  Pick<SignInRecord, 'state' | 'userId' | 'amr' | 'authTime' | 'challenge' | 'pendingTotp'>
> = {
  state: 'started',
  userId: null,
  amr: [],
  authTime: null,
  challenge: null,
  pendingTotp: null,
}

type Begun = Pick<SignInRecord, 'browserHash' | 'request' | 'returnTo'>

/** A sign-in that begins. @param lastsMs how long it may take, in milliseconds */
export const newSignIn = (begun: Begun, now: Instant, lastsMs: number): SignInRecord => ({
  id: timeOrderedId(now),
  ...begun,
  ...UNPROVEN,
  sessionId: null,
  isRemembered: false,
  createdAt: now,
  expiresAt: now + lastsMs,
})

/** The facts of an authorization code. */
export interface CodeFacts extends Authentication {
  clientId: string
  clientKey: number
  /** As the client sent it, with its port. It has to send the same again. */
  redirectUri: string
  codeChallenge: string | null
  userId: string
  sessionId: string
  scope: string[]
  resources: string[]
  nonce: string | null
  claims: ClaimsRequest
  dpopJkt: string | null
}
