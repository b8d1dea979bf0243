// Guards an API with Fastify. It follows revocations: a revoked token is refused within a second.
//   npm install fastify ./signet-verify-*.tgz
//   node app.mjs
// The .tgz is in the release of Signet; in a checkout it is made by: npm pack -w signet-verify
// A token to try it with, sent as "Authorization: Bearer TOKEN", and the reason if one is refused:
//   signet token mint --sub try --resource __AUDIENCE__ --scope __SCOPE__ //? scope
//   signet token mint --sub try --resource __AUDIENCE__ //? no-scope
//   signet doctor TOKEN --resource __AUDIENCE__
import Fastify from 'fastify'
import { createAuthMiddleware } from 'signet-verify/fastify'

const auth = createAuthMiddleware({
  issuer: '__ISSUER__',
  audience: '__AUDIENCE__',
  jwksUri: '__JWKS_URI__', // this API has keys of its own //? own-keys
  typ: '__TYP__', //? other-typ
  allowHttp: true, // the issuer has no TLS: for development only //? private-http
  revocations: true,
  name: '__NAME__', // shown by: signet key list
})

const app = Fastify()
app.get('/health', (request, reply) => reply.send('ok')) // without a guard: open to everybody
app.get('/', { onRequest: auth.requireAuth() }, (request, reply) => reply.send({ hello: request.auth.claims.sub }))
//? scope
app.get('/guarded', { onRequest: auth.requireScope('__SCOPE__') }, (request, reply) =>
  reply.send({ scope: request.auth.claims.scope }),
)
//? end

await app.listen({ port: Number(process.env.PORT ?? 8080) })
