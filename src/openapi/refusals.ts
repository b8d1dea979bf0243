/** How requests are refused: the registered codes of each operation, and what every operation may answer. */
import type { OAuthErrorCode } from '../errors.ts'
import { header, ref, type Answer, type Header } from './operation.ts'

const MEANING = {
  400: 'Refused: the request is wrong, and `error_description` says where.',
  404: 'There is no such record.',
  409: 'It conflicts with what is there.',
  413: 'The body is larger than 65,536 bytes.',
} as const

type RefusedStatus = keyof typeof MEANING

const EXAMPLE_OF: Partial<Record<OAuthErrorCode, string>> = {
  invalid_grant: 'this refresh token has expired; start over with a new grant',
  invalid_client: 'client authentication failed',
  invalid_token: 'the access token was refused: it must be live, with aud https://signet.example.com',
  insufficient_scope: 'this needs scope signet:admin',
}

/** The body of RFC 6749 §5.2, with the codes that can stand in it here. */
function refusal(description: string, codes: readonly string[], example: string, headers?: Record<string, Header>) {
  const [error] = codes
  const schema = {
    ...ref('Error'),
    // Beside `$ref`, as JSON Schema 2020-12 allows: the same object, with fewer codes.
    properties: { error: { enum: codes } },
  }
  const content = { 'application/json': { schema, example: { error, error_description: example } } }
  return { description, ...(headers && { headers }), content } satisfies Answer
}

/** What an operation refuses, by status and registered code. */
export function refused(table: Partial<Record<RefusedStatus, OAuthErrorCode[]>>): Record<string, Answer> {
  const answers = Object.entries(table).map(([status, codes]): [string, Answer] => {
    const meaning = MEANING[Number(status) as RefusedStatus] // the keys of the table are of that type
    return [
      status,
      refusal(meaning, codes, EXAMPLE_OF[codes[0] ?? 'invalid_request'] ?? 'what was wrong, and the step that helps'),
    ]
  })
  return Object.fromEntries(answers)
}

const TOO_LARGE = refused({ 413: ['invalid_request'] })

const RETRY_AFTER = { 'Retry-After': header('Seconds.', { type: 'integer', minimum: 0 }) }

/** What any operation may answer that asks the database. */
export const OUTAGES: Record<string, Answer> = {
  500: refusal(
    'A defect of Signet; its log tells more under the id of `X-Request-Id`.',
    ['server_error'],
    'a defect of Signet; its log tells more under request id 0b5c…',
  ),
  503: refusal(
    'The database is locked or full, or too much is asked at once. Nothing was changed.',
    ['temporarily_unavailable'],
    'Signet cannot answer this now; nothing was changed, try again',
    RETRY_AFTER,
  ),
}

const challenge = (scheme: string) => ({
  'WWW-Authenticate': header(`How to authenticate: a challenge of scheme ${scheme}.`),
})

/** What the endpoints of RFC 6749 refuse beside their own codes. */
export const CLIENT_REFUSALS: Record<string, Answer> = {
  401: refusal(
    'The client did not authenticate.',
    ['invalid_client'],
    'client authentication failed',
    challenge('Basic'),
  ),
  ...TOO_LARGE,
  ...OUTAGES,
}

/** What our own API refuses beside its own codes (RFC 6750 §3.1). */
export const BEARER_REFUSALS: Record<string, Answer> = {
  401: refusal(
    'No access token, or none that is live and for this issuer.',
    ['invalid_token'],
    'the access token was refused: it must be live, with aud https://signet.example.com',
    challenge('Bearer'),
  ),
  403: refusal(
    'The access token lacks the scope.',
    ['insufficient_scope'],
    'this needs scope signet:admin',
    challenge('Bearer, which names the scope'),
  ),
  ...OUTAGES,
}

/** The same, of operations that read a body. */
export const BEARER_BODY_REFUSALS: Record<string, Answer> = { ...BEARER_REFUSALS, ...TOO_LARGE }
