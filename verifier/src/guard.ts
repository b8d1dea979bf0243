/**
 * Guards routes, whatever the framework: finds the token, has it verified, holds it to what the route
 * demands. The adapters beside this file translate a framework's request and response, nothing else.
 */
import type { RevocationStatus } from './blacklist-follower.ts'
import { findCredentials, type Credentials, type IncomingRequest } from './credentials.ts'
import { describeProof, type DpopProof } from './dpop.ts'
import { anyPermission, platformOwner, roles, scopes, type Demand } from './demands.ts'
import { TokenError } from './errors.ts'
import { requireKnown } from './known-options.ts'
import {
  checkOverrides,
  requireNamedAudience,
  VERIFIER_OPTIONS,
  type TokenVerifierOptions,
  type VerifyOverrides,
} from './options.ts'
import { createTokenVerifier, type TokenVerifier } from './token-verifier.ts'
import { profileOf, type Auth, type Profile, type VerifiedToken } from './token.ts'
import { requireSafeUrl } from './web-address.ts'

/** What a route can change: audience, type, tolerance, and how old the knowledge about revocations may be. */
export type RouteOverrides = Omit<VerifyOverrides, 'dpop'>

export interface GuardOptions {
  /** The cookie that is looked into where there is no `Authorization` header; none by default. */
  cookie?: string
  /** Where clients see this API, such as `https://api.example`: what DPoP proofs name when a proxy stands in front. */
  publicOrigin?: string
  /** Where this API's own metadata is (RFC 9728), told to whoever is refused. */
  resourceMetadata?: string
}

/** A verifier's own options, or a verifier that is shared. */
export type AuthMiddlewareOptions = GuardOptions & (TokenVerifierOptions | { verifier: TokenVerifier })

/** Tells whether a token is good; a verifier, or a list of static tokens. */
export interface Authenticator {
  verify(credentials: Credentials, overrides: RouteOverrides | undefined): Promise<VerifiedToken>
  revocationStatus(): RevocationStatus | undefined
  close(): Promise<void>
}

/** The answer of `me()`. */
export type Me = { authenticated: false } | ({ authenticated: true; claims: VerifiedToken['claims'] } & Profile)

export class Guard {
  readonly #authenticator: Authenticator | undefined
  readonly #options: GuardOptions
  readonly #publicOrigin: string | undefined
  /** What this guard found at a request, so that several guards on a route verify it once. */
  readonly #seen = new WeakMap<object, Seen>()

  /** @param authenticator left out: nothing is checked */
  constructor(authenticator: Authenticator | undefined, options: GuardOptions) {
    this.#authenticator = authenticator
    this.#options = options
    if (options.resourceMetadata !== undefined) requireSafeUrl('resourceMetadata', options.resourceMetadata)
    this.#publicOrigin = options.publicOrigin === undefined ? undefined : readOrigin(options.publicOrigin)
    if (options.cookie !== undefined && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(options.cookie))
      throw new TypeError(`cookie is not the name of a cookie: ${options.cookie}`)
  }

  /**
   * @param key an object that stands for the request, the same one for every guard that the request passes
   * @returns the verified token; `undefined` where nothing is checked
   * @throws TokenError
   */
  async admit(
    key: object,
    incoming: IncomingRequest,
    { demand, overrides }: { demand?: Demand; overrides?: RouteOverrides } = {},
  ): Promise<Auth | undefined> {
    if (!this.#authenticator) return undefined
    try {
      const auth = await this.#authenticate(this.#authenticator, key, incoming, overrides)
      demand?.(auth.claims)
      return auth
    } catch (error) {
      throw error instanceof TokenError ? error.pointTo(this.#options.resourceMetadata) : error
    }
  }

  revocationStatus(): RevocationStatus | undefined {
    return this.#authenticator?.revocationStatus()
  }

  async close(): Promise<void> {
    await this.#authenticator?.close()
  }

  async #authenticate(
    authenticator: Authenticator,
    key: object,
    incoming: IncomingRequest,
    overrides: RouteOverrides | undefined,
  ): Promise<Auth> {
    const seen = this.#look(key, incoming)
    // Found good on other terms says nothing: a guard before this one may have been content with less.
    const before = seen.goodOn.get(overrides)
    if (before) return before
    const { claims, header } = await authenticator.verify(seen.credentials, overrides)
    const auth = { claims, header, token: seen.credentials.token }
    seen.goodOn.set(overrides, auth)
    return auth
  }

  /** What was found at a request before counts as long as the request still carries the same. */
  #look(key: object, incoming: IncomingRequest): Seen {
    const { cookie } = this.#options
    const credentials = findCredentials(incoming, { cookie, publicOrigin: this.#publicOrigin })
    const { dpop } = credentials
    if (dpop) credentials.dpop = sameProof(key, dpop)
    const before = this.#seen.get(key)
    const { token, dpop: proof } = before?.credentials ?? {}
    if (before && token === credentials.token && proof === credentials.dpop) return before
    const seen: Seen = { credentials, goodOn: new Map() }
    this.#seen.set(key, seen)
    return seen
  }
}

interface Seen {
  credentials: Credentials
  /** By the terms on which it was verified; `undefined` are those of the guard. */
  goodOn: Map<RouteOverrides | undefined, Auth>
}

/** The proofs that came with each request. */
const proofsOf = new WeakMap<object, DpopProof[]>()

/** One object for one proof of one request, by which guards that share a verifier know that it was checked before. */
function sameProof(request: object, proof: DpopProof): DpopProof {
  const known = proofsOf.get(request) ?? []
  const same = known.find((each) => describeProof(each) === describeProof(proof))
  if (!same) proofsOf.set(request, [...known, proof])
  return same ?? proof
}

/** @throws TypeError */
function readOrigin(publicOrigin: string): string {
  const { origin, pathname, search, hash } = requireSafeUrl('publicOrigin', publicOrigin)
  if (pathname + search + hash !== '/')
    throw new TypeError(`publicOrigin is an origin, without a path: ${publicOrigin}`)
  return origin
}

const GUARD_OPTIONS = ['cookie', 'publicOrigin', 'resourceMetadata']

/** @throws TypeError naming the option that is wrong */
export function createGuard(options: AuthMiddlewareOptions): Guard {
  if ('verifier' in options) {
    requireKnown('createAuthMiddleware with a verifier', options, [...GUARD_OPTIONS, 'verifier'])
    if (!options.verifier.namesAudience) requireNamedAudience({})
    return new Guard(asAuthenticator(options.verifier, false), options)
  }
  requireKnown('createAuthMiddleware', options, [...GUARD_OPTIONS, ...VERIFIER_OPTIONS])
  requireNamedAudience(options)
  const { cookie: _cookie, publicOrigin: _publicOrigin, ...ofVerifier } = options
  return new Guard(asAuthenticator(createTokenVerifier(ofVerifier), true), options)
}

/** @param isOwn made for this guard, and closed with it */
export const asAuthenticator = (verifier: TokenVerifier, isOwn: boolean): Authenticator => ({
  verify: ({ token, dpop }, overrides) => verifier.verifyToken(token, dpop ? { ...overrides, dpop } : overrides),
  revocationStatus: () => verifier.revocationStatus(),
  close: async () => {
    if (isOwn) await verifier.close()
  },
})

/** What `me()` answers: the token's claims, and the rights that it gives. */
export const meOf = (auth: Auth | undefined): Me =>
  auth ? { authenticated: true, ...profileOf(auth.claims), claims: auth.claims } : { authenticated: false }

/** The methods of every adapter. */
export interface AuthMiddleware<Handler, Endpoint> {
  /** Any good token. What it is to be can be changed for the route. */
  requireAuth(overrides?: RouteOverrides): Handler
  /** A good token with all of these scopes. */
  requireScope(...scopes: string[]): Handler
  /** A good token with one of these roles. */
  requireRole(...roles: string[]): Handler
  requirePermission(permission: string): Handler
  requireAnyPermission(permissions: readonly string[]): Handler
  /** A good token with `is_platform_owner: true`. */
  requirePlatformOwner(): Handler
  /** An endpoint that verifies the token and answers what it says. */
  me(): Endpoint
  /** How old the knowledge about revocations is. */
  revocationStatus(): RevocationStatus | undefined
  /** Ends the verifier where it was made here. */
  close(): Promise<void>
}

/** What a route asks of the guard. */
export interface Terms {
  demand?: Demand
  overrides?: RouteOverrides
}

/** Gives a framework's handlers the common names. */
export function middlewareOf<Handler, Endpoint>(
  guard: Guard,
  handler: (terms: Terms) => Handler,
  endpoint: () => Endpoint,
): AuthMiddleware<Handler, Endpoint> {
  return {
    requireAuth: (overrides) => handler(overrides ? { overrides: checkOverrides(overrides) } : {}),
    requireScope: (...needed) => handler({ demand: scopes(...needed) }),
    requireRole: (...accepted) => handler({ demand: roles(...accepted) }),
    requirePermission: (permission) => handler({ demand: anyPermission([permission]) }),
    requireAnyPermission: (permissions) => handler({ demand: anyPermission(permissions) }),
    requirePlatformOwner: () => handler({ demand: platformOwner }),
    me: () => endpoint(),
    revocationStatus: () => guard.revocationStatus(),
    close: () => guard.close(),
  }
}
