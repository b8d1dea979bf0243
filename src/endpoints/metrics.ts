/**
 * GET /metrics: what is measured, for Prometheus. For whoever has SIGNET_METRICS_TOKEN; where none is configured, for
 * this very machine alone. It answers while the service stops and while the database does not.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import { isLoopback } from '../config.ts'
import { invalidRequest, invalidToken } from '../ground/errors.ts'
import type { Env, Handler, Rooms } from '../http/rooms.ts'
import { send } from '../http/send.ts'
import { isServing } from './health.ts'

export function metrics(rooms: Rooms): Handler {
  const { metricsToken } = rooms.config
  return async (c) => {
    if (metricsToken === undefined) requireThisMachine(c, rooms.issuer)
    else requireToken(c, metricsToken)
    const { CONTENT_TYPE, exposition } = await loaded()
    const text = await exposition(rooms, await isServing(rooms))
    return send(c, 200, ['Cache-Control', 'no-store', 'Content-Type', CONTENT_TYPE], text)
  }
}

/** At the first scrape: a service that nobody scrapes needs nothing of it. */
const loaded = () => import('../metrics/exposition.ts')

function requireToken(c: Context<Env>, expected: string): void {
  const token = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
  if (token !== undefined && timingSafeEqual(digest(token), digest(expected))) return
  throw invalidToken('send the value of SIGNET_METRICS_TOKEN: Authorization: Bearer …', {
    reason: token === undefined ? 'no token was sent for the metrics' : 'another token was sent for the metrics',
    headers: { 'WWW-Authenticate': `Bearer realm="signet"${token === undefined ? '' : ', error="invalid_token"'}` },
  })
}

/** Equal lengths, so that comparing tells nothing of them either. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Headers by which a proxy says that somebody stands behind it (RFC 7239 §5, RFC 9110 §7.6.3). */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'via']

function requireThisMachine(c: Context<Env>, issuer: string): void {
  const address = c.env.incoming.socket.remoteAddress ?? ''
  const isHere =
    isLoopback(new URL(issuer).hostname) &&
    /^(::ffff:)?127\.|^::1$/.test(address) &&
    FORWARDED.every((name) => c.req.header(name) === undefined) &&
    // A page in this machine's browser can reach us under a name of its own.
    isLoopback(new URL(c.req.url).hostname)
  if (isHere) return
  throw invalidRequest(
    'without SIGNET_METRICS_TOKEN only this machine may read the metrics of an issuer at localhost; set it, and send it: Authorization: Bearer …',
    { status: 403 },
  )
}
