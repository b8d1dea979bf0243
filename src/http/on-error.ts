/**
 * The one place that turns errors into bytes. Callers read a registered code and a sentence that helps; the
 * exact reason goes into the request's log line. What is not one of our errors is a defect: 500, and whole
 * in the log.
 */
import type { Context, ErrorHandler, Hono, NotFoundHandler } from 'hono'
import { OAuthError, RateLimited, Shed, Unavailable, invalidRequest } from '../ground/errors.ts'
import { BUSY, markBusy } from '../limits/busy.ts'
import { rateLimitHeaders } from '../limits/rate-limit.ts'
import type { Env } from './rooms.ts'

export const onError: ErrorHandler<Env> = (error, c) => {
  const facts = c.env.facts
  if (error instanceof OAuthError) return refuse(c, error)
  if (error instanceof Shed || error instanceof RateLimited) markBusy(c.env.outgoing)
  if (error instanceof Unavailable) {
    facts.error = BUSY
    facts.reason = error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
    c.header('Retry-After', String(error.retryAfterSeconds))
    return answer(c, 503, BUSY, 'Signet cannot answer this now; nothing was changed, try again')
  }
  if (error instanceof RateLimited) {
    facts.error = BUSY
    facts.reason = `over the rate of ${error.quota.quota} in ${error.quota.windowSeconds} s`
    for (const [name, value] of Object.entries(rateLimitHeaders(error.quota))) c.header(name, value)
    return answer(c, 429, BUSY, error.message)
  }
  facts.error = 'server_error'
  facts.reason = error.message
  facts.stack = error.stack ?? ''
  return answer(c, 500, 'server_error', `a defect of Signet; its log tells more under request id ${facts.request_id}`)
}

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS']

/** No such path is 404; a path that takes other methods is 405 and names them (RFC 9110 §15.5.6). */
export const onNotFound =
  (app: Hono<Env>): NotFoundHandler<Env> =>
  (c) => {
    const takes = (method: string) => app.router.match(method === 'HEAD' ? 'GET' : method, c.req.path)[0].length > 0
    const Allow = METHODS.filter(takes).join(', ')
    if (Allow !== '')
      return refuse(c, invalidRequest(`this endpoint takes ${Allow}`, { status: 405, headers: { Allow } }))
    return refuse(
      c,
      invalidRequest('no such endpoint; they are listed at /.well-known/oauth-authorization-server', { status: 404 }),
    )
  }

function refuse(c: Context<Env>, error: OAuthError): Response {
  const facts = c.env.facts
  facts.error = error.code
  facts.reason = error.reason
  // RFC 6749 §5.2 and RFC 9110 §15.5.2: every 401 says how to authenticate.
  if (error.code === 'invalid_client' && error.status === 401)
    c.header('WWW-Authenticate', 'Basic realm="signet", charset="UTF-8"')
  for (const [name, value] of Object.entries(error.headers)) c.header(name, value)
  return answer(c, error.status, error.code, error.message)
}

function answer(c: Context<Env>, status: number, error: string, description: string): Response {
  c.status(status as 400) // Hono's type lists the registered codes; ours are among them
  return c.json({ error, error_description: asDescription(description) })
}

/** RFC 6749 §5.2 allows %x20-21 / %x23-5B / %x5D-7E in error_description. */
const asDescription = (text: string): string =>
  text
    .replaceAll('"', "'")
    .replaceAll('…', '...')
    .replaceAll('§', 'section ')
    .replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, '?')
