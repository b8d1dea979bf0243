/** SIGNET_WORKERS: several processes behind one address, that behave as one. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  createBackend,
  createClient,
  createResource,
  declareOperator,
  operatorOf,
  SUBJECT_GRANT,
  until,
  type Operator,
} from './support/admin.ts'
import { basic, headerOf, request, type Answer, type Credentials } from './support/client.ts'
import { environmentOf, temporaryFolder, type OnEnd } from './support/issuer.ts'
import { serve, signet, type ServerProcess } from './support/process.ts'
import { assertionOf, fresh } from './support/shared.ts'

// Every test starts several processes, on a machine that others use too.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

interface Pair extends ServerProcess {
  env: Record<string, string>
  operator: Operator
  /** The numbers of the workers that have answered something at a route. */
  answeredAt: (route: string) => Set<number>
}

/** Starts two workers on an empty folder and waits until both serve. */
async function servePair(onEnd?: OnEnd): Promise<Pair> {
  const folder = temporaryFolder(onEnd)
  const { file, credentials } = declareOperator(folder, 'resources:\n  - id: api')
  const env = { ...environmentOf(folder), SIGNET_WORKERS: '2', SIGNET_CONFIG: file }
  const server = await serve(env, onEnd)
  await until(() => started(server) === 2, 20_000)
  const answeredAt = (route: string) =>
    new Set(logOf(server).flatMap((line) => (line.route === route && line.worker !== undefined ? [line.worker] : [])))
  return { ...server, env, operator: operatorOf(server, credentials), answeredAt }
}

interface LogLine {
  message: string
  worker?: number
  route?: string
}

/** The log so far; the last line may still be on its way. */
const logOf = ({ stderr }: ServerProcess): LogLine[] =>
  stderr()
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine) // the fields that tests look at, of those in src/ground/log.ts

const started = (server: ServerProcess): number =>
  logOf(server).filter(({ message }) => message.startsWith('Signet serves')).length

const workerPids = ({ child }: ServerProcess): number[] =>
  execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number)

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Posts a form over a connection of its own: the workers are given connections in turn. */
const post = (at: { url: string }, path: string, form: Record<string, string>, client?: Credentials): Promise<Answer> =>
  request(at.url + path, { form, headers: { connection: 'close', ...(client && basic(client)) } })

const get = (at: { url: string }, path: string): Promise<Answer> =>
  request(at.url + path, { headers: { connection: 'close' } })

/** Asks four times at once, over a connection each: two of them at every worker. */
const four = (ask: () => Promise<Answer>): Promise<Answer[]> => Promise.all([ask(), ask(), ask(), ask()])

const ask = (at: { url: string }, client: Credentials, form: Record<string, string> = {}): Promise<Answer> =>
  post(at, '/token', { grant_type: 'client_credentials', ...form }, client)

const subjectTokens = async (at: { url: string }, client: Credentials, subject: string) =>
  (await ask(at, client, { grant_type: SUBJECT_GRANT, subject, scope: 'read offline_access' })).body

/** What four introspections say of a token, two of them at each worker. */
const activeTo = async (at: { url: string }, client: Credentials, token = ''): Promise<boolean[]> =>
  (await four(() => post(at, '/introspect', { token }, client))).map(({ body }) => body.active)

const ALL = [true, true, true, true]
const NONE = [false, false, false, false]

describe('two workers on an empty folder', () => {
  let pair: Pair
  let client: Credentials
  beforeAll(async () => {
    const ends: (() => Promise<void> | void)[] = []
    pair = await servePair((work) => ends.unshift(work))
    client = await createBackend(pair.operator, { client_id: 'backend', resources: ['api'] })
    return async () => {
      for (const end of ends) await end()
    }
  })

  test('print one address, once, and both answer at it', async () => {
    expect(pair.stdout().match(/Signet serves/g)).toHaveLength(1)
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(pair, client)))
    const keys = createLocalJWKSet((await get(pair, '/.well-known/jwks.json')).body as JSONWebKeySet) // RFC 7517 §5
    for (const { body } of answers) await jwtVerify(body.access_token, keys, { issuer: pair.url, audience: 'api' })
    const ids = answers.map(({ body }) => body.access_token)
    expect(new Set(ids).size).toBe(100)
    expect(pair.answeredAt('/token')).toEqual(new Set([1, 2]))
  })

  test('a token revoked at one is inactive at both from the answer on, a hundred times', async () => {
    for (let round = 0; round < 100; round++) {
      const { access_token: token } = (await ask(pair, client)).body
      expect((await post(pair, '/revoke', { token }, client)).status).toBe(200)
      expect(await activeTo(pair, client, token)).toEqual(NONE)
    }
    expect(pair.answeredAt('/revoke')).toEqual(new Set([1, 2]))
    expect(pair.answeredAt('/introspect')).toEqual(new Set([1, 2]))
  })

  test('a refresh token revoked at one is refused by both, and its access token inactive', async () => {
    const issued = await subjectTokens(pair, client, 'ada')
    await post(pair, '/revoke', { token: issued.refresh_token }, client)
    const answers = await four(() => post(pair, '/refresh', { refresh_token: issued.refresh_token }, client))
    expect(answers.map(({ body }) => body.error)).toEqual(Array(4).fill('invalid_grant'))
    expect(await activeTo(pair, client, issued.access_token)).toEqual(NONE)
  })

  test('a client registered at one is known to both, and disabled, enabled and deleted for both', async () => {
    const own = await createClient(pair.operator, { client_id: fresh('client'), scope: 'read', resources: ['api'] })
    const statuses = async () => (await four(() => ask(pair, own))).map(({ status }) => status)
    const path = `/admin/api/clients/${own.clientId}`
    expect(await statuses()).toEqual(Array(4).fill(200))
    await pair.operator.call('POST', `${path}/disable`)
    expect(await statuses()).toEqual(Array(4).fill(401))
    await pair.operator.call('POST', `${path}/enable`)
    expect(await statuses()).toEqual(Array(4).fill(200))
    await pair.operator.call('DELETE', path)
    expect(await statuses()).toEqual(Array(4).fill(401))
  })

  test('a secret that was replaced at one is taken by neither', async () => {
    const own = await createClient(pair.operator, { client_id: fresh('client'), resources: ['api'] })
    const rotated = await pair.operator.call('POST', `/admin/api/clients/${own.clientId}/rotate-secret`, { overlap: 0 })
    const renewed = { ...own, secret: rotated.body.client_secret }
    expect((await four(() => ask(pair, own))).map(({ status }) => status)).toEqual(Array(4).fill(401))
    expect((await four(() => ask(pair, renewed))).map(({ status }) => status)).toEqual(Array(4).fill(200))
  })

  test('a person on the blacklist gets nothing from either, and everything again when the entry is lifted', async () => {
    const { access_token: token } = await subjectTokens(pair, client, 'eve')
    const entry = await pair.operator.call('POST', '/blacklist', { sub: 'eve' })
    expect(await activeTo(pair, client, token)).toEqual(NONE)
    const issue = () => ask(pair, client, { grant_type: SUBJECT_GRANT, subject: 'eve' })
    expect((await four(issue)).map(({ status }) => status)).toEqual(Array(4).fill(400))
    const feeds = await four(() => get(pair, '/blacklist/feed'))
    expect(feeds.map(({ body }) => body.entries.some(({ id }: { id: string }) => id === entry.body.id))).toEqual(ALL)
    await pair.operator.call('DELETE', `/blacklist/${entry.body.id}`)
    expect(await activeTo(pair, client, token)).toEqual(ALL)
    expect((await four(issue)).map(({ status }) => status)).toEqual(Array(4).fill(200))
  })

  test('after a rotation both sign with the new key and both publish it; a revoked one is gone from both', async () => {
    const { access_token: before } = (await ask(pair, client)).body
    const rotated = await pair.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256', emergency: true })
    expect(rotated.status, rotated.text).toBe(200)
    const kids = new Set((await four(() => ask(pair, client))).map(({ body }) => headerOf(body.access_token).kid))
    expect(kids.size).toBe(1)
    expect(kids).not.toContain(headerOf(before).kid)
    const published = async (kid: string) =>
      (await four(() => get(pair, '/.well-known/jwks.json'))).map(({ body }) =>
        body.keys.some((key: { kid: string }) => key.kid === kid),
      )
    expect(await published([...kids][0] ?? '')).toEqual(ALL)
    await pair.operator.call('POST', `/admin/api/keys/${headerOf(before).kid}/revoke`)
    expect(await activeTo(pair, client, before)).toEqual(NONE)
    expect(await published(headerOf(before).kid)).toEqual(NONE)
  })

  test('a resource made at one has its own keys at both, the same', async () => {
    const id = await createResource(pair.operator, fresh('https://own.example.com/'), { own_keys: true })
    const sets = await four(() => get(pair, `/jwks/${encodeURIComponent(id)}`))
    expect(new Set(sets.map(({ text }) => text)).size).toBe(1)
    expect(sets[0]?.body.keys).toHaveLength(2)
  })

  test('fifty uses of one refresh token at once, at both, give one successor', async () => {
    const { refresh_token: token } = await subjectTokens(pair, client, 'bob')
    const uses = Array.from({ length: 50 }, () => post(pair, '/refresh', { refresh_token: token }, client))
    const answers = await Promise.all(uses)
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
    expect(pair.answeredAt('/refresh')).toEqual(new Set([1, 2]))
  })

  test('a client assertion is taken once, whichever worker it is shown to', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256' }] }
    const clientId = fresh('client')
    const metadata = { client_id: clientId, token_endpoint_auth_method: 'private_key_jwt', jwks, resources: ['api'] }
    await createClient(pair.operator, metadata)
    const clock = { now: () => Date.now(), elapsed: () => performance.now(), advance() {}, jump() {} }
    const assertion = await assertionOf(clientId, { issuer: pair.url, clock }, privateKey)
    const form = {
      grant_type: 'client_credentials',
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(pair, '/token', form)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('a scrape shows both, whichever answers it, and once what is the same for both', async () => {
    await four(() => get(pair, '/livez'))
    const lines = (await four(() => get(pair, '/metrics'))).map(({ text }) => text.split('\n'))
    expect(pair.answeredAt('/metrics')).toEqual(new Set([1, 2]))
    for (const scrape of lines) {
      const workersOf = (name: string) =>
        scrape.filter((line) => line.startsWith(name)).map((line) => /worker="(\d)"/.exec(line)?.[1])
      expect(workersOf('signet_ready')).toEqual(['1', '2'])
      expect(workersOf('process_resident_memory_bytes')).toEqual(['1', '2'])
      expect(workersOf('signet_http_requests_total{worker="1",endpoint="/livez"')).toHaveLength(1)
      expect(workersOf('signet_http_requests_total{worker="2",endpoint="/livez"')).toHaveLength(1)
      expect(workersOf('signet_database_bytes')).toEqual([undefined])
      const series = scrape.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(' ')[0])
      expect(new Set(series).size).toBe(series.length)
    }
  })

  test('what the command line changes is known to both with the next request', async () => {
    const own = await createClient(pair.operator, { client_id: fresh('client'), resources: ['api'] })
    expect((await signet(['client', 'disable', own.clientId], pair.env)).code).toBe(0)
    expect((await four(() => ask(pair, own))).map(({ status }) => status)).toEqual(Array(4).fill(401))
  })
})

describe('a worker that is killed', () => {
  test('during refreshes loses no family, and another takes its place', async () => {
    const pair = await servePair()
    const client = await createBackend(pair.operator, { resources: ['api'] })
    const families = await Promise.all(
      Array.from({ length: 8 }, async (_, each) => (await subjectTokens(pair, client, `person-${each}`)).refresh_token),
    )
    const over = new AbortController()
    let interrupted = 0
    // Each is a careful client: without an answer it sends the same token again.
    const refreshAll = families.map(async (held, each) => {
      let token = held
      for (let uses = 0; !over.signal.aborted || uses < 20; uses++) {
        const answer = await post(pair, '/refresh', { refresh_token: token }, client).catch(() => undefined)
        if (!answer) interrupted += 1
        else if (answer.status !== 200) throw new Error(`family ${each}: ${answer.text}`)
        token = answer?.body.refresh_token ?? token
      }
      return token
    })
    for (const victim of [0, 1, 0]) {
      const before = started(pair)
      const pid = workerPids(pair)[victim] ?? 0
      process.kill(pid, 'SIGKILL')
      await until(() => started(pair) > before, 20_000)
    }
    over.abort()
    const last = await Promise.all(refreshAll)
    for (const token of last) expect((await post(pair, '/refresh', { refresh_token: token }, client)).status).toBe(200)
    expect(workerPids(pair)).toHaveLength(2)
    expect(logOf(pair).filter(({ message }) => message === 'a worker has ended and is replaced')).toHaveLength(3)
    // The kills met requests under way; where none was, the test would show nothing.
    expect(interrupted).toBeGreaterThan(0)
  })

  test('with all others leaves the address as it was, also where the port was 0', async () => {
    const pair = await servePair()
    for (const pid of workerPids(pair)) process.kill(pid, 'SIGKILL')
    await until(() => started(pair) >= 4, 20_000)
    expect((await four(() => get(pair, '/livez'))).map(({ status }) => status)).toEqual(Array(4).fill(200))
    // The first one served, whatever it died of later.
    expect(logOf(pair).filter(({ message }) => message.includes('before it served'))).toEqual([])
  })

  test('is replaced as it was: a declarative file that was edited since is not applied', async () => {
    const pair = await servePair()
    appendFileSync(pair.env.SIGNET_CONFIG ?? '', '  - client_id: later\n')
    process.kill(workerPids(pair)[0] ?? 0, 'SIGKILL')
    await until(() => started(pair) === 3, 20_000)
    expect((await pair.operator.call('GET', '/admin/api/clients/later')).status).toBe(404)
  })
})

test('a worker that hangs is left out of a scrape, and its successor has its place', async () => {
  const pair = await servePair()
  const scrape = async (): Promise<string[]> => {
    // One at each worker: where one hangs, the other answers.
    const { text } = await Promise.any([get(pair, '/metrics'), get(pair, '/metrics')])
    return [...text.matchAll(/^signet_ready\{worker="(\d)"\} 1$/gm)].map(([, place = '']) => place)
  }
  const victim = workerPids(pair)[0] ?? 0
  process.kill(victim, 'SIGSTOP')
  expect(await scrape()).toHaveLength(1)
  process.kill(victim, 'SIGKILL')
  await until(() => started(pair) === 3, 20_000)
  expect(await scrape()).toEqual(['1', '2'])
})

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops all of them', async (signal) => {
    const pair = await servePair()
    const pids = workerPids(pair)
    pair.child.kill(signal)
    expect(await pair.exited).toBe(0)
    expect(pids.filter(isRunning)).toEqual([])
    expect(logOf(pair).filter(({ message }) => message === 'stopped')).toHaveLength(2)
  })

  test('they end by themselves where the primary is killed, and finish what they were answering', async () => {
    const pair = await servePair()
    const pids = workerPids(pair)
    expect(pids).toHaveLength(2)
    pair.child.kill('SIGKILL')
    await until(() => !pids.some(isRunning), 20_000)
    expect(logOf(pair).filter(({ message }) => message === 'stopped')).toHaveLength(2)
  })
})

test('a taken port is told once, and nothing is left running or made', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo // listens on a TCP port
  const folder = temporaryFolder()
  const env = { ...environmentOf(folder), SIGNET_WORKERS: '2', SIGNET_PORT: String(port) }
  const { code, stdout, stderr } = await signet(['serve'], env)
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr.match(/cannot listen on/g)).toHaveLength(1)
  expect(stderr.trimEnd().split('\n')).toHaveLength(2)
  expect(existsSync(join(folder, 'data'))).toBe(false)
})

test('a variable that is wrong is told once, before any worker starts', async () => {
  const env = { ...environmentOf(temporaryFolder()), SIGNET_WORKERS: '65' }
  const { code, stderr } = await signet(['serve'], env)
  expect(code).toBe(1)
  expect(stderr.match(/SIGNET_WORKERS/g)).toHaveLength(1)
})
