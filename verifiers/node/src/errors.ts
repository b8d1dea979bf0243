/**
 * The only error that this package throws about a token. The code comes from a closed list, and the status follows from
 * the code. The error carries the challenge for the caller (RFC 6750 §3) and never holds the token.
 */

const STATUS_OF = {
  missing_token: 401,
  malformed_token: 401,
  unsupported_algorithm: 401,
  unknown_key: 401,
  invalid_signature: 401,
  token_expired: 401,
  token_not_active: 401,
  wrong_issuer: 401,
  wrong_audience: 401,
  wrong_type: 401,
  token_revoked: 401,
  insufficient_scope: 403,
  issuer_unavailable: 503,
  revocations_stale: 503,
} as const

export type TokenErrorCode = keyof typeof STATUS_OF

/** Every code, in the order in which a token is checked. */
// Sound: the keys of a literal are exactly the union's members.
export const TOKEN_ERROR_CODES = Object.keys(STATUS_OF) as readonly TokenErrorCode[]

export interface TokenErrorOptions {
  /** The scopes that the request needs, separated by spaces; named in the challenge of `insufficient_scope`. */
  scope?: string
  /** The scheme that the caller has to use; `DPoP` for tokens that are bound to a key (RFC 9449 §7.1). */
  scheme?: 'Bearer' | 'DPoP'
  /** The challenge's `error`, if it differs from the one that follows from the code. */
  challengeError?: string
  cause?: unknown
}

const RETRY_AFTER_SECONDS = 5

export class TokenError extends Error {
  readonly code: TokenErrorCode
  /** 401, 403 or 503. */
  readonly status: 401 | 403 | 503
  /** The scopes that the request needs, if the code is `insufficient_scope`. */
  readonly scope: string | undefined
  readonly #scheme: 'Bearer' | 'DPoP'
  readonly #challengeError: string | undefined
  #resourceMetadata: string | undefined

  /** @param description for the caller's developer: what was wrong and the step that helps */
  constructor(code: TokenErrorCode, description: string, options: TokenErrorOptions = {}) {
    super(asDescription(description), { cause: options.cause })
    this.name = 'TokenError'
    this.code = code
    this.status = STATUS_OF[code]
    this.scope = options.scope
    this.#scheme = options.scheme ?? 'Bearer'
    this.#challengeError = options.challengeError ?? challengeErrorOf(code)
  }

  /** Adds the address of the API's own metadata to the challenge (RFC 9728 §5.1). */
  pointTo(resourceMetadata: string | undefined): this {
    this.#resourceMetadata ??= resourceMetadata
    return this
  }

  /**
   * The value of the `WWW-Authenticate` header. With 503 there is none, because another token would not help. For a
   * request without a token the challenge has no parameters: RFC 6750 §3.1 has no error code for it.
   */
  get wwwAuthenticate(): string | undefined {
    if (this.status === 503) return undefined
    const parameters = {
      error: this.#challengeError,
      error_description: this.#challengeError && this.message,
      scope: this.scope === undefined ? undefined : asDescription(this.scope),
      resource_metadata: this.#resourceMetadata,
      algs: this.#scheme === 'DPoP' ? 'ES256 RS256 PS256 EdDSA' : undefined,
    }
    const told = Object.entries(parameters).filter(([, value]) => value !== undefined)
    return [this.#scheme, told.map(([name, value]) => `${name}="${value}"`).join(', ')].join(' ').trim()
  }

  /** The headers of the response. */
  get headers(): Record<string, string> {
    const { wwwAuthenticate } = this
    return {
      'cache-control': 'no-store',
      ...(wwwAuthenticate !== undefined && { 'www-authenticate': wwwAuthenticate }),
      ...(this.status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    }
  }

  /** The body of the response. */
  get body(): { error: TokenErrorCode; error_description: string } {
    return { error: this.code, error_description: this.message }
  }
}

function challengeErrorOf(code: TokenErrorCode): string | undefined {
  if (code === 'missing_token') return undefined
  return code === 'insufficient_scope' ? 'insufficient_scope' : 'invalid_token'
}

const MOST_DESCRIPTION_CHARACTERS = 400

/** RFC 6750 §3 allows %x20-21 / %x23-5B / %x5D-7E. The sender of the token has written parts of the text. */
const asDescription = (text: string): string =>
  text
    .slice(0, MOST_DESCRIPTION_CHARACTERS)
    .replaceAll('"', "'")
    .replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, '?')

const MOST_SHOWN_CHARACTERS = 80

/** A value of a token, quoted and short enough for a description. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return `'${text.length > MOST_SHOWN_CHARACTERS ? `${text.slice(0, MOST_SHOWN_CHARACTERS)}...` : text}'`
}
