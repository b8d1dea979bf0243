// Guards an API with Hono. It follows revocations: a revoked token is refused within a second.
//   npm install hono @hono/node-server ./signet-verify-*.tgz
//   node app.mjs
// The .tgz is in the release of Signet; in a checkout it is made by: npm pack -w signet-verify
// A token to try it with, sent as "Authorization: Bearer TOKEN", and the reason if one is refused:
//   signet token mint --sub try --resource __AUDIENCE__ --scope __SCOPE__ //? scope
//   signet token mint --sub try --resource __AUDIENCE__ //? no-scope
//   signet doctor TOKEN --resource __AUDIENCE__
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuthMiddleware } from 'signet-verify/hono'

const auth = createAuthMiddleware({
  issuer: '__ISSUER__',
  audience: '__AUDIENCE__',
  jwksUri: '__JWKS_URI__', // this API has keys of its own //? own-keys
  typ: '__TYP__', //? other-typ
  allowHttp: true, // the issuer has no TLS: for development only //? private-http
  revocations: true,
  name: '__NAME__', // shown by: signet key list
})

const app = new Hono()
app.get('/health', (c) => c.text('ok')) // before the guard: open to everybody
app.use(auth.requireAuth()) // from here on: only with a valid token
app.get('/', (c) => c.json({ hello: c.get('auth').claims.sub }))
//? scope
app.get('/guarded', auth.requireScope('__SCOPE__'), (c) => c.json({ scope: c.get('auth').claims.scope }))
//? end

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8080) })
