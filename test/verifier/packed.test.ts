/**
 * The package as others get it: packed, installed by npm into an empty project beside one framework, run
 * there on every Node that this machine has, and compiled against.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { API, sign, startKeyServer, type Answer } from './key-server.ts'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const TSC = join(ROOT, 'node_modules/.bin/tsc')

interface Consumer {
  packages: string[]
  /** Starts an API and prints its port. */
  server: string
  /** Has to compile. */
  types: string
}

const OPTIONS = `{ issuer: process.env.ISSUER ?? '', audience: '${API}', name: 'orders-api', revocations: true }`

const SIGN_IN = `{ issuer: 'https://issuer.example', clientId: 'x', publicOrigin: 'https://app.example' }`
const RESOURCE = `{ resource: 'https://api.example', issuer: 'https://issuer.example' }`

const CONSUMERS: Record<string, Consumer> = {
  express: {
    packages: ['express', '@types/express', '@types/node'],
    server: `import express from 'express'
import { createAuthMiddleware } from 'signet-verify/express'
const auth = createAuthMiddleware(${OPTIONS})
const app = express()
app.get('/', auth.requireScope('read'), (req, res) => res.json(req.auth.claims))
const server = app.listen(0, () => console.log(server.address().port))`,
    types: `import express, { type RequestHandler } from 'express'
import { authFromEnv, createAuthMiddleware, protectedResource, signIn } from 'signet-verify/express'
const auth = createAuthMiddleware(${OPTIONS})
const guard: RequestHandler = auth.requireAuth({ revocations: { whenStale: 'open' } })
const app = express()
app.use(guard)
app.get('/', auth.requireScope('read'), auth.requireAnyPermission(['a']), (req, res) => {
  const subject: string | undefined = req.auth.claims.sub
  res.json({ subject, key: req.auth.header.kid, token: req.auth.token })
})
app.get('/me', authFromEnv({ env: {} }).me())
const people = signIn(${SIGN_IN})
app.use(people, protectedResource(${RESOURCE}))
app.get('/who', (req, res, next) => void people.signedIn(req).then((person) => res.json(person?.claims.sub), next))
// @ts-expect-error there is no such option
createAuthMiddleware({ issuer: '', audience: '', audiense: '' })`,
  },
  hono: {
    packages: ['hono', '@hono/node-server', '@types/node'],
    server: `import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuthMiddleware } from 'signet-verify/hono'
const auth = createAuthMiddleware(${OPTIONS})
const app = new Hono()
app.get('/', auth.requireScope('read'), (c) => c.json(c.get('auth').claims))
serve({ fetch: app.fetch, port: 0 }, ({ port }) => console.log(port))`,
    types: `import { Hono } from 'hono'
import { authFromEnv, createAuthMiddleware, protectedResource, signIn } from 'signet-verify/hono'
const auth = createAuthMiddleware(${OPTIONS})
const app = new Hono()
app.use(auth.requireAuth())
app.get('/', auth.requireRole('admin'), (c) => {
  const subject: string | undefined = c.get('auth').claims.sub
  return c.json({ subject, key: c.var.auth.header.kid })
})
app.get('/me', authFromEnv({ env: {} }).me())
const people = signIn(${SIGN_IN})
app.route('/', people).use(protectedResource(${RESOURCE}))
app.get('/who', async (c) => c.json((await people.signedIn(c))?.accessToken))`,
  },
  fastify: {
    packages: ['fastify', '@types/node'],
    server: `import Fastify from 'fastify'
import { createAuthMiddleware } from 'signet-verify/fastify'
const auth = createAuthMiddleware(${OPTIONS})
const app = Fastify()
app.get('/', { preHandler: auth.requireScope('read') }, async (request) => request.auth.claims)
await app.listen({ port: 0 })
console.log(app.server.address().port)`,
    types: `import Fastify from 'fastify'
import { authFromEnv, createAuthMiddleware, protectedResource, signIn } from 'signet-verify/fastify'
const auth = createAuthMiddleware(${OPTIONS})
const app = Fastify()
app.addHook('onRequest', auth.requireAuth())
app.get('/', { preHandler: [auth.requireScope('read'), auth.requirePlatformOwner()] }, async (request) => {
  const subject: string | undefined = request.auth.claims.sub
  return { subject, key: request.auth.header.kid }
})
app.get('/me', authFromEnv({ env: {} }).me())
await app.register(signIn, ${SIGN_IN})
await app.register(protectedResource, ${RESOURCE})
app.get('/who', async (request) => (await request.signedIn())?.scope)`,
  },
  'no framework': {
    packages: ['@types/node'],
    server: `import { createServer } from 'node:http'
import { createTokenVerifier, TokenError } from 'signet-verify'
const verifier = createTokenVerifier(${OPTIONS})
const server = createServer(async (request, response) => {
  try {
    const token = (request.headers.authorization ?? '').slice('Bearer '.length)
    const { claims } = await verifier.verifyToken(token)
    response.end(JSON.stringify(claims))
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    response.writeHead(error.status, error.headers).end(JSON.stringify(error.body))
  }
}).listen(0, () => console.log(server.address().port))`,
    types: `import { createTokenVerifier, protectedResourceMetadata, TokenError, type TokenErrorCode } from 'signet-verify'
import { receiveToken } from 'signet-verify/browser'
const verifier = createTokenVerifier({ issuer: 'https://issuer.example', audience: ['a', 'b'], revocations: true })
const { claims, header } = await verifier.verifyToken('x', { audience: 'a', issuer: 'https://b.example', clockTolerance: 10 })
const expires: number = claims.exp
const kid: string | undefined = header.kid
const { token } = await verifier.verifyRequest(new Request('https://api.example'), { revocations: { whenStale: 'closed' } })
const error = new TokenError('token_expired', 'x')
const code: TokenErrorCode = error.code
const status: 401 | 403 | 503 = error.status
const seconds: number | undefined = verifier.revocationStatus()?.staleSeconds
await verifier.close()
const app = receiveToken({ parentOrigin: 'https://portal.example' })
const response: Response = await app.fetch('/api')
export { expires, kid, token, code, status, seconds, response, protectedResourceMetadata }`,
  },
}

/** Every Node on this machine that the package promises to run on, one of each major version. */
function nodes(): Map<string, string> {
  const found = new Map<string, string>()
  for (const binary of [
    process.execPath,
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node')),
  ]) {
    if (!existsSync(binary)) continue
    const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()
    const major = version.split('.')[0] ?? ''
    if (Number(major.slice(1)) >= 20 && !found.has(major)) found.set(major, binary)
  }
  return found
}

const folder = mkdtempSync(join(tmpdir(), 'signet-verify-packed-'))
/** Why nothing could be installed; the tests are skipped then, and say so. */
let uninstallable: string | undefined

/** The version that this repository itself was tested with. */
function pinned(name: string): string {
  const manifest = join(ROOT, 'node_modules', name, 'package.json')
  if (!existsSync(manifest)) return name
  return `${name}@${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}`
}

async function install(name: string, { packages, server, types }: Consumer, tarball: string): Promise<void> {
  const project = join(folder, name)
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }')
  const options = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', '--fetch-retries=1']
  await run('npm', ['install', ...options, tarball, ...packages.map(pinned)], { cwd: project, timeout: 60_000 })
  writeFileSync(join(project, 'server.mjs'), server)
  writeFileSync(join(project, 'consumer.ts'), types)
}

/** A feed of one event. */
function eventsThatDeny(jti: string): Answer {
  const until = Math.floor(Date.now() / 1000) + 600
  const hash = createHash('sha256').update(`jti:${jti}`).digest('base64url')
  const entries = [{ id: 'one', kind: 'jti', hash, issued_before: until, expires_at: until }]
  const data = JSON.stringify({ cursor: '1', entries, removed: [] })
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`event: blacklist\nid: 1\ndata: ${data}\n\n`)
  }
}

beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: join(ROOT, 'verifiers/node'),
  })
  const name = /"filename":\s*"([^"]+\.tgz)"/.exec(stdout)?.[1] ?? ''
  try {
    await Promise.all(Object.entries(CONSUMERS).map(([each, consumer]) => install(each, consumer, join(folder, name))))
  } catch (error) {
    uninstallable = error instanceof Error ? error.message.slice(0, 300) : String(error)
    console.warn(`SKIPPED: npm could not install the packed package here: ${uninstallable}`)
  }
  return () => rmSync(folder, { recursive: true, force: true })
}, 120_000)

describe.each(Object.entries(CONSUMERS))('%s', (name) => {
  const project = join(folder, name)

  test('the package brings jose and nothing else', (context) => {
    context.skip(uninstallable !== undefined, uninstallable)
    const manifest = JSON.parse(
      readFileSync(join(project, 'node_modules/signet-verify/package.json'), 'utf8'),
    ) as object
    expect(manifest).toMatchObject({ dependencies: { jose: expect.any(String) } })
    expect(existsSync(join(project, 'node_modules/signet-verify/src'))).toBe(false)
    expect(existsSync(join(project, 'node_modules/signet-verify/README.md'))).toBe(true)
  })

  test.for([...nodes()])('an API with it runs on Node %s', async ([, node], context) => {
    context.skip(uninstallable !== undefined, uninstallable)
    const server = await startKeyServer()
    const key = await server.addKey()
    server.answers.set('/blacklist/feed', eventsThatDeny('gone'))
    const child = spawn(node, ['server.mjs'], {
      cwd: project,
      env: { PATH: process.env.PATH, ISSUER: server.issuer },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const port = await new Promise<string>((found, failed) => {
      child.stdout.on('data', (chunk) => found(String(chunk).trim()))
      child.on('exit', (code) => failed(new Error(`ended with ${code}`)))
    })
    const ask = async (token: string) => {
      const response = await fetch(`http://localhost:${port}/`, { headers: { authorization: `Bearer ${token}` } })
      return {
        status: response.status,
        body: await response.json(),
        challenge: response.headers.get('www-authenticate'),
      }
    }
    expect(await ask(await sign(server, key, { scope: 'read' }))).toMatchObject({ status: 200, body: { sub: 'ada' } })
    expect(await ask(await sign(server, key, { scope: 'read', jti: 'gone' }))).toMatchObject({
      status: 401,
      body: { error: 'token_revoked' },
    })
    expect(await ask(await sign(server, key, { exp: 1 }))).toMatchObject({
      status: 401,
      body: { error: 'token_expired' },
      challenge: expect.stringMatching(/^Bearer error="invalid_token"/),
    })
  })

  test.for(['NodeNext', 'Bundler'])(
    'its types serve a strict consumer, resolved as %s',
    async (moduleResolution, context) => {
      context.skip(uninstallable !== undefined, uninstallable)
      const compilerOptions = {
        target: 'ES2022',
        module: moduleResolution === 'NodeNext' ? 'NodeNext' : 'ESNext',
        moduleResolution,
        lib: ['ES2023', 'DOM', 'DOM.Iterable'],
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
      }
      const file = join(project, `tsconfig.${moduleResolution}.json`)
      writeFileSync(file, JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
      const { stdout } = await run(TSC, ['-p', file], { cwd: project }).catch((error: { stdout: string }) => error)
      // Declarations of others may have faults of their own.
      const own = stdout.split('\n').filter((line) => /^(consumer|error|node_modules\/signet-verify)/.test(line))
      expect(own).toEqual([])
    },
  )
})

test('every Node that the package promises is tried where this machine has it', () => {
  const versions = [...nodes().keys()]
  const missing = ['v20', 'v22', 'v24'].filter((version) => !versions.includes(version))
  if (missing.length > 0) console.warn(`SKIPPED: this machine has no Node ${missing.join(', ')}`)
  expect(versions.length).toBeGreaterThan(0)
})
