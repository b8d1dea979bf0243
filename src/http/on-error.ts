/**
 * The one place that turns errors into replies. Callers read a registered code and a sentence that helps; the exact
 * reason goes into the log line of the request. Any other error is a defect: 500, and whole in the log.
 */
import { asDescription } from '../ground/description.ts'
import { OAuthError, RateLimited, Shed, Unavailable, Unheard } from '../ground/errors.ts'
import { PageFault } from './page-fault.ts'
import { rateLimitHeaders } from '../limits/rate-limit.ts'
import { json, type HeaderList, type Reply } from './reply.ts'
import type { RequestFacts } from './request-facts.ts'

/**
 * RFC 6749 §4.1.2.1: "currently unable to handle the request due to a temporary overloading". Nothing registered fits
 * /token better; `slow_down` (RFC 8628 §3.5) would make device clients of other requests, and a code of §5.2 such as
 * `invalid_request` makes libraries give up for good.
 */
export const BUSY = 'temporarily_unavailable'

/** A caller is turned away for load alone. A flood of such replies must not be a flood of log lines. */
export const isForLoad = (error: unknown): boolean => error instanceof Shed || error instanceof RateLimited

/** The reply to an error; what the operator needs is noted in the facts of the request. */
export function replyToError(error: unknown, facts: RequestFacts): Reply {
  if (error instanceof OAuthError) return refuse(error, facts)
  if (error instanceof PageFault) {
    facts.error = error.code
    facts.reason = error.message
    const { retryAfterSeconds } = error.options
    const headers = retryAfterSeconds === undefined ? [] : ['Retry-After', String(Math.ceil(retryAfterSeconds))]
    return errorReply(error.status, 'invalid_request', error.code, headers)
  }
  if (error instanceof Unavailable) {
    facts.error = BUSY
    facts.reason = error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
    const description =
      error instanceof Unheard
        ? 'the change may be stored, and Signet could not go on with it: look whether it is done; a refresh may be tried again'
        : 'Signet cannot answer this now; nothing was changed, try again'
    return errorReply(503, BUSY, description, ['Retry-After', String(error.retryAfterSeconds)])
  }
  if (error instanceof RateLimited) {
    facts.error = BUSY
    facts.reason = `over the rate of ${error.quota.quota} in ${error.quota.windowSeconds} s`
    return errorReply(429, BUSY, error.message, Object.entries(rateLimitHeaders(error.quota)).flat())
  }
  facts.error = 'server_error'
  facts.reason = error instanceof Error ? error.message : String(error)
  facts.stack = (error instanceof Error ? error.stack : undefined) ?? ''
  const description = `a defect of Signet; its log tells more under request id ${facts.request_id}`
  return errorReply(500, 'server_error', description)
}

function refuse(error: OAuthError, facts: RequestFacts): Reply {
  facts.error = error.code
  facts.reason = error.reason
  // RFC 6749 §5.2 and RFC 9110 §15.5.2: every 401 says how to authenticate.
  const challenge =
    error.code === 'invalid_client' && error.status === 401
      ? ['WWW-Authenticate', 'Basic realm="signet", charset="UTF-8"']
      : []
  return errorReply(error.status, error.code, error.message, [...challenge, ...Object.entries(error.headers).flat()])
}

/** The body of RFC 6749 §5.2. */
export const errorReply = (status: number, error: string, description: string, headers: HeaderList = []): Reply =>
  json({ error, error_description: asDescription(description) }, status, headers)
