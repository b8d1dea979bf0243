/** A middleware of twelve lines, with `jose` alone: who has a token of the organisation, by the organisation's own keys. */
import type { MiddlewareHandler } from 'hono'
import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose'

export interface MemberEnv {
  Variables: { claims: JWTPayload }
}

export const requireMember = (issuer: string, organisation: string): MiddlewareHandler<MemberEnv> => {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks/${organisation}`))
  return async (c, next) => {
    const token = c.req.header('authorization')?.replace(/^Bearer +/i, '') ?? ''
    const expected = { issuer, audience: organisation, typ: 'at+jwt' }
    const verified = await jwtVerify(token, keys, expected).catch(() => undefined)
    if (!verified)
      return c.json({ error: 'invalid_token' }, 401, { 'www-authenticate': 'Bearer error="invalid_token"' })
    c.set('claims', verified.payload)
    return next()
  }
}
