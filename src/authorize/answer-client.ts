/**
 * Answers to a client at its redirect URI: a code or an error, with `state` as it was sent, and `iss` (RFC 9207). They go
 * in the query, in the fragment, or in a form that the browser posts (OAuth 2.0 Multiple Response Types, Form Post).
 */
import { asDescription } from '../ground/description.ts'
import type { AuthorizationRequest } from '../store/records/sign-in.ts'
import type { PromptError } from './prompt.ts'

/** RFC 6749 §4.1.2.1, RFC 8707 §2, OIDC Core §3.1.2.6. */
export type ClientErrorCode =
  | PromptError
  | 'invalid_request'
  | 'invalid_target'
  | 'unauthorized_client'
  | 'unsupported_response_type'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'registration_not_supported'

/** The address that the answer goes to. Only a proven redirect URI may stand here. */
export type ClientAddress = Pick<AuthorizationRequest, 'clientId' | 'redirectUri' | 'responseMode' | 'state'>

/** A refusal that the client hears of at its redirect URI. */
export class AuthorizationError extends Error {
  readonly code: ClientErrorCode
  readonly to: ClientAddress
  /** For the log line and the doctor; the client reads `message`. */
  readonly reason: string

  constructor(code: ClientErrorCode, description: string, to: ClientAddress, reason: string = description) {
    super(description)
    this.name = 'AuthorizationError'
    this.code = code
    this.to = to
    this.reason = reason
  }
}

export type AnswerValues = readonly (readonly [name: string, value: string])[]

export const errorValues = (code: ClientErrorCode, description: string): AnswerValues => [
  ['error', code],
  ['error_description', asDescription(description)],
]

export type ClientAnswer = { by: 'redirect'; location: string } | { by: 'form'; action: string; values: AnswerValues }

/** @param issuer the exact `iss` */
export function answerTo(
  { redirectUri, responseMode, state }: ClientAddress,
  values: AnswerValues,
  issuer: string,
): ClientAnswer {
  const all: AnswerValues = [...values, ...(state === null ? [] : [['state', state] as const]), ['iss', issuer]]
  if (responseMode === 'form_post') return { by: 'form', action: redirectUri, values: all }
  const text = new URLSearchParams(all.map(([name, value]): [string, string] => [name, value])).toString()
  if (responseMode === 'fragment') return { by: 'redirect', location: `${redirectUri}#${text}` }
  // The registered URI keeps its exact spelling, its query included (RFC 6749 §3.1.2).
  const joint = !redirectUri.includes('?') ? '?' : /[?&]$/.test(redirectUri) ? '' : '&'
  return { by: 'redirect', location: `${redirectUri}${joint}${text}` }
}
