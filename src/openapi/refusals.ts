/** How requests are refused: the refusals that follow from the terms of a route, and those that it names itself. */
import type { OAuthErrorCode } from '../ground/errors.ts'
import { header, type AnswerShape, type HeaderShape } from '../ground/shape.ts'
import { errorSchema, refusalOf, type ErrorCode } from '../http/refusal-shape.ts'
import { takesBody, type Route } from '../http/route.ts'

const common = (code: ErrorCode, says: string, example: string, headers?: Record<string, HeaderShape>) => ({
  ...refusalOf(code, says, example),
  ...(headers && { headers }),
})

const challenge = (scheme: string) => ({ 'WWW-Authenticate': header(`A challenge: ${scheme}.`) })

/** Refusals that are the same wherever they are given: `#/components/responses/NAME`. */
export const COMMON_REFUSALS = {
  InvalidClient: common(
    'invalid_client',
    'The client did not authenticate.',
    'no client authentication: send client_id and secret by HTTP Basic',
    challenge('`Basic`'),
  ),
  InvalidToken: common(
    'invalid_token',
    'No access token was sent, or none that is live and for this issuer.',
    'the access token was refused: it must be live, with aud https://signet.example.com',
    challenge('`Bearer`, with `error="invalid_token"` where a token was sent (RFC 6750 §3)'),
  ),
  InsufficientScope: common(
    'insufficient_scope',
    'The access token lacks the scope.',
    'this needs scope signet:admin',
    challenge('`Bearer`, with `error="insufficient_scope"` and the `scope` that is needed'),
  ),
  NotFound: common('invalid_request', 'There is no such record.', 'client "billing" does not exist'),
  Conflict: common('invalid_request', 'It conflicts with what is there.', 'client "billing" exists already'),
  TooLarge: common(
    'invalid_request',
    'The body is larger than 65,536 bytes. The connection is closed.',
    'the body is larger than 65536 bytes',
  ),
  TooManyRequests: common(
    'temporarily_unavailable',
    'The client asks too often, or too much from its network was refused or not authenticated (RFC 6585 §4). Nothing was changed.',
    'this client asks too often: keep an access token until shortly before its end, and ask again after Retry-After',
    {
      'Retry-After': header('Seconds.', { type: 'integer', minimum: 1 }),
      RateLimit: header('The quota, and in how many seconds there is more: `"client";r=0;t=42`.'),
      'RateLimit-Policy': header('The quota: requests in a window of seconds: `"client";q=3000000;w=60`.'),
    },
  ),
  ServerError: common(
    'server_error',
    'A defect of Signet; its log tells more under the id of `X-Request-Id`.',
    'a defect of Signet; its log tells more under request id 6e0b7c1e-6b35-4f0e-9d52-8f1f2a770c1f',
  ),
  Unavailable: common(
    'temporarily_unavailable',
    'The database is locked or full, or too much is asked at once. Nothing was changed.',
    'Signet cannot answer this now; nothing was changed, try again',
    { 'Retry-After': header('Seconds.', { type: 'integer', minimum: 0 }) },
  ),
} satisfies Record<string, AnswerShape>

export type CommonRefusal = keyof typeof COMMON_REFUSALS

/** By status. */
export function refusalsOf(route: Route): Record<number, CommonRefusal | AnswerShape> {
  const { access, about } = route
  const named = about.refuses ?? []
  const refusesBody = takesBody(route) && !route.body && !route.form && access.kind === 'scope'
  const codes = [
    ...new Set([
      ...named.filter((each) => typeof each === 'string'),
      ...(refusesBody ? ['invalid_request' as const] : []),
    ]),
  ]
  return {
    ...(codes.length > 0 && { 400: badRequest(codes) }),
    ...(access.kind === 'client' && { 401: 'InvalidClient' as const }),
    ...((access.kind === 'scope' || access.kind === 'holder') && {
      401: 'InvalidToken' as const,
      403: 'InsufficientScope' as const,
    }),
    ...(named.includes(404) && { 404: 'NotFound' as const }),
    ...(named.includes(409) && { 409: 'Conflict' as const }),
    ...(takesBody(route) && { 413: 'TooLarge' as const }),
    ...(!access.isOpen && { 429: 'TooManyRequests' as const }),
    500: 'ServerError',
    503: 'Unavailable',
  }
}

/** 400, with the registered codes of the route. */
const badRequest = (codes: OAuthErrorCode[]): AnswerShape => ({
  says: 'The request is wrong; `error_description` says where, and the step that helps.',
  content: {
    'application/json': {
      schema: errorSchema(...codes),
      example: { error: codes[0], error_description: 'what was wrong, and the step that helps' },
    },
  },
})
