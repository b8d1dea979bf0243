/**
 * The base of the comparison: Hono handlers that do the same work as the issuer's hot paths (read the form, check
 * Basic, make claims, sign; for refresh, one durable conditional update), and nothing else of an issuer.
 */
import { createHash, generateKeyPairSync, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono, type Context } from 'hono'
import { openPostgresFamilies } from '../postgres/families.ts'
import { openFamilies } from './bare-families.ts'
import { openSignIns } from './bare-sign-ins.ts'
import { isEcdsaSignature } from './ecdsa.ts'
import { signEs256, signingInput, signRs256 } from './jwt.ts'
import { listen } from './listen.ts'
import { ES256_RESOURCE, ISSUER, LIFETIME_SECONDS, RS256_RESOURCE, SCOPE } from './terms.ts'

const [databaseFile = '', clientId = '', secret = '', documentsFile = '', postgres = ''] = process.argv.slice(2)

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()
const secretDigest = digestOf(`${clientId}:${secret}`)

const app = new Hono()

/** Hono's own way: 2 to 3 µs less than iterating over Node's stream, and the same as listening to its events. */
const readForm = async (c: Context): Promise<URLSearchParams> => new URLSearchParams(await c.req.text())

function isClient(c: Context): boolean {
  const pair = Buffer.from((c.req.header('authorization') ?? '').slice(6), 'base64').toString()
  return timingSafeEqual(digestOf(pair), secretDigest)
}

const waiting: (() => void)[] = []
/** Signatures of one turn are made together, as the issuer does. */
const endOfTurn = (work: () => void): void => {
  if (waiting.push(work) === 1) setImmediate(() => waiting.splice(0).forEach((each) => each()))
}

function makeToken(aud: string, sid?: string): Promise<string> {
  const alg = aud === RS256_RESOURCE ? 'RS256' : 'ES256'
  const input = signingInput(alg, { clientId, sub: clientId, aud, sid })
  if (alg === 'RS256') return signRs256(input, rsa)
  return new Promise((resolve) => endOfTurn(() => resolve(signEs256(input, ec.privateKey))))
}

const answer = (c: Context, token: string, refreshToken?: string, idToken?: string) => {
  c.header('Cache-Control', 'no-store')
  return c.json({
    access_token: token,
    token_type: 'Bearer',
    expires_in: LIFETIME_SECONDS,
    refresh_token: refreshToken,
    id_token: idToken,
    scope: SCOPE,
  })
}

const refused = (c: Context, error: string, status: 400 | 401) => c.json({ error }, status)

app.post('/token', async (c) => {
  const form = await readForm(c)
  if (!isClient(c)) return refused(c, 'invalid_client', 401)
  if (form.get('grant_type') !== 'client_credentials') return refused(c, 'unsupported_grant_type', 400)
  return answer(c, await makeToken(form.get('resource') ?? ES256_RESOURCE))
})

const families = postgres ? await openPostgresFamilies(postgres) : openFamilies(databaseFile)
app.post('/grant', async (c) => c.json({ refresh_token: await families.create() }))
app.post('/refresh', async (c) => {
  const form = await readForm(c)
  if (!isClient(c)) return refused(c, 'invalid_client', 401)
  const rotated = await families.rotate(form.get('refresh_token') ?? '')
  if (!rotated) return refused(c, 'invalid_grant', 400)
  return answer(c, await makeToken(ES256_RESOURCE, rotated.id), rotated.successor)
})

/** The sign-in of a person. The paths are Signet's, below one of their own, since the app has no secret. */
const signIns = openSignIns(`${databaseFile}-people`)
app.post('/people/session', (c) => c.text(signIns.begin()))
app.get('/people/authorize', async (c) => {
  const { redirect_uri: redirectUri = '', state, ...facts } = c.req.query()
  const session = /session=([^;]+)/.exec(c.req.header('cookie') ?? '')?.[1] ?? ''
  const code = await signIns.give(session, { redirectUri, ...facts })
  if (code === undefined) return refused(c, 'access_denied', 401)
  const target = new URL(redirectUri)
  target.searchParams.set('code', code)
  target.searchParams.set('iss', ISSUER)
  if (state !== undefined) target.searchParams.set('state', state)
  return c.redirect(target.href, 302)
})
app.post('/people/token', async (c) => {
  const form = await readForm(c)
  const challenge = digestOf(form.get('code_verifier') ?? '').toString('base64url')
  const sid = await signIns.redeem(form.get('code') ?? '', challenge)
  return sid === undefined ? refused(c, 'invalid_grant', 400) : answerPerson(c, sid)
})
app.post('/people/refresh', async (c) => {
  const form = await readForm(c)
  const rotated = await families.rotate(form.get('refresh_token') ?? '')
  return rotated ? answerPerson(c, rotated.id, rotated.successor) : refused(c, 'invalid_grant', 400)
})

/** An access token and an ID token. */
async function answerPerson(c: Context, sid: string, refreshToken?: string) {
  const [token, idToken] = await Promise.all([makeToken(ES256_RESOURCE, sid), makeToken(clientId, sid)])
  return answer(c, token, refreshToken, idToken)
}

/** The denied tokens, by `jti`: the map is empty, and each request looks into it. */
const denied = new Map<string, string>()

app.post('/introspect', async (c) => {
  const form = await readForm(c)
  if (!isClient(c)) return refused(c, 'invalid_client', 401)
  const claims = verifiedClaims(form.get('token') ?? '')
  const isActive = claims !== undefined && claims.exp > Date.now() / 1000 && !denied.has(claims.jti)
  c.header('Cache-Control', 'no-store')
  return c.json(isActive ? { active: true, ...claims, token_type: 'Bearer' } : { active: false })
})

function verifiedClaims(token: string): { exp: number; jti: string } | undefined {
  const end = token.lastIndexOf('.')
  const input = token.slice(0, end)
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  if (!isEcdsaSignature(signature, input, ec.publicKey)) return undefined
  const payload = Buffer.from(input.slice(input.indexOf('.') + 1), 'base64url')
  // This process signed it, so its claims have this shape.
  return JSON.parse(payload.toString()) as { exp: number; jti: string }
}

/** The same bytes that Signet serves. The run writes the file for this process. */
const documents = JSON.parse(readFileSync(documentsFile, 'utf8')) as Record<string, string>
for (const [path, body] of Object.entries(documents)) {
  app.get(path, (c) => {
    c.header('Cache-Control', 'public, max-age=300')
    c.header('Content-Type', 'application/json')
    return c.body(body)
  })
}

const listener = getRequestListener(app.fetch)
listen(createServer((incoming, outgoing) => void listener(incoming, outgoing)))
