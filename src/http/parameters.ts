/**
 * The parameters that each form endpoint knows, and which of them may be sent more than once. `/openapi.json` lists
 * the same tables, so that a parameter cannot be read without being documented.
 */

/** How often a parameter may be sent (RFC 6749 §3.2: once; RFC 8707 §2 lets `resource` repeat). */
export type Times = 'once' | 'repeatable'

export type KnownParameters<Name extends string = string> = Readonly<Record<Name, Times>>

/** How a client presents itself in the body (RFC 6749 §2.3.1, RFC 7521 §4.2). */
const CLIENT = {
  client_id: 'once',
  client_secret: 'once',
  client_assertion: 'once',
  client_assertion_type: 'once',
} as const satisfies KnownParameters

export const TOKEN_PARAMETERS = {
  grant_type: 'once',
  scope: 'once',
  resource: 'repeatable',
  audience: 'repeatable',
  code: 'once',
  redirect_uri: 'once',
  code_verifier: 'once',
  refresh_token: 'once',
  subject: 'once',
  subject_claims: 'once',
  ...CLIENT,
} as const satisfies KnownParameters

export const REFRESH_PARAMETERS = {
  refresh_token: 'once',
  grant_type: 'once',
  scope: 'once',
  resource: 'repeatable',
  audience: 'repeatable',
  ...CLIENT,
} as const satisfies KnownParameters

/** `/revoke` and `/introspect` ask about one token (RFC 7009 §2.1, RFC 7662 §2.1). */
export const TOKEN_QUESTION_PARAMETERS = {
  token: 'once',
  token_type_hint: 'once',
  ...CLIENT,
} as const satisfies KnownParameters

/** `/userinfo` takes the token in a form as well (RFC 6750 §2.2). */
export const USERINFO_PARAMETERS = { access_token: 'once' } as const satisfies KnownParameters

/** The description of a body that asks about one token. */
export const TOKEN_QUESTION = {
  required: ['token'],
  examples: { token: { summary: 'A token', value: { token: 'eyJhbGciOiJFUzI1NiIsImtpZCI6…' } } },
}

export type ClientParameter = keyof typeof CLIENT

export type ParameterName =
  | keyof typeof TOKEN_PARAMETERS
  | keyof typeof TOKEN_QUESTION_PARAMETERS
  | keyof typeof USERINFO_PARAMETERS
