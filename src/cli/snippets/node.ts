/** Express, Hono and Fastify behind `signet-verify`. */
import { js, mintCommand, nameOf, type Facts, type Snippet } from './snippet.ts'

/** Options that every framework's guard takes. */
function options({ issuer, audience, hasOwnKeys, jwksUri, typ }: Facts): string {
  const members = [
    `issuer: ${js(issuer)},`,
    `audience: ${js(audience)},`,
    ...(hasOwnKeys ? [`jwksUri: ${js(jwksUri)}, // the keys of this API alone`] : []),
    ...(typ === 'at+jwt' ? [] : [`typ: ${js(typ)},`]),
    'revocations: true, // refuses revoked tokens within a second, without a request for each',
    `name: ${js(nameOf(audience))}, // shown by: signet key list`,
  ]
  return `{\n${members.map((member) => `  ${member}`).join('\n')}\n}`
}

const notesOf = (facts: Facts): string[] => [
  `try it with: curl -H "Authorization: Bearer $(${mintCommand(facts)} --json | sed -n 's/.*"access_token": "\\(.*\\)".*/\\1/p')" http://localhost:8080/`,
  'refused tokens get 401 (missing scopes 403) with a code in the body that says why; signet doctor TOKEN says it in words',
]

/** The guard of a route: the first scope that the client has, where it has any. */
const guard = ({ scope: [first] }: Facts): string =>
  first === undefined ? 'auth.requireAuth()' : `auth.requireScope(${js(first)})`

export const express = (facts: Facts): Snippet => ({
  snippet: `// npm install express ./signet-verify-0.1.0.tgz
// (the last is made in Signet's checkout: npm pack -w signet-verify)
// Save as app.mjs, run: node app.mjs
import express from 'express'
import { createAuthMiddleware } from 'signet-verify/express'

const auth = createAuthMiddleware(${options(facts)})

const app = express()
app.get('/health', (req, res) => res.send('ok')) // before the guard: open to everybody
app.use(auth.requireAuth()) // behind it: only with a good token
app.get('/', (req, res) => res.json({ hello: req.auth.claims.sub }))
app.get('/guarded', ${guard(facts)}, (req, res) => res.json({ scope: req.auth.claims.scope }))

app.listen(Number(process.env.PORT ?? 8080))
`,
  notes: notesOf(facts),
})

export const hono = (facts: Facts): Snippet => ({
  snippet: `// npm install hono @hono/node-server ./signet-verify-0.1.0.tgz
// (the last is made in Signet's checkout: npm pack -w signet-verify)
// Save as app.mjs, run: node app.mjs
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuthMiddleware } from 'signet-verify/hono'

const auth = createAuthMiddleware(${options(facts)})

const app = new Hono()
app.get('/health', (c) => c.text('ok')) // before the guard: open to everybody
app.use(auth.requireAuth()) // behind it: only with a good token
app.get('/', (c) => c.json({ hello: c.get('auth').claims.sub }))
app.get('/guarded', ${guard(facts)}, (c) => c.json({ scope: c.get('auth').claims.scope }))

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8080) })
`,
  notes: notesOf(facts),
})

export const fastify = (facts: Facts): Snippet => ({
  snippet: `// npm install fastify ./signet-verify-0.1.0.tgz
// (the last is made in Signet's checkout: npm pack -w signet-verify)
// Save as app.mjs, run: node app.mjs
import Fastify from 'fastify'
import { createAuthMiddleware } from 'signet-verify/fastify'

const auth = createAuthMiddleware(${options(facts)})

const app = Fastify()
app.get('/health', async () => 'ok') // without a hook: open to everybody
app.get('/', { onRequest: auth.requireAuth() }, async (request) => ({ hello: request.auth.claims.sub }))
app.get('/guarded', { onRequest: ${guard(facts)} }, async (request) => ({ scope: request.auth.claims.scope }))

await app.listen({ port: Number(process.env.PORT ?? 8080) })
`,
  notes: notesOf(facts),
})
