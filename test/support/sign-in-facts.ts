/** The facts of a sign-in, described by their difference from a plain one, for tests of the rule. */
import { blankClient } from '../../src/clients/client.ts'
import { blankResource } from '../../src/resources/resource.ts'
import type { Terms } from '../../src/authorize/prompt.ts'
import type { ClientRecord } from '../../src/store/records/client.ts'
import type { ConsentRecord, SessionRecord } from '../../src/store/records/session.ts'
import type { SignInFacts } from '../../src/store/records/sign-in-step.ts'
import type { AuthorizationRequest, SignInRecord } from '../../src/store/records/sign-in.ts'
import type { Person, UserRecord } from '../../src/store/records/user.ts'

export const NOW = 1_800_000_000_000
const CALLBACK = 'https://app.example/callback'
export const API = blankResource('https://api.example', NOW)

export const user = (id: string, more: Partial<UserRecord> = {}): UserRecord => ({
  id,
  username: id,
  isNameChosen: false,
  email: null,
  emailKey: null,
  name: null,
  profile: {},
  claims: {},
  handle: id,
  passwordHash: 'hash',
  passwordOrigin: 'person',
  passwordChangedAt: NOW - 86_400_000,
  mustChangePassword: false,
  totpSecret: null,
  totpUsedStep: -1,
  disabledAt: null,
  createdAt: 0,
  updatedAt: 0,
  lastLoginAt: null,
  ...more,
})

export interface Described {
  request?: Partial<AuthorizationRequest> | null
  client?: Partial<ClientRecord>
  /** The session of the browser: seconds since the person signed in, and how. */
  session?: { ageSeconds?: number; amr?: string[]; who?: Person }
  /** The factors passed in this sign-in. */
  passed?: { amr: string[]; who?: Person; ageSeconds?: number }
  signIn?: Partial<SignInRecord>
  consent?: Partial<ConsentRecord>
  terms?: Partial<Terms>
}

export const person = (
  more: Partial<UserRecord> = {},
  factors: Partial<Person['factors']> = {},
  groups: string[] = [],
): Person => ({
  user: user('ada', more),
  groups: groups.map((name) => ({
    name,
    roles: [],
    permissions: [],
    claims: {},
    declaredBy: null,
    createdAt: 0,
    updatedAt: 0,
  })),
  factors: { passkeys: 0, recoveryCodes: 0, ...factors },
})

export const ADA = person()

/** The terms of a plain issuer. Nobody is on its blacklist. */
export const TERMS: Terms = {
  mfa: 'optional',
  findResource: (id) => (id === API.id ? API : undefined),
  blacklist: { findRefusing: () => undefined },
}

export function factsOf({ request = {}, client = {}, session, passed, signIn, consent }: Described): SignInFacts {
  const who = session?.who ?? ADA
  const authTime = NOW - (session?.ageSeconds ?? 60) * 1000
  const record: SessionRecord = {
    id: 's1',
    secretHash: '',
    userId: who.user.id,
    authTime,
    amr: session?.amr ?? ['pwd'],
    acr: '1',
    isRemembered: false,
    userAgent: '',
    address: '',
    createdAt: authTime,
    lastSeenAt: authTime,
    idleExpiresAt: NOW + 1000,
    expiresAt: NOW + 1000,
    endedAt: null,
    endedReason: null,
  }
  const asked: AuthorizationRequest = {
    clientId: 'app',
    redirectUri: CALLBACK,
    responseMode: 'query',
    state: null,
    nonce: null,
    scope: ['openid'],
    resources: [API.id],
    codeChallenge: null,
    prompt: [],
    maxAge: null,
    loginHint: null,
    hintedSub: null,
    acrValues: [],
    isAcrEssential: false,
    claims: { idToken: [], userinfo: [] },
    uiLocales: [],
    dpopJkt: null,
    ...request,
  }
  return {
    signIn: {
      id: 'x',
      browserHash: 'b',
      request: request === null ? null : asked,
      returnTo: null,
      state: passed ? 'primary' : 'started',
      userId: passed ? (passed.who ?? ADA).user.id : null,
      amr: passed?.amr ?? [],
      authTime: passed ? NOW - (passed.ageSeconds ?? 0) * 1000 : null,
      sessionId: session ? 's1' : null,
      isRemembered: false,
      challenge: null,
      pendingTotp: null,
      createdAt: NOW,
      expiresAt: NOW + 3_600_000,
      ...signIn,
    },
    session: session && { session: record, person: who },
    person: passed && (passed.who ?? ADA),
    client: request === null ? undefined : { ...blankClient('app', NOW), redirectUris: [CALLBACK], ...client },
    consent: consent && {
      userId: 'ada',
      clientKey: 0,
      clientId: 'app',
      scope: [],
      resources: [API.id],
      createdAt: 0,
      updatedAt: 0,
      ...consent,
    },
    isProven: false,
    proven: undefined,
    provenConsent: undefined,
    now: NOW,
  }
}
