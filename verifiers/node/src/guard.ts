/**
 * Guards routes in any framework: finds the token, has it verified, and checks what the route demands. The adapters
 * beside this file only translate requests and responses of a framework.
 */
import type { RevocationStatus } from './blacklist-follower.ts'
import { findCredentials, type Credentials } from './credentials.ts'
import type { IncomingRequest } from './incoming-request.ts'
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
import { readAllowHttp, requireOrigin, requireSafeUrl } from './web-address.ts'

/** Settings that a route can change: audience, type, tolerance, and the allowed age of revocation data. */
export type RouteOverrides = Omit<VerifyOverrides, 'dpop'>

export interface GuardOptions {
  /** The cookie that is read if there is no `Authorization` header; none by default. */
  cookie?: string
  /** The origin at which clients see this API behind a proxy, such as `https://api.example`; for DPoP and cookies. */
  publicOrigin?: string
  /** The URL of this API's own metadata (RFC 9728); it is part of every challenge. */
  resourceMetadata?: string
  /** Accepts plain `http` to other machines; off by default, and for development alone. */
  allowHttp?: boolean
}

/** A verifier's own options, or a verifier that is shared. */
export type AuthMiddlewareOptions = GuardOptions & (TokenVerifierOptions | { verifier: TokenVerifier })

/** Checks a token: a verifier, or a list of static tokens. */
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
  /** The results for each request, so that several guards on a route verify a token once. */
  readonly #seen = new WeakMap<object, Seen>()

  /** @param authenticator without it, nothing is checked */
  constructor(authenticator: Authenticator | undefined, options: GuardOptions) {
    this.#authenticator = authenticator
    this.#options = options
    const { resourceMetadata, publicOrigin } = options
    const allowHttp = readAllowHttp(options.allowHttp)
    if (resourceMetadata !== undefined) requireSafeUrl('resourceMetadata', resourceMetadata, allowHttp)
    this.#publicOrigin = publicOrigin === undefined ? undefined : requireOrigin('publicOrigin', publicOrigin, allowHttp)
    if (options.cookie !== undefined && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(options.cookie))
      throw new TypeError(`cookie is not the name of a cookie: ${options.cookie}`)
  }

  /**
   * @param key an object that identifies the request, the same one for every guard of the request
   * @returns the verified token; `undefined` if nothing is checked
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
    // A result on other terms does not count: an earlier guard may have demanded less.
    const before = seen.goodOn.get(overrides)
    if (before) return before
    const { claims, header } = await authenticator.verify(seen.credentials, overrides)
    const auth = { claims, header, token: seen.credentials.token }
    seen.goodOn.set(overrides, auth)
    return auth
  }

  /** Earlier results for the request count while it still carries the same token and proof. */
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
  /** Results by the terms of verification; `undefined` stands for the guard's own terms. */
  goodOn: Map<RouteOverrides | undefined, Auth>
}

/** The proofs of each request. */
const proofsOf = new WeakMap<object, DpopProof[]>()

/** The same object for the same proof of a request. A verifier that guards share knows by it that it checked the proof. */
function sameProof(request: object, proof: DpopProof): DpopProof {
  const known = proofsOf.get(request) ?? []
  const same = known.find((each) => describeProof(each) === describeProof(proof))
  if (!same) proofsOf.set(request, [...known, proof])
  return same ?? proof
}

const GUARD_OPTIONS = ['cookie', 'publicOrigin', 'resourceMetadata', 'allowHttp']

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

/** @param isOwn whether the verifier was made for this guard, and closes with it */
export const asAuthenticator = (verifier: TokenVerifier, isOwn: boolean): Authenticator => ({
  verify: ({ token, dpop }, overrides) => verifier.verifyToken(token, dpop ? { ...overrides, dpop } : overrides),
  revocationStatus: () => verifier.revocationStatus(),
  close: async () => {
    if (isOwn) await verifier.close()
  },
})

/** The answer of `me()`: the claims of the token, and the rights that it gives. */
export const meOf = (auth: Auth | undefined): Me =>
  auth ? { authenticated: true, ...profileOf(auth.claims), claims: auth.claims } : { authenticated: false }

/** The methods of every adapter. */
export interface AuthMiddleware<Handler, Endpoint> {
  /** Any valid token. The route can have terms of its own. */
  requireAuth(overrides?: RouteOverrides): Handler
  /** A valid token with all of these scopes. */
  requireScope(...scopes: string[]): Handler
  /** A valid token with one of these roles. */
  requireRole(...roles: string[]): Handler
  requirePermission(permission: string): Handler
  requireAnyPermission(permissions: readonly string[]): Handler
  /** A valid token with `is_platform_owner: true`. */
  requirePlatformOwner(): Handler
  /** An endpoint that verifies the token and returns its claims and rights. */
  me(): Endpoint
  /** The state and age of the revocation data. */
  revocationStatus(): RevocationStatus | undefined
  /** Closes the verifier if it was made here. */
  close(): Promise<void>
}

/** The terms of one route. */
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
