/**
 * Every snippet of `signet resource snippet` runs as printed, against a real issuer.
 *
 * Not again on PostgreSQL: the lines that are printed are the same, and their compilers take minutes.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createClient, createResource, declareOperator, operatorOf, tokens, type Operator } from '../support/admin.ts'
import type { Credentials } from '../support/client.ts'
import { freePort, has } from '../support/foreign-client.ts'
import { startTestIssuer, type TestIssuer } from '../support/issuer.ts'
import { signet } from '../support/process.ts'
import { CHECKOUT, installFor, listen, printSnippet, run, skipWithout, startApp } from '../support/snippet.ts'

const AUDIENCE = 'https://orders.example/api'

const ends: (() => Promise<void> | void)[] = []
let folder: string
let issuer: TestIssuer
let operator: Operator
let client: Credentials

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-guards-'))
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

const print = (target: string, id = AUDIENCE): Promise<string> => printSnippet(['resource', id], target, issuer.env)

const project = (name: string): string => mkdtempSync(join(folder, `${name}-`))

const tokenFor = async (form: Record<string, string>, of = client): Promise<string> =>
  (await tokens(issuer, of, form)).access_token ?? ''

interface Heard {
  status: number
  text: string
  challenge: string | null
}

async function ask(url: string, token?: string): Promise<Heard> {
  const response = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, text: await response.text(), challenge: response.headers.get('www-authenticate') }
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

/** Checks that a revoked token and the tokens of a revoked key are refused within a second, and no others. */
async function expectRevocationsFollowed(url: string): Promise<void> {
  const [first, second] = [await tokenFor({ resource: AUDIENCE }), await tokenFor({ resource: AUDIENCE })]
  expect((await ask(url, first)).status).toBe(200)
  expect((await signet(['blacklist', 'add', '--token', first], issuer.env)).code).toBe(0)
  await expectRefusedSoon(url, first)
  expect((await ask(url, second)).status).toBe(200)
  const { kid } = JSON.parse(Buffer.from(second.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }
  expect((await signet(['key', 'revoke', kid], issuer.env)).code).toBe(0)
  await expectRefusedSoon(url, second)
  expect((await ask(url, await tokenFor({ resource: AUDIENCE }))).status).toBe(200)
}

async function expectRefusedSoon(url: string, token: string): Promise<void> {
  const refused = () => ask(url, token).then(({ status }) => expect(status).toBe(401))
  await vi.waitFor(refused, { timeout: 1000, interval: 20 })
}

/** The behaviour of a guard that follows the feed. @param start runs a snippet, and resolves to its URL */
function describeGuard(target: string, start: (snippet: string) => Promise<string>): void {
  test('refuses bad tokens, and within a second those that were revoked', async () => {
    const snippet = await print(target)
    expect(snippet).toContain('It follows revocations')
    const url = await start(snippet)
    expect((await ask(`${url}/health`)).status).toBe(200)
    await expectGuarded(url)
    await expectRevocationsFollowed(url)
  })

  test('guards a resource with keys of its own, typ JWT and no scope', async () => {
    const id = `org-${target}`
    await createResource(operator, id, { own_keys: true, typ: 'JWT', alg: 'RS256' })
    const own = await createClient(operator, { client_id: id, resources: [id] })
    const snippet = await print(target, id)
    expect(snippet).toContain(`${issuer.issuer}/jwks/${id}`)
    expect(snippet).not.toMatch(/scope/i)
    const url = await start(snippet)
    expect((await ask(url, await tokenFor({}, own))).status).toBe(200)
    expect((await ask(url, await tokenFor({}))).status).toBe(401)
  })

  test('takes an issuer of plain http, where the issuer allows it itself', async () => {
    const env = { ...issuer.env, SIGNET_ISSUER: 'http://signet.internal:3000', SIGNET_ALLOW_HTTP: 'true' }
    const snippet = await printSnippet(['resource', AUDIENCE], target, env)
    expect(snippet).toContain('for development only')
    const url = await start(snippet)
    expect((await ask(`${url}/health`)).status).toBe(200)
    expect((await ask(url)).status).toBe(401)
  })
}

describe('guards in Node', () => {
  /** The verifier as it is packed, beside the frameworks of this checkout; nothing is built into the checkout. */
  beforeAll(async () => {
    const modules = join(folder, 'node_modules')
    const verifier = join(modules, 'signet-verify')
    mkdirSync(join(modules, '@hono'), { recursive: true })
    for (const name of ['jose', 'express', 'hono', 'fastify', '@hono/node-server'])
      symlinkSync(join(CHECKOUT, 'node_modules', name), join(modules, name))
    mkdirSync(verifier)
    cpSync(join(CHECKOUT, 'verifiers/node/package.json'), join(verifier, 'package.json'))
    const compiler = join(CHECKOUT, 'node_modules/.bin/tsc')
    await run(compiler, ['-p', join(CHECKOUT, 'verifiers/node/tsconfig.json'), '--outDir', join(verifier, 'dist')])
  })

  describe.each(['express', 'hono', 'fastify'])('%s', (framework) => {
    describeGuard(framework, (snippet) => {
      const app = join(project(framework), 'app.mjs')
      writeFileSync(app, snippet)
      return startApp(process.execPath, [app])
    })
  })
})

const hasPython = has('python3', '-c', 'import venv, ensurepip')

describe.skipIf(!hasPython)(`guards in Python${hasPython ? '' : ' (skipped: python3 with venv is not here)'}`, () => {
  let python: string | Error
  skipWithout(() => (python instanceof Error ? `no packages: ${python.message}` : undefined))

  beforeAll(async () => {
    python = await installFor([await print('fastapi'), await print('flask')], project('venv'))
  })

  describe.each(['fastapi', 'flask'])('%s', (framework) => {
    describeGuard(framework, (snippet) => {
      const app = join(project(framework), 'app.py')
      writeFileSync(app, snippet)
      return startApp(String(python), [app])
    })
  })
})

const hasGo = has('go', 'version')

describe.skipIf(!hasGo)(`go${hasGo ? '' : ' (skipped: go is not here)'}`, () => {
  let fault: string | undefined
  skipWithout(() => fault)

  beforeAll(async () => {
    await run('go', ['mod', 'download'], { cwd: join(CHECKOUT, 'verifiers/go') }).catch(
      (error: Error) => (fault = `no modules: ${error.message}`),
    )
  })

  describeGuard('go', async (snippet) => {
    const place = project('go')
    writeFileSync(join(place, 'main.go'), snippet)
    expect((await run('gofmt', ['-l', '.'], { cwd: place })).stdout).toBe('')
    for (const [, command = ''] of snippet.matchAll(/^\/\/\t(go mod .*?)(?: && go run .)?$/gm))
      await run('sh', ['-c', command.replace('/path/to/signetverify', join(CHECKOUT, 'verifiers/go'))], { cwd: place })
    await run('go', ['vet', '.'], { cwd: place })
    await run('go', ['build', '-o', 'app', '.'], { cwd: place })
    return startApp(join(place, 'app'), [])
  })
})

/** The files that the nginx snippet consists of. */
function nginxParts(snippet: string): { head: string; top: string; server: string; script: string } {
  const [head = '', top = '', server = '', script = ''] = snippet.split(/^# ---- .*$/m)
  return { head, top, server, script }
}

/** The secret of the client that the snippet tells to create. */
async function createNginxClient(head: string): Promise<string> {
  const [, command = ''] = /signet (client create .*)/.exec(head) ?? []
  return (await signet([...command.split(' '), '--json'], issuer.env)).json<{ client_secret: string }>().client_secret
}

/** njs, where a package puts it: beside the nginx of this machine. */
const NJS_MODULE = (process.env.PATH ?? '')
  .split(':')
  .filter((place) => existsSync(join(place, 'nginx')))
  .map((place) => join(place, '../lib/nginx/modules/ngx_http_js_module.so'))
  .find((file) => existsSync(file))

test.skipIf(!NJS_MODULE)(`nginx${NJS_MODULE ? '' : ' (skipped: nginx with njs is not here)'}`, async () => {
  const api = await listen((request, response) => response.end(`hello ${String(request.headers['x-token-sub'])}`))
  const { head, top, server, script } = nginxParts(await print('nginx'))
  const secret = await createNginxClient(head)
  const place = project('nginx')
  // As the comment says: on loopback the address, since njs asks a name server for names.
  writeFileSync(join(place, 'signet.js'), script.replace(/(ENDPOINT = 'http:\/\/)localhost/, '$1127.0.0.1'))
  const port = await freePort()
  const http = server
    .replace('js_path /etc/nginx;', `js_path ${place};`)
    .replace('listen 8080;', `listen 127.0.0.1:${port};`)
    .replace('http://127.0.0.1:3001', api)
  const config = join(place, 'nginx.conf')
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  writeFileSync(
    config,
    `${top.replace('modules/ngx_http_js_module.so', NJS_MODULE ?? '')}
      pid ${place}/pid; daemon off; master_process off; error_log stderr; events {}
      http { access_log off; ${kinds.map((kind) => `${kind}_temp_path ${place}/${kind};`).join(' ')} ${http} }`,
  )
  await run('nginx', ['-t', '-p', place, '-c', config])
  const env = { ...process.env, INTROSPECTION_SECRET: secret }
  const child = spawn('nginx', ['-p', place, '-c', config], { env, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGTERM'))
  const url = `http://127.0.0.1:${port}`
  await vi.waitFor(() => fetch(url), { timeout: 5000, interval: 50 })
  const good = await tokenFor({ resource: AUDIENCE, scope: 'read' })
  await expectGuarded(url)
  expect(await ask(url, good)).toMatchObject({ status: 200, text: 'hello orders' })
  expect((await ask(url, 'no-token')).challenge).toBe('Bearer error="invalid_token"')
  await expectRevocationsFollowed(url)
})

test('what is not there, and where it would go, is told', async () => {
  const failed = async (...args: string[]) => signet(['resource', 'snippet', ...args], issuer.env)
  const nobody = await failed('https://orders.example/apl', '--for', 'express')
  expect(nobody).toMatchObject({ code: 1, stdout: '' })
  expect(nobody.stderr).toContain(`did you mean ${AUDIENCE}?`)
  const cobol = await failed(AUDIENCE, '--for', 'cobol')
  expect(cobol.code).toBe(2)
  expect(cobol.stderr).toContain(
    '--for: read "cobol"; accepted here: express, hono, fastify, fastapi, flask, go, nginx',
  )
  const caller = await failed(AUDIENCE, '--for', 'curl')
  expect(caller.code).toBe(2)
  expect(caller.stderr).toContain('signet client snippet CLIENT --for curl')
  expect(await failed(AUDIENCE)).toMatchObject({ code: 2 })
  const own = await failed(issuer.issuer, '--for', 'express')
  expect(own).toMatchObject({ code: 1, stdout: '' })
  expect(own.stderr).not.toContain('resource create')
})
