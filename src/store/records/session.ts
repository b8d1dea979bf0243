/** Sessions, sign-ins under way, and what they leave behind. */
import type { Instant } from '../../ground/clock.ts'

/** How a person was authenticated, as tokens tell it (OIDC Core §2, RFC 8176). */
export interface Authentication {
  /** When, to the second: `auth_time`. */
  authTime: Instant
  amr: string[]
  acr: string
}

/** One sign-in in one browser. */
export interface SessionRecord extends Authentication {
  /** `sid` of ID tokens and logout tokens. */
  id: string
  /** SHA-256 of the cookie's secret, base64url. */
  secretHash: string
  userId: string
  /** "Keep me signed in": the cookie outlives the browser. */
  isRemembered: boolean
  /** The browser's name for itself, shortened. */
  userAgent: string
  address: string
  createdAt: Instant
  lastSeenAt: Instant
  idleExpiresAt: Instant
  expiresAt: Instant
  endedAt: Instant | null
  endedReason: string | null
}

/** Whether a session is neither ended nor over. */
export const isLiveSession = ({ endedAt, expiresAt, idleExpiresAt }: SessionRecord, now: Instant): boolean =>
  endedAt === null && now < expiresAt && now < idleExpiresAt

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
  /** Names of claims that were asked for one by one (OIDC Core §5.5). */
  claims: { idToken: string[]; userinfo: string[] }
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

/**
 * The kinds of one-time values. A value is looked up by its kind and its hash, so a value of one kind is none of another.
 */
export type OneTimeKind = 'code' | 'invitation' | 'sign_in_link' | 'passkey_creation' | 'totp_enrolment' | 'logout'

/** A one-time value: an authorization code, a link, a challenge. Only its hash is stored. */
export interface OneTimeRecord {
  kind: OneTimeKind
  /** SHA-256 of the value, base64url. */
  hash: string
  /** An id of its own, for lists and for revoking. */
  id: string
  /** The user, client, session or sign-in that it is for; empty for none. */
  owner: string
  facts: Record<string, unknown>
  usesLeft: number
  createdAt: Instant
  expiresAt: Instant
  /** The row is remembered so long, that a later use can be told from an unknown value. */
  keptUntil: Instant
  consumedAt: Instant | null
  /** The grant that a code gave; `null` for none. */
  outcome: string | null
}

/** The facts of an authorization code. */
export interface CodeFacts extends Authentication {
  clientId: string
  clientKey: number
  redirectUri: string
  /** Whether the client sent it, so that it has to send it again. */
  codeChallenge: string | null
  userId: string
  sessionId: string
  scope: string[]
  resources: string[]
  nonce: string | null
  claims: AuthorizationRequest['claims']
  dpopJkt: string | null
}

/** The facts of a sign-in that a grant keeps, for later ID tokens and for userinfo. */
export interface GrantSignIn extends Authentication {
  claims: AuthorizationRequest['claims']
}

export interface ConsentRecord {
  userId: string
  clientKey: number
  clientId: string
  scope: string[]
  resources: string[]
  createdAt: Instant
  updatedAt: Instant
}

/** A logout token that is owed to a client (OIDC Back-Channel Logout 1.0). */
export interface LogoutDelivery {
  id: string
  clientId: string
  sub: string
  sessionId: string
  uri: string
  /** Attempts that were made. */
  attempts: number
  nextAt: Instant
  createdAt: Instant
  expiresAt: Instant
}
