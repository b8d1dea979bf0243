/**
 * People sign in to an app by the authorization code flow (OIDC Core §3.1, RFC 9700): the routes below `/auth`, for any
 * framework. The adapters only translate requests and answers. This file holds the way in: /auth/login and /auth/callback.
 * The way out is in sign-out.ts, and the answer about the person in me.ts.
 */
import { mayUseCookie } from './credentials.ts'
import { sha256 } from './digest.ts'
import { followerOf, keysOf, Verifier } from './token-verifier.ts'
import { scopesOf, type TokenClaims } from './token.ts'
import { emptyAnswer, jsonAnswer, refusalAnswer, seeOther, wantsPage, type Answer } from './answer.ts'
import { AppCookies } from './app-cookies.ts'
import { onlyOne, queryOf, type AppRequest } from './app-request.ts'
import { refusalOf, SignInFault } from './sign-in-fault.ts'
import { IssuerCalls, type TokenReply } from './issuer-calls.ts'
import { LiveSessions } from './live-sessions.ts'
import { answerMe } from './me.ts'
import { readReturnPath } from './return-path.ts'
import { Sessions, type Session } from './sessions.ts'
import { readSignInOptions, type SignInOptions, type SignInSettings } from './sign-in-settings.ts'
import { backChannelLogout, logout, type SignOutNeeds } from './sign-out.ts'
import { TokenChecks } from './token-checks.ts'
import { SIGN_IN_SECONDS, Transactions, type Transaction } from './transactions.ts'

/** The person who is signed in to the app in a browser. */
export interface SignedIn {
  /** Of the ID token: `sub`, `name`, `email`, `groups`. */
  claims: TokenClaims
  /** For calls to the API on behalf of the person; fresh. */
  accessToken: string
  scope: string[]
}

export type Route = 'login' | 'callback' | 'logout' | 'backchannel-logout' | 'me'

const METHODS: Record<Route, readonly string[]> = {
  login: ['GET'],
  callback: ['GET'],
  logout: ['GET', 'POST'],
  'backchannel-logout': ['POST'],
  me: ['GET', 'HEAD'],
}

// Sound: the keys of a literal are exactly the union's members.
const ROUTES = Object.keys(METHODS) as Route[]

export const SIGN_IN_PATHS: readonly { route: Route; path: string }[] = ROUTES.map((route) => ({
  route,
  path: `/auth/${route}`,
}))

export class SignIn {
  readonly #settings: SignInSettings
  readonly #cookies: AppCookies
  readonly #transactions: Transactions
  readonly #calls: IssuerCalls
  readonly #checks: TokenChecks
  readonly #sessions: Sessions
  readonly #live: LiveSessions
  readonly #verifiers: readonly Verifier[]
  readonly #access: Verifier

  /** @throws TypeError naming the option that is wrong */
  constructor(options: SignInOptions) {
    const settings = readSignInOptions(options)
    const { clientId, clientSecret, publicOrigin, tokens } = settings
    const { clock } = tokens
    const keys = keysOf(tokens)
    const follower = followerOf(tokens)
    const own = new Verifier(tokens, keys)
    this.#settings = settings
    this.#access = new Verifier(tokens, keys, follower)
    this.#verifiers = [own, this.#access]
    this.#cookies = new AppCookies(publicOrigin)
    this.#transactions = new Transactions(clientSecret, clock)
    this.#calls = new IssuerCalls(settings)
    this.#checks = new TokenChecks(own, clientId, clock)
    this.#sessions = new Sessions(clock)
    const [calls, checks, sessions] = [this.#calls, this.#checks, this.#sessions]
    this.#live = new LiveSessions({ clientId, calls, checks, sessions, follower, clock })
  }

  /** The route of a path; `undefined` for the app's own paths. */
  routeOf(path: string): Route | undefined {
    return SIGN_IN_PATHS.find((each) => each.path === path)?.route
  }

  /** Answers a request to one of the routes. Faults become answers too. */
  async answer(route: Route, request: AppRequest): Promise<Answer> {
    if (!METHODS[route].includes(request.method)) return emptyAnswer(405, { allow: METHODS[route].join(', ') })
    switch (route) {
      case 'login':
        return this.#tellingFaults(request, () => this.#login(request))
      case 'callback':
        return this.#tellingFaults(request, () => this.#callback(request))
      case 'logout':
        return this.#tellingFaults(request, () => logout(request, this.#signOutNeeds()))
      case 'backchannel-logout':
        return backChannelLogout(request, this.#signOutNeeds())
      case 'me':
        return answerMe(request, {
          settings: this.#settings,
          cookies: this.#cookies,
          live: this.#live,
          access: this.#access,
        })
    }
  }

  /**
   * The person who is signed in, for the app's own routes. A request that another site made the browser send counts as
   * that of nobody, unless it is a safe one.
   * @throws SignInFault `issuer_unavailable`; TokenError `revocations_stale`
   */
  async signedIn(request: AppRequest): Promise<SignedIn | undefined> {
    if (!mayUseCookie(request, this.#settings.publicOrigin)) return undefined
    const secret = this.#cookies.session(request)
    const session = secret === undefined ? undefined : await this.#live.find(secret)
    if (!session) return undefined
    const { claims, access } = session
    return { claims, accessToken: access.token, scope: scopesOf({ exp: claims.exp, scope: access.scope }) }
  }

  async close(): Promise<void> {
    this.#calls.close()
    await Promise.all(this.#verifiers.map((verifier) => verifier.close()))
  }

  async #login(request: AppRequest): Promise<Answer> {
    const query = queryOf(request)
    const returnPath = readReturnPath(onlyOne(query, 'return_to'), this.#settings.publicOrigin)
    const transaction = this.#transactions.begin(returnPath, asksForJson(query))
    const { authorization } = await this.#calls.endpoints()
    const sealed = await this.#transactions.seal(transaction)
    return seeOther(this.#authorizationUrl(authorization, transaction), [
      ...this.#cookies.clearMany(request),
      this.#cookies.setLogin(transaction.state, sealed, SIGN_IN_SECONDS),
    ])
  }

  #authorizationUrl(endpoint: string, { state, nonce, verifier }: Transaction): string {
    const { clientId, redirectUri, scope, resources } = this.#settings
    const url = new URL(endpoint)
    const parameters = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope,
      state,
      nonce,
      code_challenge: sha256(verifier),
      code_challenge_method: 'S256',
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    for (const resource of resources) url.searchParams.append('resource', resource)
    return url.href
  }

  /** The issuer's answer. Its browser has begun the sign-in, or nothing of it is looked at. */
  async #callback(request: AppRequest): Promise<Answer> {
    const query = queryOf(request)
    const state = onlyOne(query, 'state')
    if (state === undefined)
      throw new SignInFault('invalid_request', 'state is missing: a sign-in begins at /auth/login')
    const beganAt = this.#settings.tokens.clock.elapsed()
    const transaction = await this.#transactions.finish(state, this.#cookies.login(request, state))
    const isJson = transaction.isJson || asksForJson(query)
    const clear = this.#cookies.clearLogin(state)
    return this.#tellingFaults(
      request,
      async () => {
        const reply = await this.#redeem(query, transaction)
        const session = await this.#sessionOf(reply, transaction)
        return isJson
          ? jsonAnswer(200, handedOver(reply, transaction), { cookies: [clear] })
          : this.#begin(session, { request, transaction, beganAt, clear })
      },
      { cookies: [clear], asPage: !isJson && wantsPage(request) },
    )
  }

  async #redeem(query: URLSearchParams, { verifier }: Transaction): Promise<TokenReply> {
    const { namesIssuer } = await this.#calls.endpoints()
    const iss = onlyOne(query, 'iss')
    // RFC 9207 §2.4: the answer of another issuer is not looked at, errors included.
    if (iss === undefined ? namesIssuer : iss !== this.#settings.tokens.issuer)
      throw new SignInFault('invalid_response', 'the answer is not from the issuer of this sign-in (iss)')
    const error = onlyOne(query, 'error')
    if (error !== undefined)
      throw new SignInFault(
        'sign_in_refused',
        `${error}: ${onlyOne(query, 'error_description') ?? 'the issuer says no more'}`,
      )
    const code = onlyOne(query, 'code')
    if (code === undefined) throw new SignInFault('invalid_request', 'code is missing in the answer of the issuer')
    return this.#calls.redeem(code, verifier)
  }

  async #sessionOf(reply: TokenReply, { nonce }: Transaction): Promise<Session> {
    const claims = await this.#checks.atSignIn(reply.idToken, reply.accessToken, nonce)
    const session = this.#live.sessionOf(reply, reply.idToken ?? '', claims)
    if (await this.#live.isRevoked(session)) throw new SignInFault('sign_in_refused', 'the sign-in was revoked already')
    return session
  }

  /** The browser gets a new secret, and its former session ends: nobody can have planted the one that counts. */
  #begin(
    session: Session,
    {
      request,
      transaction,
      beganAt,
      clear,
    }: { request: AppRequest; transaction: Transaction; beganAt: number; clear: string },
  ): Answer {
    const former = this.#cookies.session(request)
    const secret = this.#sessions.add(session, beganAt)
    if (secret === undefined) throw new SignInFault('sign_in_refused', 'the person has signed out meanwhile')
    const replaced = former === undefined ? undefined : this.#sessions.remove(former)
    void this.#calls.revoke(replaced?.refreshToken)
    const goTo = this.#settings.hasFragment ? this.#fragmentOf(session, transaction) : transaction.returnPath
    return seeOther(goTo, [clear, this.#cookies.setSession(secret)])
  }

  /** Always the app's own first page: a redirect of another page could carry the fragment to another site. */
  #fragmentOf({ access }: Session, { returnPath }: Transaction): string {
    const parameters = {
      access_token: access.token,
      token_type: 'Bearer',
      expires_in: String(Math.round((access.expiresAt - access.issuedAt) / 1000)),
      ...(access.scope !== undefined && { scope: access.scope }),
      ...(returnPath !== '/' && { return_to: returnPath }),
    }
    return `/#${new URLSearchParams(parameters).toString()}`
  }

  #signOutNeeds(): SignOutNeeds {
    return {
      settings: this.#settings,
      cookies: this.#cookies,
      calls: this.#calls,
      checks: this.#checks,
      sessions: this.#sessions,
    }
  }

  async #tellingFaults(
    request: AppRequest,
    work: () => Promise<Answer>,
    {
      asPage = wantsPage(request) && queryOf(request).get('format') !== 'json',
      cookies = [],
    }: { asPage?: boolean; cookies?: string[] } = {},
  ): Promise<Answer> {
    try {
      return await work()
    } catch (fault) {
      return refusalAnswer(refusalOf(fault), { asPage, cookies })
    }
  }
}

/** @throws SignInFault for another format */
function asksForJson(query: URLSearchParams): boolean {
  const format = onlyOne(query, 'format')
  if (format !== undefined && format !== 'json') throw new SignInFault('invalid_request', 'format is json, or left out')
  return format === 'json'
}

/** The app keeps nothing of it: two holders of one refresh token would end it. */
const handedOver = (reply: TokenReply, { returnPath }: Transaction) => ({
  access_token: reply.accessToken,
  token_type: 'Bearer',
  ...(reply.expiresInSeconds !== undefined && { expires_in: reply.expiresInSeconds }),
  ...(reply.refreshToken !== undefined && { refresh_token: reply.refreshToken }),
  id_token: reply.idToken,
  ...(reply.scope !== undefined && { scope: reply.scope }),
  ...(returnPath !== '/' && { return_to: returnPath }),
})
