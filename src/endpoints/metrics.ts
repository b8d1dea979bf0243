/**
 * GET /metrics: what is measured, for Prometheus. It needs SIGNET_METRICS_TOKEN; where no token is configured, only
 * this machine may read it. It answers while the service stops, and while the database does not answer.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { invalidRequest, invalidToken } from '../ground/errors.ts'
import { header, textOf } from '../ground/shape.ts'
import { SCRAPER } from '../http/access.ts'
import { refusalOf } from '../http/refusal-shape.ts'
import { route, type OpenCall } from '../http/route.ts'
import { isFromThisMachine } from '../http/this-machine.ts'
import type { Measured } from '../metrics/families.ts'
import { isServing } from './health.ts'

interface Needs extends Measured {
  issuer: string
  config: { metricsToken: string | undefined }
  isReady(): boolean
}

export const metrics = (needs: Needs) =>
  route(
    {
      get: '/metrics',
      access: SCRAPER,
      id: 'readMetrics',
      tag: 'Operation',
      says: 'What is measured, for Prometheus',
      answers: {
        200: textOf('Text of exposition format 0.0.4.', 'text/plain'),
        401: {
          ...refusalOf('invalid_token', 'A token is configured, and the caller sent none or another one.'),
          headers: {
            'WWW-Authenticate': header('A challenge: `Bearer`, with `error="invalid_token"` where a token was sent.'),
          },
        },
        403: refusalOf('invalid_request', 'No token is configured, and the caller is not on this machine.'),
      },
    },
    async (call) => {
      const { metricsToken } = needs.config
      if (metricsToken === undefined) requireThisMachine(call, needs.issuer)
      else requireToken(call.header('authorization'), metricsToken)
      const { CONTENT_TYPE, exposition } = await loaded()
      const body = await exposition(needs, await isServing(needs))
      return { status: 200, headers: ['Cache-Control', 'no-store', 'Content-Type', CONTENT_TYPE], body }
    },
  )

/** Loaded at the first scrape: many services are never scraped. */
const loaded = () => import('../metrics/exposition.ts')

function requireToken(authorization: string | undefined, expected: string): void {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token !== undefined && timingSafeEqual(digest(token), digest(expected))) return
  throw invalidToken('send the value of SIGNET_METRICS_TOKEN: Authorization: Bearer …', {
    reason: token === undefined ? 'no token was sent for the metrics' : 'another token was sent for the metrics',
    headers: { 'WWW-Authenticate': `Bearer realm="signet"${token === undefined ? '' : ', error="invalid_token"'}` },
  })
}

/** Digests have equal lengths, so that the comparison reveals no length either. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function requireThisMachine(call: Pick<OpenCall<never, never>, 'header' | 'incoming'>, issuer: string): void {
  if (isFromThisMachine(call, issuer)) return
  throw invalidRequest(
    'without SIGNET_METRICS_TOKEN only this machine may read the metrics of an issuer at localhost; set it, and send it: Authorization: Bearer …',
    { status: 403 },
  )
}
