/**
 * The wall to measure against: Hono handlers that do the same work as the issuer's hot paths (read the form,
 * check Basic, make claims, sign; for refresh, one durable conditional update) and nothing that makes an issuer.
 */
import { createHash, generateKeyPairSync, randomUUID, sign, timingSafeEqual, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import Database from 'better-sqlite3'
import { Hono, type Context as HonoContext } from 'hono'

const [databaseFile = ':memory:', clientId = '', secret = '', jwks = '{}'] = process.argv.slice(2)

const signInPool = promisify(sign)
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()
const secretDigest = digestOf(`${clientId}:${secret}`)

type Context = HonoContext<{ Bindings: HttpBindings }>
const app = new Hono<{ Bindings: HttpBindings }>()

async function readForm(c: Context): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of c.env.incoming) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

function isClient(c: Context): boolean {
  const pair = Buffer.from((c.req.header('authorization') ?? '').slice(6), 'base64').toString()
  return timingSafeEqual(digestOf(pair), secretDigest)
}

const waiting: (() => void)[] = []
/** Signatures of one turn are made together, as the issuer does. */
const endOfTurn = (work: () => void): void => {
  if (waiting.push(work) === 1) setImmediate(() => waiting.splice(0).forEach((each) => each()))
}

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

async function makeToken(alg: 'ES256' | 'RS256'): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    iss: 'http://localhost',
    sub: clientId,
    aud: 'demo-api',
    client_id: clientId,
    iat,
    exp: iat + 900,
    jti: randomUUID(),
    scope: 'demo:read',
  }
  const input = `${segment({ alg, typ: 'at+jwt', kid: 'bare' })}.${segment(claims)}`
  if (alg === 'RS256')
    return `${input}.${(await signInPool('RSA-SHA256', Buffer.from(input), rsa)).toString('base64url')}`
  return new Promise((resolve) => endOfTurn(() => resolve(`${input}.${rawSignature(input, ec)}`)))
}

function rawSignature(input: string, key: KeyObject): string {
  const der = sign('sha256', Buffer.from(input), key)
  const rLength = der[3] ?? 0
  const r = der.subarray(4, 4 + rLength).subarray(-32)
  const s = der.subarray(6 + rLength).subarray(-32)
  const raw = Buffer.alloc(64)
  r.copy(raw, 32 - r.length)
  s.copy(raw, 64 - s.length)
  return raw.toString('base64url')
}

const answer = (c: Context, token: string, refreshToken?: string) => {
  c.header('Cache-Control', 'no-store')
  return c.json({
    access_token: token,
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: refreshToken,
    scope: 'demo:read',
  })
}

for (const [path, alg] of [
  ['/token', 'ES256'],
  ['/token-rs256', 'RS256'],
] as const) {
  app.post(path, async (c) => {
    const form = await readForm(c)
    if (!isClient(c) || form.get('grant_type') !== 'client_credentials') return c.json({ error: 'invalid_client' }, 401)
    return answer(c, await makeToken(alg))
  })
}

const database = new Database(databaseFile)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec('CREATE TABLE family (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL)')
const insert = database.prepare('INSERT INTO family (generation) VALUES (0)')
const advance = database.prepare('UPDATE family SET generation = generation + 1 WHERE id = ? AND generation = ?')
const begin = database.prepare('BEGIN IMMEDIATE')
const commit = database.prepare('COMMIT')
const commits: { work: () => boolean; resolve: (done: boolean) => void }[] = []

/** One transaction for the writes of one turn: group commit. */
const durably = (work: () => boolean): Promise<boolean> =>
  new Promise((resolve) => {
    if (commits.push({ work, resolve }) > 1) return
    setImmediate(() => {
      const batch = commits.splice(0)
      begin.run()
      const results = batch.map((each) => each.work())
      commit.run()
      batch.forEach((each, index) => each.resolve(results[index] ?? false))
    })
  })

app.post('/grant', async (c) => c.json({ refresh_token: `${insert.run().lastInsertRowid}.0` }))
app.post('/refresh', async (c) => {
  const form = await readForm(c)
  if (!isClient(c)) return c.json({ error: 'invalid_client' }, 401)
  const [id, generation] = (form.get('refresh_token') ?? '').split('.').map(Number)
  const rotated = await durably(() => advance.run(id, generation).changes === 1)
  if (!rotated) return c.json({ error: 'invalid_grant' }, 400)
  return answer(c, await makeToken('ES256'), `${id}.${(generation ?? 0) + 1}`)
})

app.get('/.well-known/jwks.json', (c) => {
  c.header('Cache-Control', 'public, max-age=300')
  c.header('Content-Type', 'application/json')
  return c.body(jwks)
})

const listener = getRequestListener(app.fetch)
const server = createServer((incoming, outgoing) => void listener(incoming, outgoing))
server.listen(0, '127.0.0.1', () =>
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`),
)
process.on('SIGTERM', () => process.exit(0))
