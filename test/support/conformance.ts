/**
 * A relying party that checks as the OpenID conformance suite checks. It sends the requests of the suite's modules, plays
 * the person, and makes the checks that the suite makes in every module.
 */
import { hash, randomBytes } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose'
import { expect } from 'vitest'
import type { UserRecord } from '../../src/store/records/user.ts'
import type { AdministeredIssuer } from './admin.ts'
import { answerOf, type BrowserLike, type ClientAnswer, type Seen } from './browser-like.ts'
import { bearer, post, request, type Answer, type Credentials } from './client.ts'
import { addClient } from './codes.ts'
import { PASSWORD, browserAt } from './people.ts'

export const SUITE = 'https://suite.example/test/a/signet'

/** What a person needs so that no scope lacks a claim, as `docs/openid.md` tells an operator to create one. */
export const BUFFY: Partial<UserRecord> = {
  name: 'Buffy Summers',
  profile: {
    given_name: 'Buffy',
    family_name: 'Summers',
    nickname: 'slayer',
    picture: 'https://suite.example/buffy.png',
    locale: 'en-US',
    zoneinfo: 'America/Los_Angeles',
    phone_number: '+1 555 0100',
    phone_number_verified: true,
    address: { formatted: '1630 Revello Drive\nSunnydale', locality: 'Sunnydale', country: 'US' },
  },
  claims: {
    middle_name: 'Anne',
    profile: 'https://suite.example/buffy',
    website: 'https://sunnydale.example',
    gender: 'female',
    birthdate: '1981-01-19',
  },
}

export interface Party extends Credentials {
  redirectUri: string
  sendsSecretInForm?: boolean
}

export const addParty = async (issuer: AdministeredIssuer, metadata: Record<string, unknown> = {}): Promise<Party> => {
  const redirectUri = `${SUITE}/callback`
  const client = await addClient(issuer, {
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [`${SUITE}/post_logout_redirect`],
    require_pkce: false,
    id_token_claims: false,
    ...metadata,
  })
  const sendsSecretInForm = metadata.token_endpoint_auth_method === 'client_secret_post'
  return { ...client, redirectUri, sendsSecretInForm }
}

/** OIDC Core §2 and §3.3.2.11, RFC 7519 §4.1, and `sid` of the logout specifications. */
const OF_THE_PROTOCOL = new Set('iss sub aud exp iat auth_time nonce acr amr azp at_hash c_hash nbf jti sid'.split(' '))

type Parameters = Record<string, string | undefined>

export interface Authorized {
  sent: Record<string, string>
  seen: Seen
  answer: ClientAnswer
  /** The pages that the person answered. */
  pages: string[]
}

export interface SignedIn extends Authorized {
  tokens: Record<string, string>
  /** Of the ID token. */
  claims: JWTPayload
}

export class Suite {
  readonly issuer: AdministeredIssuer
  readonly username: string
  readonly responseMode: string | undefined

  constructor(issuer: AdministeredIssuer, username: string, responseMode?: string) {
    this.issuer = issuer
    this.username = username
    this.responseMode = responseMode
  }

  newBrowser = (): BrowserLike => browserAt(this.issuer)

  /** The parameters of a request; `undefined` leaves one out. Their order is the order of the query. */
  requestOf(party: Party, more: Parameters = {}): Record<string, string> {
    const all = {
      client_id: party.clientId,
      redirect_uri: party.redirectUri,
      scope: 'openid',
      state: randomBytes(8).toString('base64url'),
      nonce: randomBytes(8).toString('base64url'),
      response_type: 'code',
      response_mode: this.responseMode,
      ...more,
    }
    return Object.fromEntries(
      Object.entries(all).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]])),
    )
  }

  /** Sends an authorization request, answers the pages that come, and checks the answer to the client. */
  async authorize(browser: BrowserLike, party: Party, more: Parameters = {}): Promise<Authorized> {
    const sent = this.requestOf(party, more)
    return this.answerPages(browser, await browser.get(`/authorize?${new URLSearchParams(sent).toString()}`), sent)
  }

  /** The person signs in and agrees. */
  async answerPages(browser: BrowserLike, first: Seen, sent: Record<string, string>): Promise<Authorized> {
    const pages: string[] = []
    let seen = first
    while (seen.page === 'login' || seen.page === 'consent') {
      pages.push(seen.page)
      seen =
        seen.page === 'login'
          ? await browser.submit(seen, { username: this.username, password: PASSWORD }, 'sign-in')
          : await browser.submit(seen, {}, 'allow')
    }
    this.#checkTransport(seen, sent)
    const answer = answerOf(seen)
    expect(answer.state).toBe(sent.state)
    expect(answer.iss).toBe(this.issuer.issuer)
    return { sent, seen, answer, pages }
  }

  /** OAuth 2.0 Form Post Response Mode §2: by POST, as a form, and nothing of it in the URL. */
  #checkTransport(seen: Seen, { redirect_uri: uri = '' }: Record<string, string>): void {
    if (this.responseMode === 'form_post') {
      expect(seen.forms[0], seen.html.slice(0, 300)).toMatchObject({ action: uri, method: 'post' })
      expect(seen.url.href).not.toMatch(/[?&#](code|error)=/)
      return
    }
    expect(seen.isAway, seen.html.slice(0, 300)).toBe(true)
    expect(seen.url.href.startsWith(uri)).toBe(true)
    expect(seen.url.hash).toBe('')
  }

  /** An authorization that ends in an error for the client. */
  async refused(browser: BrowserLike, party: Party, more: Parameters): Promise<ClientAnswer> {
    const { answer, pages } = await this.authorize(browser, party, more)
    expect(pages).toEqual([])
    const known = ['error', 'error_description', 'error_uri', 'state', 'iss']
    expect(Object.keys(answer).filter((name) => !known.includes(name))).toEqual([])
    expect(answer.error_description ?? '').toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]*$/)
    return answer
  }

  redeem(party: Party, code: string | undefined, more: Record<string, string> = {}): Promise<Answer> {
    const form = { grant_type: 'authorization_code', code: code ?? '', redirect_uri: party.redirectUri, ...more }
    return this.token(party, form)
  }

  /** A request to /token, as the client authenticates. */
  token(party: Party, form: Record<string, string>): Promise<Answer> {
    if (!party.sendsSecretInForm) return post(this.issuer, '/token', form, party)
    return post(this.issuer, '/token', { ...form, client_id: party.clientId, client_secret: party.secret })
  }

  /** The whole flow, with the checks that each module makes of answer, tokens and ID token. */
  async signIn(browser: BrowserLike, party: Party, more: Parameters = {}): Promise<SignedIn> {
    return this.finish(party, await this.authorize(browser, party, more))
  }

  async finish(party: Party, authorized: Authorized, more: Record<string, string> = {}): Promise<SignedIn> {
    const { answer, sent } = authorized
    expect(Object.keys(answer).toSorted()).toEqual(['code', 'iss', ...(sent.state === undefined ? [] : ['state'])])
    const tokens = checkedTokens(await this.redeem(party, answer.code, more))
    const claims = await this.checkedIdToken(tokens, party)
    expect(claims.nonce).toBe(sent.nonce)
    return { ...authorized, tokens, claims }
  }

  /**
   * OIDC Core §3.1.3.7 and §3.1.3.8. The suite warns of every claim that was not asked for
   * (EnsureIdTokenDoesNotContainNonRequestedClaims), and id_token_claims: false leaves those of the scope to userinfo.
   */
  async checkedIdToken(tokens: Record<string, string>, party: Party): Promise<JWTPayload> {
    const now = this.issuer.clock.now()
    const keys = createRemoteJWKSet(new URL(`${this.issuer.url}/.well-known/jwks.json`))
    const { payload, protectedHeader } = await jwtVerify(tokens.id_token ?? '', keys, {
      issuer: this.issuer.issuer,
      audience: party.clientId,
      algorithms: ['RS256'],
      currentDate: new Date(now),
      requiredClaims: ['sub', 'exp', 'iat', 'auth_time', 'acr', 'sid'],
    })
    expect(protectedHeader.kid).toBeTruthy()
    expect(String(payload.sub).length).toBeLessThanOrEqual(255)
    expect(Math.abs(now / 1000 - Number(payload.iat))).toBeLessThan(300)
    const half = hash('sha256', tokens.access_token ?? '', 'buffer')
      .subarray(0, 16)
      .toString('base64url')
    expect(payload.at_hash).toBe(half)
    expect(Object.keys(payload).filter((name) => !OF_THE_PROTOCOL.has(name))).toEqual([])
    return payload
  }

  /** GET /userinfo, with the checks of OIDC Core §5.1 and §5.3.2. */
  async userinfo({ tokens, claims }: Pick<SignedIn, 'tokens' | 'claims'>): Promise<Record<string, unknown>> {
    const headers = bearer(tokens.access_token ?? '')
    return checkedUserinfo(await request(`${this.issuer.url}/userinfo`, { headers }), claims)
  }
}

/** RFC 6749 §5.1. */
export function checkedTokens({ status, headers, body, text }: Answer): Record<string, string> {
  expect(status, text).toBe(200)
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body.token_type).toBe('Bearer')
  expect(body.expires_in).toBeGreaterThan(0)
  return body
}

/** RFC 6749 §5.2. */
export function checkInvalidGrant({ status, headers, body }: Answer): void {
  expect([status, body.error]).toEqual([400, 'invalid_grant'])
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
}

const TEXTS =
  'sub name given_name family_name middle_name nickname preferred_username profile picture website email gender birthdate zoneinfo locale phone_number'
const TYPES: Record<string, string> = {
  ...Object.fromEntries(TEXTS.split(' ').map((name) => [name, 'string'])),
  email_verified: 'boolean',
  phone_number_verified: 'boolean',
  updated_at: 'number',
  address: 'object',
}

export function checkedUserinfo({ status, headers, body, text }: Answer, { sub }: JWTPayload): Record<string, unknown> {
  expect(status, text).toBe(200)
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(body.sub).toBe(sub)
  for (const [name, value] of Object.entries(body)) {
    expect(typeof value, name).toBe(TYPES[name] ?? typeof value)
    expect(value, name).not.toBe('')
    expect(value, name).not.toBeNull()
  }
  return body
}

/** The claims of each scope in OIDC Core §5.4: the suite warns of each that userinfo lacks. */
export const CLAIMS_OF: Record<string, string[]> = {
  profile:
    'name given_name family_name middle_name nickname profile picture website gender birthdate zoneinfo locale updated_at preferred_username'.split(
      ' ',
    ),
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
}
