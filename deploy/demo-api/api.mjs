/**
 * A demo API behind Signet: one route that wants a scope, and revoked tokens refused within a second. It follows the
 * issuer's feed of revocations. deploy/compose.yaml runs it.
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuthMiddleware } from 'signet-verify/hono'

const { ISSUER, AUDIENCE = 'demo-api', ALLOW_HTTP = 'false', PORT = '4000' } = process.env
const allowHttp = ALLOW_HTTP === 'true'
const auth = createAuthMiddleware({
  issuer: ISSUER,
  audience: AUDIENCE,
  revocations: true,
  name: 'demo-api',
  allowHttp,
})

const app = new Hono()
app.get('/healthz', (c) => c.text('ok'))
app.get('/demo', auth.requireScope('demo:read'), (c) => c.json({ hello: c.get('auth').claims.sub }))

serve({ fetch: app.fetch, port: Number(PORT) }, ({ port }) =>
  console.log(`the demo API serves http://localhost:${port}/demo`),
)
// The first process of a container ends by no signal that it does not handle.
process.once('SIGTERM', () => process.exit(0))
