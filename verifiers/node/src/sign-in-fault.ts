/** A sign-in or sign-out that did not go through. It becomes an answer of the app, and never holds a secret. */
import type { Refusal } from './answer.ts'
import { TokenError } from './errors.ts'

const STATUS_OF = {
  invalid_request: 400,
  /** The browser did not begin this sign-in, or began it too long ago. */
  unknown_sign_in: 400,
  /** An answer of another issuer, or for another client or request. */
  invalid_response: 400,
  /** The issuer did not take the code. */
  invalid_grant: 400,
  /** The issuer answered with an error of its own; its code is in the description. */
  sign_in_refused: 403,
  cross_site: 403,
  signed_out: 401,
  method_not_allowed: 405,
  issuer_unavailable: 503,
} as const

export type SignInFaultCode = keyof typeof STATUS_OF

const RETRY_AFTER_SECONDS = 5

export class SignInFault extends Error {
  readonly code: SignInFaultCode
  readonly status: number

  /** @param description what was wrong and the step that helps */
  constructor(code: SignInFaultCode, description: string, options: { cause?: unknown } = {}) {
    super(description.slice(0, 400).replace(/[^\x20-\x7E]/g, '?'), options)
    this.name = 'SignInFault'
    this.code = code
    this.status = STATUS_OF[code]
  }

  get headers(): Record<string, string> {
    if (this.status === 503) return { 'retry-after': String(RETRY_AFTER_SECONDS) }
    return this.status === 401 ? { 'www-authenticate': 'Bearer' } : {}
  }
}

/**
 * The refusal by which a fault is answered.
 * @throws the fault itself where it is one of the app, for the framework's own handler
 */
export function refusalOf(fault: unknown): Refusal {
  if (fault instanceof SignInFault || fault instanceof TokenError) return fault
  throw fault
}
