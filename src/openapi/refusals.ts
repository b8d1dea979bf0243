/** How requests are refused: the registered codes of an operation, and the refusals that many have in common. */
import type { OAuthErrorCode } from '../ground/errors.ts'
import { header, type Answer, type AnswerRef, type Header, type JsonSchema } from './operation.ts'

type Code = OAuthErrorCode | 'server_error' | 'temporarily_unavailable'

/** The body of RFC 6749 §5.2, with the codes that can stand in it. */
export const errorSchema = (...codes: Code[]): JsonSchema => ({
  type: 'object',
  properties: { error: { type: 'string', enum: codes }, error_description: { type: 'string' } },
  required: ['error', 'error_description'],
})

function refusal(code: Code, description: string, example: string, headers?: Record<string, Header>): Answer {
  const body = { error: code, error_description: example }
  const content = { 'application/json': { schema: errorSchema(code), example: body } }
  return { description, ...(headers && { headers }), content }
}

const challenge = (scheme: string) => ({ 'WWW-Authenticate': header(`A challenge: ${scheme}.`) })

/** Refusals that are the same wherever they are given: `#/components/responses/NAME`. */
export const COMMON_REFUSALS = {
  InvalidClient: refusal(
    'invalid_client',
    'The client did not authenticate.',
    'no client authentication: send client_id and secret by HTTP Basic',
    challenge('`Basic`'),
  ),
  InvalidToken: refusal(
    'invalid_token',
    'No access token was sent, or none that is live and for this issuer.',
    'the access token was refused: it must be live, with aud https://signet.example.com',
    challenge('`Bearer`, with `error="invalid_token"` where a token was sent (RFC 6750 §3)'),
  ),
  InsufficientScope: refusal(
    'insufficient_scope',
    'The access token lacks the scope.',
    'this needs scope signet:admin',
    challenge('`Bearer`, with `error="insufficient_scope"` and the `scope` that is needed'),
  ),
  NotFound: refusal('invalid_request', 'There is no such record.', 'client "billing" does not exist'),
  Conflict: refusal('invalid_request', 'It conflicts with what is there.', 'client "billing" exists already'),
  TooLarge: refusal(
    'invalid_request',
    'The body is larger than 65,536 bytes. The connection is closed.',
    'the body is larger than 65536 bytes',
  ),
  TooManyRequests: refusal(
    'temporarily_unavailable',
    'The client asks too often, or too much from its network was refused or not authenticated (RFC 6585 §4). Nothing was changed.',
    'this client asks too often: keep an access token until shortly before its end, and ask again after Retry-After',
    {
      'Retry-After': header('Seconds.', { type: 'integer', minimum: 1 }),
      RateLimit: header('The quota, and in how many seconds there is more: `"client";r=0;t=42`.'),
      'RateLimit-Policy': header('The quota: requests in a window of seconds: `"client";q=3000000;w=60`.'),
    },
  ),
  ServerError: refusal(
    'server_error',
    'A defect of Signet; its log tells more under the id of `X-Request-Id`.',
    'a defect of Signet; its log tells more under request id 6e0b7c1e-6b35-4f0e-9d52-8f1f2a770c1f',
  ),
  Unavailable: refusal(
    'temporarily_unavailable',
    'The database is locked or full, or too much is asked at once. Nothing was changed.',
    'Signet cannot answer this now; nothing was changed, try again',
    { 'Retry-After': header('Seconds.', { type: 'integer', minimum: 0 }) },
  ),
}

const common = (name: keyof typeof COMMON_REFUSALS): AnswerRef => ({ $ref: `#/components/responses/${name}` })

/** 400, with the registered codes of this operation; the first one is the example. */
export function refused(first: OAuthErrorCode, ...others: OAuthErrorCode[]): { 400: Answer } {
  const description = 'The request is wrong; `error_description` says where, and the step that helps.'
  const example = { error: first, error_description: 'what was wrong, and the step that helps' }
  return {
    400: { description, content: { 'application/json': { schema: errorSchema(first, ...others), example } } },
  }
}

export const NOT_FOUND = { 404: common('NotFound') }
export const CONFLICT = { 409: common('Conflict') }
const TOO_LARGE = { 413: common('TooLarge') }
/** Not of the documents that anybody may read at any time. */
const TOO_MANY = { 429: common('TooManyRequests') }

/** What any operation may answer that does more than read memory. */
export const OUTAGES = { 500: common('ServerError'), 503: common('Unavailable') }

/** What the endpoints for clients refuse beside their own codes. */
export const CLIENT_REFUSALS = { 401: common('InvalidClient'), ...TOO_LARGE, ...TOO_MANY, ...OUTAGES }

/** What our own API refuses beside its own codes. */
export const BEARER_REFUSALS = {
  401: common('InvalidToken'),
  403: common('InsufficientScope'),
  ...TOO_MANY,
  ...OUTAGES,
}

/** The same, of operations that read a body. */
export const BEARER_BODY_REFUSALS = { ...BEARER_REFUSALS, ...TOO_LARGE }
