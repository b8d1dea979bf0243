/**
 * The errors of Signet. `OAuthError` is a verdict for the caller's developer, with a registered code.
 * `Unavailable` and `RateLimited` are not verdicts: the caller may try again. `Fault` is for the operator at a
 * terminal. Any other error is a defect. `http/on-error.ts` turns it into a 500.
 */

/** Registered codes: RFC 6749 §5.2, RFC 6750 §3.1, RFC 8707 §2, RFC 7591 §3.2.2, RFC 9449 §12.2. */
const STATUS_OF = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_token_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  invalid_client_metadata: 400,
  invalid_dpop_proof: 400,
} as const

export type OAuthErrorCode = keyof typeof STATUS_OF

export interface OAuthErrorOptions {
  /** Overrides the status that follows from the code, e.g. 404 for a missing record. */
  status?: number
  headers?: Record<string, string>
  /** The exact reason, for the operator's log only. */
  reason?: string
  /** Whether the records or the configuration are the reason: what was sent is well formed. Conflicts and 404 are so anyway. */
  isOfRecords?: boolean
}

/**
 * A refusal in the form of RFC 6749 §5.2. The caller reads `description`: the fault and the step that helps.
 * `reason` stays in the log. Neither ever holds a secret or another user's data.
 */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode
  readonly status: number
  readonly headers: Record<string, string>
  readonly reason: string
  readonly isOfRecords: boolean

  constructor(code: OAuthErrorCode, description: string, options: OAuthErrorOptions = {}) {
    super(description)
    this.name = 'OAuthError'
    this.code = code
    this.status = options.status ?? STATUS_OF[code]
    this.headers = options.headers ?? {}
    this.reason = options.reason ?? description
    this.isOfRecords = options.isOfRecords ?? this.status !== 400
  }
}

type Factory = (description: string, options?: OAuthErrorOptions) => OAuthError

const factory =
  (code: OAuthErrorCode): Factory =>
  (description, options) =>
    new OAuthError(code, description, options)

export const invalidRequest = factory('invalid_request')
export const invalidGrant = factory('invalid_grant')
export const unauthorizedClient = factory('unauthorized_client')
export const unsupportedGrantType = factory('unsupported_grant_type')
export const invalidScope = factory('invalid_scope')
export const invalidTarget = factory('invalid_target')
export const invalidClientMetadata = factory('invalid_client_metadata')
export const invalidDpopProof = factory('invalid_dpop_proof')
export const invalidClient = factory('invalid_client')
export const invalidToken = factory('invalid_token')
export const insufficientScope = factory('insufficient_scope')

/** A record does not exist: 404 for an administrator who named it. */
export const notFound = (what: string): OAuthError => invalidRequest(`${what} does not exist`, { status: 404 })

/** A record exists already: 409. */
export const conflict = (description: string): OAuthError => invalidRequest(description, { status: 409 })

/**
 * Signet cannot answer now, although the request may be good. The database is busy or full, or too many secrets
 * are hashed at once. It becomes 503 with `Retry-After`, never an OAuth verdict.
 */
export class Unavailable extends Error {
  readonly retryAfterSeconds: number

  constructor(reason: string, options: { retryAfterSeconds?: number; cause?: unknown } = {}) {
    super(reason, { cause: options.cause })
    this.name = 'Unavailable'
    this.retryAfterSeconds = options.retryAfterSeconds ?? 1
  }

  /** The step for the operator: a full disk needs one, and a lock may end by itself. */
  get help(): string {
    if (this.message.includes('disk')) return 'nothing was changed; make room on it, then try again'
    return this.message.includes('locked')
      ? 'nothing was changed; try again, and where it stays: signet doctor'
      : 'nothing was changed; see: signet doctor'
  }
}

/**
 * The change is stored, and this process could not take it over in time; or it may be stored, because the answer of the
 * database was lost. A retry may find it done.
 */
export class Unheard extends Unavailable {
  override get help(): string {
    return 'look at what is there before you try again: it may be done; see: signet doctor'
  }
}

/** Whether a process without its database files may be stopped, and what has to be done before the next start. */
export type Displacement =
  /** A restart reads the files that are there. */
  | 'restartable'
  /** The data are only in the open files of the process. They are gone when it ends. */
  | 'unsaved'
  /** The data are in a copy, which has to be moved to the path of the database before a start. */
  | 'saved'

/**
 * A file of the database was removed or replaced beneath this process. A write would be lost, so none is made. It lasts until
 * the process is started anew.
 */
export class Displaced extends Unavailable {
  readonly state: Displacement
  readonly #help: string

  constructor(reason: string, { state, help, cause }: { state: Displacement; help: string; cause?: unknown }) {
    super(reason, { cause })
    this.state = state
    this.#help = help
  }

  override get help(): string {
    return this.#help
  }
}

/** Too many requests at once, and nothing is wrong here. It is logged only at level debug. */
export class Shed extends Unavailable {}

/** A quota of requests that is renewed with each window. */
export interface Quota {
  /** Its name. */
  policy: string
  /** Requests in a window. */
  quota: number
  windowSeconds: number
  retryAfterSeconds: number
}

/** A caller is above its quota. It becomes 429 (RFC 6585 §4), with the time when the caller may try again. */
export class RateLimited extends Error {
  readonly quota: Quota

  constructor(description: string, quota: Quota) {
    super(description)
    this.name = 'RateLimited'
    this.quota = quota
  }
}

/** A line of fault and a line of help. It ends a start or a command with exit code 1. */
export class Fault extends Error {
  readonly help: string | undefined

  constructor(message: string, help?: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'Fault'
    this.help = help
  }
}
