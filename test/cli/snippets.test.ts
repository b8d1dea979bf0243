/**
 * Every snippet of `signet client snippet` runs as printed, against a real issuer.
 *
 * Not again on PostgreSQL: the lines that are printed are the same, and their compilers take minutes.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { parse } from 'yaml'
import { createClient, createResource, declareOperator, operatorOf, tokens, type Operator } from '../support/admin.ts'
import type { Credentials } from '../support/client.ts'
import { startTestIssuer, type TestIssuer } from '../support/issuer.ts'
import { signet } from '../support/process.ts'

// Compilers and package managers take their time.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

const CHECKOUT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

const AUDIENCE = 'https://orders.example/api'

interface Printed {
  for: string
  snippet: string
  notes: string[]
}

const ends: (() => Promise<void> | void)[] = []
let folder: string
let issuer: TestIssuer
let operator: Operator
let client: Credentials

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-snippets-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  const { file, credentials } = declareOperator(folder)
  issuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder, onEnd: (work) => void ends.unshift(work) })
  operator = operatorOf(issuer, credentials)
  await createResource(operator, AUDIENCE, { scope: 'read write' })
  await createResource(operator, 'other')
  client = await createClient(operator, { client_id: 'orders', scope: 'read write', resources: [AUDIENCE, 'other'] })
})
afterAll(async () => {
  for (const end of ends) await end()
})

async function print(target: string, id = 'orders'): Promise<Printed> {
  const printed = await signet(['client', 'snippet', id, '--for', target, '--json'], issuer.env)
  if (printed.code !== 0) throw new Error(printed.stderr)
  return printed.json<Printed>()
}

function project(name: string): string {
  const place = join(folder, name)
  mkdirSync(place)
  return place
}

const tokenFor = async (form: Record<string, string>, of = client): Promise<string> =>
  (await tokens(issuer, of, form)).access_token ?? ''

/** Whether a program is there; a test that needs it says so when it is left out. */
function has(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening))
  const { port } = server.address() as AddressInfo // it listens on a port
  await new Promise((closed) => server.close(closed))
  return port
}

/** Starts an app that listens on PORT; killed with the test. Resolves to its URL once it answers. */
async function start(program: string, args: string[], cwd: string): Promise<string> {
  const port = await freePort()
  const child = spawn(program, args, { cwd, env: { ...process.env, PORT: String(port) }, stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const url = `http://localhost:${port}`
  for (const deadline = Date.now() + 30_000; ;) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${program} ${args.join(' ')}: ${said}`)
    if (await fetch(url).catch(() => undefined)) return url
    await new Promise((wake) => setTimeout(wake, 50))
  }
}

async function ask(url: string, token?: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, text: await response.text() }
}

/** Checks the duties of every guard, whatever it is written in. */
async function expectGuarded(url: string): Promise<void> {
  const good = await tokenFor({ resource: AUDIENCE, scope: 'read' })
  expect(await ask(url)).toMatchObject({ status: 401 })
  expect(await ask(`${url}/`, good)).toMatchObject({ status: 200, text: expect.stringContaining('orders') as string })
  expect((await ask(`${url}/guarded`, good)).status).toBe(200)
  expect((await ask(`${url}/guarded`, await tokenFor({ resource: AUDIENCE, scope: 'write' }))).status).toBe(403)
  expect((await ask(`${url}/`, await tokenFor({ resource: 'other', scope: 'read' }))).status).toBe(401)
  expect((await ask(`${url}/`, `${good.slice(0, -4)}AAAA`)).status).toBe(401)
  expect((await ask(`${url}/`, 'no-token')).status).toBe(401)
}

describe('guards in Node', () => {
  /** The verifier as it is packed, beside the frameworks of this checkout; nothing is built into the checkout. */
  const modules = () => join(folder, 'node_modules')

  beforeAll(async () => {
    const verifier = join(modules(), 'signet-verify')
    mkdirSync(join(modules(), '@hono'), { recursive: true })
    for (const name of ['jose', 'express', 'hono', 'fastify', '@hono/node-server'])
      symlinkSync(join(CHECKOUT, 'node_modules', name), join(modules(), name))
    cpSync(join(CHECKOUT, 'verifiers/node/package.json'), join(verifier, 'package.json'))
    const compiler = join(CHECKOUT, 'node_modules/.bin/tsc')
    await run(compiler, ['-p', join(CHECKOUT, 'verifiers/node/tsconfig.json'), '--outDir', join(verifier, 'dist')])
  })

  test.each(['express', 'hono', 'fastify'])('%s', async (framework) => {
    const { snippet } = await print(framework)
    expect(snippet).toContain(`audience: '${AUDIENCE}'`)
    const place = project(framework)
    writeFileSync(join(place, 'app.mjs'), snippet)
    const url = await start(process.execPath, ['app.mjs'], place)
    expect(await ask(`${url}/health`)).toEqual({ status: 200, text: 'ok' })
    await expectGuarded(url)
  })

  test('a resource with keys of its own, and typ JWT, is guarded by the same code', async () => {
    await createResource(operator, 'org-1', { own_keys: true, typ: 'JWT', alg: 'RS256' })
    const own = await createClient(operator, { client_id: 'org', scope: 'read', resources: ['org-1'] })
    const { snippet } = await print('express', 'org')
    expect(snippet).toContain(`jwksUri: '${issuer.issuer}/jwks/org-1'`)
    const place = project('own-keys')
    writeFileSync(join(place, 'app.mjs'), snippet)
    const url = await start(process.execPath, ['app.mjs'], place)
    expect((await ask(`${url}/guarded`, await tokenFor({}, own))).status).toBe(200)
    expect((await ask(url, await tokenFor({}))).status).toBe(401)
  })
})

const hasPython = has('python3', '-c', 'import venv, ensurepip')

/** A virtual environment with what the snippet's first line installs; an error where the registry is away. */
async function installPython(place: string, snippet: string): Promise<string | Error> {
  const [, requirement = ''] = /^# pip install "(.*)"$/m.exec(snippet) ?? []
  expect(requirement).toContain('pyjwt')
  const venv = join(place, 'venv')
  await run('python3', ['-m', 'venv', venv])
  return run(join(venv, 'bin/pip'), ['install', '--quiet', requirement]).then(
    () => join(venv, 'bin/python'),
    (error: Error) => error,
  )
}

test.skipIf(!hasPython)(`python${hasPython ? '' : ' (skipped: python3 with venv is not here)'}`, async (context) => {
  const { snippet } = await print('python')
  const place = project('python')
  const python = await installPython(place, snippet)
  if (python instanceof Error) return context.skip(`no PyJWT: ${python.message}`)
  writeFileSync(join(place, 'signet_auth.py'), snippet)
  const good = await tokenFor({ resource: AUDIENCE, scope: 'read' })
  const headers = [
    `Bearer ${good}`,
    `Bearer ${await tokenFor({ resource: AUDIENCE, scope: 'write' })}`,
    `Bearer ${await tokenFor({ resource: 'other', scope: 'read' })}`,
    `Bearer ${good.slice(0, -4)}AAAA`,
    'Bearer no-token',
    'Bearer é.\u0000.x',
    '',
  ]
  const script = [
    'import json, signet_auth',
    'def judge(header):',
    '    try: return [200, signet_auth.require_token(header, "read")["sub"]]',
    '    except signet_auth.Refused as refused: return [refused.status, refused.headers["WWW-Authenticate"]]',
    'print(json.dumps([judge(header) for header in json.load(open("headers.json"))]))',
  ]
  writeFileSync(join(place, 'judge.py'), script.join('\n'))
  writeFileSync(join(place, 'headers.json'), JSON.stringify(headers))
  const outcomes = JSON.parse((await run(python, ['judge.py'], { cwd: place })).stdout) as [number, string][]
  expect(outcomes.map(([status]) => status)).toEqual([200, 403, 401, 401, 401, 401, 401])
  expect(outcomes[0]?.[1]).toBe('orders')
  expect(outcomes[1]?.[1]).toBe('Bearer error="insufficient_scope"')
})

const hasGo = has('go', 'version')

test.skipIf(!hasGo)(`go${hasGo ? '' : ' (skipped: go is not here)'}`, async (context) => {
  const { snippet } = await print('go')
  expect(snippet).toContain('go mod init example && go get . && go run .')
  const place = project('go')
  writeFileSync(join(place, 'main.go'), snippet)
  await run('go', ['mod', 'init', 'example'], { cwd: place })
  const got = await run('go', ['get', '.'], { cwd: place }).catch((error: Error) => error)
  if (got instanceof Error) return context.skip(`no modules: ${got.message}`)
  await run('go', ['vet', './...'], { cwd: place })
  await run('go', ['build', '-o', 'app', '.'], { cwd: place })
  await expectGuarded(await start(join(place, 'app'), [], place))
})

test('curl', async () => {
  const heard: (string | undefined)[] = []
  const api = createServer((request, response) => {
    heard.push(request.headers.authorization)
    response.end('welcome')
  })
  await new Promise<void>((listening) => api.listen(0, 'localhost', listening))
  onTestFinished(() => void api.close())
  const { snippet } = await print('curl')
  expect(snippet).not.toContain(client.secret)
  const call = (env: Record<string, string>) =>
    run('sh', ['-c', snippet], { env: { PATH: process.env.PATH ?? '', ...env } })
  const { port } = api.address() as AddressInfo // it listens on a port
  const env = { CLIENT_SECRET: client.secret, API_URL: `http://localhost:${port}/` }
  expect((await call(env)).stdout).toBe('welcome')
  const [header] = heard
  const state = await fetch(`${issuer.url}/introspect`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client.clientId}:${client.secret}`)}` },
    body: new URLSearchParams({ token: header?.replace('Bearer ', '') ?? '' }),
  })
  expect(await state.json()).toMatchObject({ active: true, aud: AUDIENCE, scope: 'read write' })
  await expect(call({ API_URL: env.API_URL })).rejects.toThrow('CLIENT_SECRET')
})

test.each([
  {
    method: 'client_secret_post',
    scope: "it's $(odd) `stuff`",
    grant: 'client_credentials',
    said: 'client_id=by.client_secret_post%2F~x',
    piped: 'data = "client_secret=%27%73%65%63%72%65%74%22"',
  },
  {
    method: 'client_secret_basic',
    scope: 'read',
    grant: 'subject',
    said: 'subject=me',
    piped: 'user = "by.client_secret_basic%2F~x:%27%73%65%63%72%65%74%22"',
  },
  {
    method: 'private_key_jwt',
    scope: 'read',
    grant: 'client_credentials',
    said: 'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    piped: 'data = "client_assertion=%61%2e%62"',
  },
])('curl for a client of $method and $grant is a script that the shell reads as meant', async (row) => {
  const id = `by.${row.method}/~x`
  const resource = `for-${row.method}`
  await createResource(operator, resource)
  await createClient(operator, {
    client_id: id,
    token_endpoint_auth_method: row.method,
    grant_types: [row.grant],
    scope: row.scope,
    resources: [resource],
    ...(row.method === 'private_key_jwt' && { jwks: { keys: [PUBLIC_KEY] } }),
  })
  const { snippet } = await print('curl', id)
  const place = project(`curl-${row.method}`)
  // Stands in for curl: tells its arguments and its standard input, and answers as `/token` does.
  const standIn = '#!/bin/sh\nprintf \'%s\\n\' "$@" >&2\nsed "s/^/piped: /" >&2\necho \'{"access_token":"t"}\'\n'
  writeFileSync(join(place, 'curl'), standIn, { mode: 0o755 })
  const env = {
    PATH: `${place}:${process.env.PATH}`,
    CLIENT_SECRET: `'secret"`,
    CLIENT_ASSERTION: 'a.b',
    SUBJECT: 'me',
  }
  const said = (await run('sh', ['-c', snippet], { env })).stderr.split('\n')
  expect(said).toEqual(expect.arrayContaining([`scope=${row.scope}`, `resource=${resource}`, row.said]))
  expect(said.filter((line) => line.startsWith('piped: '))).toEqual([
    `piped: ${row.piped}`,
    'piped: header = "Authorization: Bearer t"',
  ])
  // Arguments are readable by every user of the machine.
  const args = said.filter((line) => !line.startsWith('piped: ')).join('\n')
  expect(args).not.toMatch(/secret"|secret%22|client_assertion=|Bearer/)
})

/** Every printable character of ASCII, more than Latin, and what `openssl rand -base64` makes. */
const SECRETS = [
  Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
    .join('')
    .trim(),
  'ünïcödé €uro 漢字 🗝 long enough for a secret',
  'a+b/c%41=a+b/c%41=a+b/c%41=a+b/c%41=',
  `-n \\n "'$(false)\`false\` ; & | < > * ? [x] {y} ~ # !`,
]

test.each(['client_secret_basic', 'client_secret_post'])(
  'curl sends a secret of any characters: %s',
  async (method) => {
    const place = project(`secrets-${method}`)
    const file = join(place, 'signet.yaml')
    const clients = SECRETS.map((secret, index) => {
      writeFileSync(join(place, `secret-${index}`), secret)
      return `  - { client_id: "c/~:${index}", token_endpoint_auth_method: ${method}, client_secret: { file: secret-${index} }, resources: [api] }\n`
    })
    writeFileSync(file, `resources: [{ id: api }]\nclients:\n${clients.join('')}`)
    const own = await startTestIssuer({ SIGNET_CONFIG: file }, { folder: place })
    const api = createServer((request, response) => response.end(request.headers.authorization?.slice(0, 10)))
    await new Promise<void>((listening) => api.listen(0, 'localhost', listening))
    onTestFinished(() => void api.close())
    const { port } = api.address() as AddressInfo // it listens on a port
    for (const [index, secret] of SECRETS.entries()) {
      const printed = await signet(['client', 'snippet', `c/~:${index}`, '--for', 'curl', '--json'], own.env)
      const env = { PATH: process.env.PATH ?? '', CLIENT_SECRET: secret, API_URL: `http://localhost:${port}/` }
      expect((await run('sh', ['-c', printed.json<Printed>().snippet], { env })).stdout, secret).toBe('Bearer eyJ')
    }
  },
)

const PUBLIC_KEY = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}

test('openapi is YAML that declares the schemes, demands them, and names the token string', async () => {
  const { snippet } = await print('openapi')
  const document = parse(snippet) as Record<string, any>
  expect(document.components.securitySchemes).toMatchObject({
    signet: {
      type: 'oauth2',
      flows: {
        clientCredentials: {
          tokenUrl: `${issuer.issuer}/token`,
          scopes: { read: expect.any(String) as string, write: expect.any(String) as string },
        },
      },
    },
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  })
  expect(document.security).toEqual([{ signet: ['read', 'write'] }, { bearer: [] }])
  expect(snippet).toContain('#   Authorization: Bearer eyJ')
  const command = /^# {3}signet (token mint .*)$/m.exec(snippet)?.[1] ?? ''
  const minted = await signet([...command.replaceAll("'", '').split(/ (?!write)/), '--json'], issuer.env)
  expect(minted.json()).toMatchObject({ scope: 'read write', token_type: 'Bearer' })
})

/** The files that the nginx snippet consists of, by the last part of their names. */
function nginxParts(snippet: string): { top: string; server: string; script: string } {
  const [, top = '', server = '', script = ''] = snippet.split(/^# ---- .*$/m)
  return { top, server, script }
}

test('nginx: its script admits and refuses as it should', async () => {
  const { script } = nginxParts((await print('nginx')).snippet)
  const place = project('nginx-script')
  writeFileSync(join(place, 'signet.mjs'), script)
  process.env.INTROSPECTION_SECRET = client.secret
  onTestFinished(() => void delete process.env.INTROSPECTION_SECRET)
  // The ngx.fetch of njs is the fetch of the Web.
  vi.stubGlobal('ngx', { fetch })
  onTestFinished(() => void vi.unstubAllGlobals())
  const { default: module } = (await import(join(place, 'signet.mjs'))) as {
    default: { admit(request: object): Promise<void> }
  }
  const admit = async (token?: string) => {
    const request = {
      headersIn: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      headersOut: {} as Record<string, string>,
      status: 0,
      error: (text: string) => expect.fail(text),
      return(status: number) {
        this.status = status
      },
    }
    await module.admit(request)
    return { status: request.status, headers: request.headersOut }
  }
  expect(await admit(await tokenFor({ resource: AUDIENCE, scope: 'read' }))).toEqual({
    status: 204,
    headers: { 'X-Token-Sub': 'orders', 'X-Token-Scope': 'read' },
  })
  expect((await admit()).status).toBe(401)
  expect((await admit('no-token')).status).toBe(401)
  expect((await admit(await tokenFor({ resource: AUDIENCE, scope: 'write' }))).status).toBe(403)
  expect((await admit(await tokenFor({ resource: 'other', scope: 'read' }))).status).toBe(401)
})

/** njs, where a package puts it: beside the nginx of this machine. */
const NJS_MODULE = (process.env.PATH ?? '')
  .split(':')
  .filter((place) => existsSync(join(place, 'nginx')))
  .map((place) => join(place, '../lib/nginx/modules/ngx_http_js_module.so'))
  .find((file) => existsSync(file))

test.skipIf(!NJS_MODULE)(
  `nginx: its configuration guards an API${NJS_MODULE ? '' : ' (skipped: nginx with njs is not here)'}`,
  async () => {
    const api = createServer((request, response) => response.end(`hello ${String(request.headers['x-token-sub'])}`))
    await new Promise<void>((listening) => api.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void api.close())
    const { port: apiPort } = api.address() as AddressInfo // it listens on a port
    const { top, server, script } = nginxParts((await print('nginx')).snippet)
    const place = project('nginx')
    // As the notes say: on loopback the address, since njs asks a name server for names.
    writeFileSync(join(place, 'signet.js'), script.replace(/(ENDPOINT = 'http:\/\/)localhost/, '$1127.0.0.1'))
    const port = await freePort()
    const http = server
      .replace('js_path /etc/nginx;', `js_path ${place};`)
      .replace('listen 8080;', `listen 127.0.0.1:${port};`)
      .replace('http://127.0.0.1:3001', `http://127.0.0.1:${apiPort}`)
    const config = join(place, 'nginx.conf')
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${place}/${kind};`,
    )
    writeFileSync(
      config,
      `${top.replace('modules/ngx_http_js_module.so', NJS_MODULE ?? '')}
      pid ${place}/pid; daemon off; master_process off; error_log stderr; events {}
      http { access_log off; ${paths.join(' ')} ${http} }`,
    )
    await run('nginx', ['-t', '-p', place, '-c', config])
    const child = spawn('nginx', ['-p', place, '-c', config], {
      env: { ...process.env, INTROSPECTION_SECRET: client.secret },
      stdio: 'ignore',
    })
    onTestFinished(() => void child.kill('SIGTERM'))
    const url = `http://127.0.0.1:${port}/`
    await vi.waitFor(() => fetch(url), { timeout: 5000, interval: 50 })
    const good = await tokenFor({ resource: AUDIENCE, scope: 'read' })
    expect(await ask(url, good)).toEqual({ status: 200, text: 'hello orders' })
    expect((await ask(url)).status).toBe(401)
    expect((await ask(url, await tokenFor({ resource: AUDIENCE, scope: 'write' }))).status).toBe(403)
    expect((await ask(url, await tokenFor({ resource: 'other', scope: 'read' }))).status).toBe(401)
    await fetch(`${issuer.url}/revoke`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client.clientId}:${client.secret}`)}` },
      body: new URLSearchParams({ token: good }),
    })
    const refused = await fetch(url, { headers: { authorization: `Bearer ${good}` } })
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"'])
  },
)

test('what is not there, and where it would go, is told', async () => {
  const failed = async (...args: string[]) => {
    const { code, stdout, stderr } = await signet(['client', 'snippet', ...args], issuer.env)
    return { code, stdout, stderr }
  }
  expect(await failed('nobody', '--for', 'curl')).toMatchObject({ code: 1, stdout: '' })
  expect(await failed('orders', '--for', 'cobol')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('express, hono, fastify, python, go, nginx, curl, openapi') as string,
  })
  expect(await failed('orders')).toMatchObject({ code: 2 })
  const printed = await signet(['client', 'snippet', 'orders', '--for', 'curl'], issuer.env)
  expect(printed.stdout).toMatch(/^#!\/bin\/sh\n/)
  expect(printed.stderr).toContain('note: ')
})
