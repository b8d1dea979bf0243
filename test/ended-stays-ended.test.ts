/**
 * The declarative file revives nothing that an operator ended on purpose, at a start or by `signet apply`: a secret
 * that was rotated away, a client and a resource that were deleted. The start goes on, one error line names the line of
 * the file and what to do, and the doctor finds it. An operator who wants it back says so.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { declareOperator, operatorOf, until, type Operator } from './support/admin.ts'
import { post, type Answer } from './support/client.ts'
import { startTestIssuer, temporaryFolder, type TestIssuer } from './support/issuer.ts'
import { signet, type Finished } from './support/process.ts'

const FIRST = 'the-first-secret-of-the-file-which-leaks'
const SECOND = 'the-second-secret-of-the-file-that-is-new'
const DECLARED = `resources:
  - id: orders
  - id: leaving
`
const CLIENTS = `  - client_id: dear
    scope: read
    resources: [orders]
    client_secret: { file: dear.secret }
  - client_id: fired
    scope: read
    resources: [orders]
    client_secret: { file: fired.secret }
`

interface Scene {
  issuer: TestIssuer
  operator: Operator
  file: string
  /** Restarts on the same files; the result is the issuer that runs now. */
  restart(): Promise<TestIssuer>
  /** What `/token` answers to a client with a secret. */
  tries(clientId: string, secret: string): Promise<number>
  writeSecret(clientId: string, secret: string): void
}

async function scene(): Promise<Scene> {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder, DECLARED)
  appendFileSync(file, CLIENTS)
  const writeSecret = (clientId: string, secret: string) => writeFileSync(join(folder, `${clientId}.secret`), secret)
  for (const clientId of ['dear', 'fired']) writeSecret(clientId, FIRST)
  let issuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
  return {
    issuer,
    operator: operatorOf(issuer, credentials),
    file,
    writeSecret,
    async restart() {
      issuer = await issuer.restart()
      return issuer
    },
    tries: async (clientId, secret) =>
      (await post(issuer, '/token', { grant_type: 'client_credentials' }, { clientId, secret })).status,
  }
}

async function rotate(operator: Operator, clientId: string, overlap: number): Promise<string> {
  const answer = await operator.call('POST', `/admin/api/clients/${clientId}/rotate-secret`, { overlap })
  expect(answer.status, answer.text).toBe(201)
  return answer.body.client_secret
}

const errorLines = ({ logged }: TestIssuer, name: string): string[] =>
  logged.filter((line) => line.includes('"level":"error"') && line.includes(name))

/** The log has a single line about it, with file and line of the declaration. */
function expectOneError(issuer: TestIssuer, name: string): void {
  const lines = errorLines(issuer, name)
  expect(lines, issuer.logged.join('\n')).toHaveLength(1)
  expect(lines[0]).toMatch(/signet\.yaml:\d+/)
}

const good = async (answer: Promise<Answer>): Promise<void> => expect((await answer).status).toBeLessThan(300)
const deleteClient = ({ operator }: Scene, id: string) => good(operator.call('DELETE', `/admin/api/clients/${id}`))
const deleteResource = ({ operator }: Scene, id: string) =>
  good(operator.call('DELETE', `/admin/api/resources/${id}?force=true`))

const apply = ({ issuer, file }: Scene, ...options: string[]): Promise<Finished> =>
  signet(['apply', file, ...options], issuer.env)

/** Waits until the server has heard of every command so far. It hears of changes in their order, so a last one tells. */
async function untilHeard({ issuer, operator }: Scene): Promise<void> {
  expect((await signet(['resource', 'create', 'mark'], issuer.env)).code).toBe(0)
  await until(async () => (await operator.call('GET', '/admin/api/resources')).text.includes('"mark"'))
}

// ------------------------------------------------------------------ a secret

test('a secret that was rotated away stays refused after a restart, and the new one good', async () => {
  const it = await scene()
  const rotated = await rotate(it.operator, 'dear', 0)
  expect([await it.tries('dear', FIRST), await it.tries('dear', rotated)]).toEqual([401, 200])
  for (let start = 0; start < 2; start++) {
    const issuer = await it.restart()
    expect([await it.tries('dear', FIRST), await it.tries('dear', rotated)]).toEqual([401, 200])
    expectOneError(issuer, 'dear')
    expect(errorLines(issuer, 'fired')).toEqual([])
  }
  expect(await it.tries('fired', FIRST)).toBe(200)
})

test('a secret whose overlap has run out stays refused after a restart', async () => {
  const it = await scene()
  const rotated = await rotate(it.operator, 'dear', 600)
  await it.restart()
  expect([await it.tries('dear', FIRST), await it.tries('dear', rotated)]).toEqual([200, 200])
  it.issuer.clock.advance(601)
  expectOneError(await it.restart(), 'dear')
  expect([await it.tries('dear', FIRST), await it.tries('dear', rotated)]).toEqual([401, 200])
})

test('a secret that is rotated away with an overlap is told at once, and works until it ends', async () => {
  const it = await scene()
  await rotate(it.operator, 'dear', 86_400)
  expectOneError(await it.restart(), 'dear')
  const { code, stdout, stderr } = await apply(it)
  expect([code, stdout.includes('0 created, 0 changed')], stdout).toEqual([0, true])
  expect(stderr).toMatch(/signet\.yaml:\d+: an operator .*secret of client dear/)
  expect((await signet(['doctor', '--json'], it.issuer.env)).stdout).toMatch(/signet\.yaml:\d+: .*client_secret dear/)
  expect(await it.tries('dear', FIRST)).toBe(200)
})

test('a secret that was rotated away stays refused after rotations since, and after a year', async () => {
  const it = await scene()
  await rotate(it.operator, 'dear', 0)
  for (let each = 0; each < 5; each++) await rotate(it.operator, 'dear', 60)
  const newest = await rotate(it.operator, 'dear', 0)
  it.issuer.clock.advance(400 * 86_400)
  await it.restart()
  await it.restart()
  expect([await it.tries('dear', FIRST), await it.tries('dear', newest)]).toEqual([401, 200])
})

test('a secret that was rotated away by the command line stays refused after a restart', async () => {
  const it = await scene()
  const { code, json } = await signet(['client', 'rotate-secret', 'dear', '--overlap', '0', '--json'], it.issuer.env)
  expect(code).toBe(0)
  const rotated = json<{ client_secret: string }>().client_secret
  expectOneError(await it.restart(), 'dear')
  expect([await it.tries('dear', FIRST), await it.tries('dear', rotated)]).toEqual([401, 200])
})

test('the first secret of the file stays refused when the second one was rotated away too', async () => {
  const it = await scene()
  await rotate(it.operator, 'dear', 0)
  it.writeSecret('dear', SECOND)
  await it.restart()
  expect([await it.tries('dear', FIRST), await it.tries('dear', SECOND)]).toEqual([401, 200])
  const rotated = await rotate(it.operator, 'dear', 0)
  for (const old of [FIRST, SECOND]) {
    it.writeSecret('dear', old)
    expectOneError(await it.restart(), 'dear')
    expect([await it.tries('dear', old), await it.tries('dear', rotated)]).toEqual([401, 200])
  }
})

test('a new secret in the file is taken at the next start, and takes the place of the rotated one', async () => {
  const it = await scene()
  const rotated = await rotate(it.operator, 'dear', 0)
  it.writeSecret('dear', SECOND)
  const issuer = await it.restart()
  expect(errorLines(issuer, 'dear')).toEqual([])
  const tried = [await it.tries('dear', FIRST), await it.tries('dear', rotated), await it.tries('dear', SECOND)]
  expect(tried).toEqual([401, 401, 200])
})

test('metadata of a client goes on following the file while its old secret is refused', async () => {
  const it = await scene()
  await rotate(it.operator, 'dear', 0)
  writeFileSync(it.file, readFileSync(it.file, 'utf8').replace(/(client_id: dear\n {4}scope: read)/, '$1 write'))
  await it.restart()
  expect((await it.operator.call('GET', '/admin/api/clients/dear')).body.scope).toBe('read write')
  expect(await it.tries('dear', FIRST)).toBe(401)
})

// ------------------------------------------------------------------ a client

test('a client that was deleted stays deleted after a restart, and the start goes on', async () => {
  const it = await scene()
  await deleteClient(it, 'fired')
  for (let start = 0; start < 2; start++) {
    const issuer = await it.restart()
    expect(await it.tries('fired', FIRST)).toBe(401)
    expect((await it.operator.call('GET', '/admin/api/clients/fired')).status).toBe(404)
    expectOneError(issuer, 'fired')
    expect(await it.tries('dear', FIRST)).toBe(200)
  }
})

test('a client that was deleted a year ago stays deleted', async () => {
  const it = await scene()
  await deleteClient(it, 'fired')
  it.issuer.clock.advance(400 * 86_400)
  await it.restart()
  expectOneError(await it.restart(), 'fired')
  expect(await it.tries('fired', FIRST)).toBe(401)
})

test('a client that was disabled stays disabled after a restart', async () => {
  const it = await scene()
  await good(it.operator.call('POST', '/admin/api/clients/fired/disable'))
  await it.restart()
  expect(await it.tries('fired', FIRST)).toBe(401)
})

test('an operator who creates the client again has it back, and the file is applied to it from then on', async () => {
  const it = await scene()
  await deleteClient(it, 'fired')
  await it.restart()
  const created = await signet(['client', 'create', '--id', 'fired', '--json'], it.issuer.env)
  expect(created.code, created.stderr).toBe(0)
  const issuer = await it.restart()
  // The secret that the file names ended with the client: only a new one is taken.
  expect(errorLines(issuer, 'fired')).toEqual([expect.stringContaining('secret')])
  expect((await it.operator.call('GET', '/admin/api/clients/fired')).body.scope).toBe('read')
  expect((await it.operator.call('DELETE', '/admin/api/clients/fired')).status).toBe(204)
  expectOneError(await it.restart(), 'fired')
})

// ------------------------------------------------------------------ a resource

test('a resource that was deleted stays deleted after a restart, and the start goes on', async () => {
  const it = await scene()
  await deleteResource(it, 'leaving')
  expectOneError(await it.restart(), 'leaving')
  expect((await it.operator.call('GET', '/admin/api/resources/leaving')).status).toBe(404)
  expect(await it.tries('dear', FIRST)).toBe(200)
  await good(it.operator.call('POST', '/admin/api/resources', { id: 'leaving' }))
  expect(errorLines(await it.restart(), 'leaving')).toEqual([])
})

// ------------------------------------------------------------------ apply and the doctor

/** Ends one of each. */
async function endAll(it: Scene): Promise<void> {
  await rotate(it.operator, 'dear', 0)
  await deleteClient(it, 'fired')
  await deleteResource(it, 'leaving')
}

async function expectAllEnded(it: Scene): Promise<void> {
  expect([await it.tries('dear', FIRST), await it.tries('fired', FIRST)]).toEqual([401, 401])
  expect((await it.operator.call('GET', '/admin/api/clients/fired')).status).toBe(404)
  expect((await it.operator.call('GET', '/admin/api/resources/leaving')).status).toBe(404)
}

test.each([[[]], [['--dry-run']]])(
  'signet apply %j revives nothing, and names each line on stderr',
  async (options) => {
    const it = await scene()
    await endAll(it)
    const { stdout, stderr } = await apply(it, ...options)
    for (const name of ['dear', 'fired', 'leaving']) {
      const lines = stderr.split('\n').filter((line) => line.includes(name) && /signet\.yaml:\d+/.test(line))
      expect(lines, `${name}: ${stderr}`).toHaveLength(1)
    }
    expect(stdout).not.toMatch(/^[+~] (client|resource) (dear|fired|leaving)$/m)
    await untilHeard(it)
    await expectAllEnded(it)
  },
)

test('signet apply takes what was ended and created again on purpose', async () => {
  const it = await scene()
  await deleteClient(it, 'fired')
  await good(it.operator.call('POST', '/admin/api/clients', { client_id: 'fired' }))
  const { code, stderr } = await apply(it)
  expect(code).toBe(0)
  expect(stderr).toMatch(/ended this secret of client fired/)
  it.writeSecret('fired', SECOND)
  expect((await apply(it)).stderr).not.toContain('fired')
})

test('signet apply takes a new secret where the old one was rotated away', async () => {
  const it = await scene()
  await rotate(it.operator, 'dear', 0)
  it.writeSecret('dear', SECOND)
  const { code, stderr } = await apply(it)
  expect([code, stderr.includes('dear')], stderr).toEqual([0, false])
  await expect.poll(() => it.tries('dear', SECOND), { timeout: 5000 }).toBe(200)
})

test('the doctor names what the file would revive, before the next start', async () => {
  const it = await scene()
  const before = await signet(['doctor', '--json'], it.issuer.env)
  expect(before.stdout).not.toMatch(/signet\.yaml:\d+/)
  await endAll(it)
  const { stdout } = await signet(['doctor', '--json'], it.issuer.env)
  for (const name of ['dear', 'fired', 'leaving']) expect(stdout).toContain(name)
  expect(stdout).toMatch(/signet\.yaml:\d+/)
})

// ------------------------------------------------------------------ secrets that a file took over, or that stood before a deletion

test('a secret of a deleted client stays ended when the client is registered anew', async () => {
  const it = await scene()
  await deleteClient(it, 'dear')
  const created = await it.operator.call('POST', '/admin/api/clients', {
    client_id: 'dear',
    scope: 'read',
    resources: ['orders'],
  })
  expect(created.status).toBe(201)
  await it.restart()
  expect([await it.tries('dear', FIRST), await it.tries('dear', created.body.client_secret)]).toEqual([401, 200])
})

test('a generated secret that the file took over stays ended after it was rotated away', async () => {
  const it = await scene()
  const second = await rotate(it.operator, 'dear', 0)
  it.writeSecret('dear', second)
  await it.restart()
  const third = await rotate(it.operator, 'dear', 0)
  expect([await it.tries('dear', second), await it.tries('dear', third)]).toEqual([401, 200])
  await it.restart()
  expect([await it.tries('dear', second), await it.tries('dear', third)]).toEqual([401, 200])
})
