/**
 * The verifier for Python: its own tests, the quickstarts of its README in front of APIs, and many followers. A token
 * that is revoked at the issuer is refused within a second.
 *
 * Not again on PostgreSQL: it knows no database, and package managers take their time.
 */
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi, type TestContext } from 'vitest'
import {
  createBackend,
  createResource,
  grantTokens,
  refresh,
  startAdministered,
  tokens,
  until,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { bearer, claimsOf, headerOf, post, request, type Credentials } from '../support/client.ts'
import { CLIENTS, converse, freePort, has, installPython, startForeign } from '../support/foreign-client.ts'
import { temporaryFolder } from '../support/issuer.ts'
import { VERSION } from '../../verifiers/node/src/version.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const run = promisify(execFile)
const VERIFIERS = resolve(import.meta.dirname, '../../verifiers')
const README = readFileSync(join(VERIFIERS, 'python/README.md'), 'utf8')
const API = 'https://orders.example/v1'
const hasPython = has('python3', '-c', 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))')

interface Scene {
  issuer: AdministeredIssuer
  shop: Credentials
}

async function scene(): Promise<Scene> {
  const issuer = await startAdministered({ SIGNET_REFRESH_GRACE: '1s' })
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, {
    client_id: 'shop',
    resources: [API],
    scope: 'read orders:read orders:write',
  })
  return { issuer, shop }
}

describe.skipIf(!hasPython)(`in ${hasPython ? 'Python' : 'Python (skipped: 3.11 with venv is not here)'}`, () => {
  const folder = temporaryFolder(afterAll)
  let installed: string | Error

  /** The virtual environment, and a copy of the package: building in the checkout would leave files there. */
  beforeAll(async () => {
    for (const name of ['python', 'vectors']) cpSync(join(VERIFIERS, name), join(folder, name), { recursive: true })
    installed = await installPython(folder, [`${join(folder, 'python')}[test]`])
  })

  const interpreter = ({ skip }: TestContext): string =>
    installed instanceof Error ? skip(`the packages cannot be had: ${installed.message}`) : installed

  test('the package is typed strictly, and passes its own tests', async (context) => {
    const python = interpreter(context)
    const cwd = join(folder, 'python')
    expect((await run(python, ['-m', 'mypy'], { cwd })).stdout).toMatch(/^Success/)
    expect((await run(python, ['-m', 'pytest', '-q'], { cwd })).stdout).toMatch(/\d+ passed/)
  })

  test('it has the version of its sibling', async (context) => {
    const script = 'import signet_verify; print(signet_verify.__version__)'
    expect((await run(interpreter(context), ['-c', script])).stdout.trim()).toBe(VERSION)
  })

  test.for([
    { name: 'FastAPI', command: ['uvicorn', 'main:app'] },
    { name: 'Flask', command: ['flask', '--app', 'main', 'run'] },
  ])('the quickstart of $name guards an API, and refuses what is revoked', async ({ name, command }, context) => {
    const python = interpreter(context)
    const it = await scene()
    const url = await serveQuickstart(python, it.issuer.issuer, { name, command })
    const ask = (token?: string) => request(`${url}/orders`, token === undefined ? {} : { headers: bearer(token) })
    const { access_token: first = '' } = await tokens(it.issuer, it.shop, { scope: 'orders:read' })
    const { access_token: second = '' } = await tokens(it.issuer, it.shop, { scope: 'orders:read' })
    const { access_token: lesser = '' } = await tokens(it.issuer, it.shop, { scope: 'orders:write' })
    expect(await ask()).toMatchObject({ status: 401, body: { error: 'missing_token' } })
    expect(await ask(first)).toMatchObject({ status: 200, body: { for: 'shop' } })
    expect(await ask(lesser)).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
    expect(await ask('ey.ey.ey')).toMatchObject({ status: 401, body: { error: 'malformed_token' } })
    const isRevoked = (token: string) => async () => (await ask(token)).body.error === 'token_revoked'
    await it.issuer.operator.call('POST', '/blacklist', { token: first })
    await until(isRevoked(first), 1000)
    expect((await ask(second)).status).toBe(200)
    await it.issuer.operator.call('POST', `/admin/api/keys/${headerOf(second).kid}/revoke`)
    await until(isRevoked(second), 1000)
    const { access_token: fresh } = await tokens(it.issuer, it.shop, { scope: 'orders:read' })
    expect(await ask(fresh)).toMatchObject({ status: 200, body: { for: 'shop' } })
    const { body: keys } = await it.issuer.operator.call('GET', '/admin/api/keys')
    expect(JSON.stringify(keys)).toContain('"name":"orders-api"')
  })

  test('fifty verifiers follow, and all of them refuse within a second, whatever the cause', async (context) => {
    const program = interpreter(context)
    const it = await scene()
    const ask = converse<{ verdict: string; delay: number }[]>({
      program,
      args: [join(CLIENTS, 'python_followers.py')],
      env: { ISSUER: it.issuer.issuer, AUDIENCE: API, FOLLOWERS: '50' },
    })
    const delays: number[] = []
    for (const revoke of revocations) {
      const { access_token: token = '', refresh_token: family = '' } = await grantTokens(it.issuer, it.shop, 'ada')
      expect((await ask({ token })).map(({ verdict }) => verdict)).toEqual(Array(50).fill('good'))
      await revoke(it, token, family)
      const answers = await ask({ token, since: Date.now() })
      expect(answers.map(({ verdict }) => verdict)).toEqual(Array(50).fill('token_revoked'))
      delays.push(...answers.map(({ delay }) => delay))
    }
    const p99 = delays.toSorted((a, b) => a - b)[Math.floor(delays.length * 0.99)] ?? Infinity
    console.log(`refused in Python after: p99 ${p99.toFixed(0)} ms of ${delays.length}`)
    expect(p99).toBeLessThan(1000)
  })
})

type Revoke = (scene: Scene, access: string, family: string) => Promise<unknown>

/** In this order on one scene: a disabled client gets no more tokens. */
const revocations: Revoke[] = [
  ({ issuer }, token) => issuer.operator.call('POST', '/blacklist', { token }),
  ({ issuer }, access) => issuer.operator.call('POST', '/blacklist', { sid: claimsOf(access).sid }),
  ({ issuer, shop }, token) => post(issuer, '/revoke', { token }, shop),
  async ({ issuer, shop }, _access, family) => {
    const second = String((await refresh(issuer, shop, family)).body.refresh_token)
    await refresh(issuer, shop, second)
    return refresh(issuer, shop, family)
  },
  ({ issuer }, access) => issuer.operator.call('POST', `/admin/api/keys/${headerOf(access).kid}/revoke`),
  ({ issuer }) => issuer.operator.call('POST', '/admin/api/clients/shop/disable'),
]

/** Serves the program of the README that stands behind a sentence about the framework, with real addresses. */
async function serveQuickstart(
  program: string,
  issuer: string,
  { name, command }: { name: string; command: string[] },
): Promise<string> {
  const place = temporaryFolder()
  const port = await freePort()
  const source = new RegExp(`^A ${name} app [^]*?^\`\`\`python\n([^]*?)^\`\`\`$`, 'm').exec(README)?.[1] ?? ''
  writeFileSync(
    join(place, 'main.py'),
    source.replace('https://issuer.example', issuer).replace('https://api.example', API),
  )
  const url = `http://127.0.0.1:${port}`
  const args = ['-m', ...command, '--port', String(port)]
  await startForeign({ program, args, env: { PYTHONPATH: place } }, url)
  return url
}
