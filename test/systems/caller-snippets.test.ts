/**
 * Every snippet of `signet client snippet` runs as printed, against a real issuer and an API that asks it about each token.
 *
 * Not again on PostgreSQL: the lines that are printed are the same, and their compilers take minutes.
 */
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { SUBJECT_GRANT, createClient, declareOperator, isActive, operatorOf, type Operator } from '../support/admin.ts'
import { claimsOf, type Credentials } from '../support/client.ts'
import { has } from '../support/foreign-client.ts'
import { startTestIssuer, type TestIssuer } from '../support/issuer.ts'
import { signet } from '../support/process.ts'
import { CHECKOUT, installFor, listen, printSnippet, run, skipWithout } from '../support/snippet.ts'

const AUDIENCE = 'https://orders.example/api'

/** Every printable character of ASCII, more than Latin, and what `openssl rand -base64` makes. */
const SECRETS = [
  Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
    .join('')
    .trim(),
  'ünïcödé €uro 漢字 🗝 long enough for a secret',
  'a+b/c%41=a+b/c%41=a+b/c%41=a+b/c%41=',
  `-n \\n "'$(false)\`false\` ; & | < > * ? [x] {y} ~ # !`,
]

const SECRET_METHODS = ['client_secret_basic', 'client_secret_post']

/** An id that each language and each encoding has to quote. */
const oddId = (method: string, at: number): string => `c/~:'$%"+${method}-${at}`

const ends: (() => Promise<void> | void)[] = []
const onEnd = (work: () => Promise<void> | void): void => void ends.unshift(work)
let folder: string
let issuer: TestIssuer
let operator: Operator
let orders: Credentials
/** Stands before the issuer: counts token requests, and answers in its place while it is away. */
const front = { url: '', tokenRequests: 0, isAway: false }
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signet-callers-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  front.url = await listen(async (request, response) => {
    if (request.url === '/token') front.tokenRequests += 1
    const { authorization = '', 'content-type': type = '' } = request.headers
    const body = Buffer.concat(await request.toArray())
    if (front.isAway) return void response.writeHead(503).end('{"error":"temporarily_unavailable"}')
    const headers = { 'content-type': type, ...(authorization !== '' && { authorization }) }
    const answer = await fetch(issuer.url + request.url, { method: 'POST', headers, body })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  }, onEnd)
  const { file, credentials } = declareOperator(folder)
  appendFileSync(file, SECRET_METHODS.flatMap((method) => SECRETS.map((_, at) => declaredClient(method, at))).join(''))
  appendFileSync(file, `resources: [{ id: "${AUDIENCE}", scope: read write }, { id: other }]\n`)
  issuer = await startTestIssuer({ SIGNET_CONFIG: file, SIGNET_ISSUER: front.url }, { folder, onEnd })
  operator = operatorOf(issuer, credentials)
  orders = await createClient(operator, { client_id: 'orders', scope: 'read write', resources: [AUDIENCE, 'other'] })
})
afterAll(async () => {
  for (const end of ends) await end()
})

function declaredClient(method: string, at: number): string {
  writeFileSync(join(folder, `secret-${at}`), SECRETS[at] ?? '')
  const id = JSON.stringify(oddId(method, at))
  return `  - { client_id: ${id}, token_endpoint_auth_method: ${method}, client_secret: { file: secret-${at} }, resources: ["${AUDIENCE}"] }\n`
}

const print = (target: string, id = 'orders'): Promise<string> => printSnippet(['client', id], target, issuer.env)

const project = (name: string): string => mkdtempSync(join(folder, `${name}-`))

/** An API that takes the tokens that the issuer calls active, unless it is told to take all or none. */
async function startApi(mode: 'asks' | 'takes' | 'refuses' = 'asks') {
  const api = { url: '', mode, heard: [] as string[] }
  api.url = await listen(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const token = (request.headers.authorization ?? '').replace('Bearer ', '')
    api.heard.push(token)
    const isTaken = api.mode === 'asks' ? await isActive(issuer, orders, token) : api.mode === 'takes'
    response.writeHead(isTaken && request.url === '/list' ? 200 : 401).end(`heard ${body}`)
  })
  return { ...api, url: `${api.url}/list`, api }
}

interface Caller {
  call(): Promise<unknown>
  /** Calls at the same time. Resolves to all outcomes. */
  burst(count: number): Promise<unknown[]>
  /** Moves the caller's clock. */
  advance(seconds: number): Promise<void>
}

/** Talks to a driver: a command a line, an outcome a line. */
async function startDriver(
  program: string,
  args: string[],
  { place, env }: { place: string; env: Record<string, string> },
): Promise<Caller> {
  const child = spawn(program, args, { cwd: place, env: { ...process.env, ...env }, stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const tell = async (command: string): Promise<unknown[]> => {
    child.stdin.write(`${command}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(said)
    return JSON.parse(value) as unknown[]
  }
  return {
    call: async () => (await tell('call'))[0],
    burst: (count) => tell(`burst ${count}`),
    advance: async (seconds) => void (await tell(`advance ${seconds}`)),
  }
}

const unique = (values: readonly string[]): string[] => [...new Set(values)]

/** The duties of every caller, whatever it is written in. A token lives for 900 s. */
async function expectKept(caller: Caller, { api }: Awaited<ReturnType<typeof startApi>>): Promise<void> {
  front.tokenRequests = 0
  expect(unique((await caller.burst(20)).map(String))).toEqual(['200'])
  expect(front.tokenRequests).toBe(1)
  await caller.advance(830)
  expect(await caller.call()).toBe(200)
  expect(unique(api.heard)).toHaveLength(1)
  await caller.advance(20)
  expect(await caller.call()).toBe(200)
  expect([unique(api.heard).length, front.tokenRequests]).toEqual([2, 2])
}

/** A token that was revoked is replaced after one 401, and an API that refuses everything is asked twice. */
async function expectRetriedOnce(caller: Caller, { api }: Awaited<ReturnType<typeof startApi>>): Promise<void> {
  expect(await caller.call()).toBe(200)
  const revoked = api.heard.at(-1) ?? ''
  await operator.call('POST', '/blacklist', { token: revoked })
  expect(await caller.call()).toBe(200)
  expect(api.heard.at(-2)).toBe(revoked)
  expect(await isActive(issuer, orders, api.heard.at(-1) ?? '')).toBe(true)
  api.mode = 'refuses'
  const before = api.heard.length
  expect(await caller.call()).toBe(401)
  expect(api.heard.length - before).toBe(2)
  api.mode = 'asks'
}

/** While the issuer is away, a token is used until its end and no longer. */
async function expectUsedToTheEnd(caller: Caller, { api }: Awaited<ReturnType<typeof startApi>>): Promise<void> {
  expect(await caller.call()).toBe(200)
  const last = api.heard.at(-1)
  front.isAway = true
  onTestFinished(() => void (front.isAway = false))
  front.tokenRequests = 0
  await caller.advance(860)
  expect(await caller.burst(5)).toEqual([200, 200, 200, 200, 200])
  expect([api.heard.at(-1), front.tokenRequests]).toEqual([last, 1])
  await caller.advance(50)
  expect(String(await caller.call())).toMatch(/no token: .*temporarily_unavailable/)
  front.isAway = false
  expect(await caller.call()).toBe(200)
  expect(api.heard.at(-1)).not.toBe(last)
}

interface Surroundings {
  env?: Record<string, string>
  subject?: string
}

type Start = (snippet: string, url: string, surroundings?: Surroundings) => Promise<Caller>

/** The behaviour of a language's snippet, whose callers are one process. */
function describeCaller(target: string, start: Start): void {
  test('keeps a token, shares one request, and replaces what was refused', async () => {
    const api = await startApi()
    const snippet = await print(target)
    expect(snippet).not.toContain(orders.secret)
    const caller = await start(snippet, api.url, { env: { CLIENT_SECRET: orders.secret } })
    await expectKept(caller, api)
    await expectRetriedOnce(caller, api)
    await expectUsedToTheEnd(caller, api)
  })
  describeRegistrations(target, start)
}

/** Each way to send a secret, and each grant type of a program. */
function describeRegistrations(target: string, start: Start): void {
  test.each(SECRET_METHODS)('sends a secret and an id of any characters: %s', async (method) => {
    for (const [at, secret] of SECRETS.entries()) {
      const api = await startApi()
      const caller = await start(await print(target, oddId(method, at)), api.url, { env: { CLIENT_SECRET: secret } })
      expect(await caller.call(), secret).toBe(200)
      expect(claimsOf(api.api.heard[0] ?? '')).toMatchObject({ client_id: oddId(method, at), aud: AUDIENCE })
    }
  })

  test('asks for a person whom the client signed in', async () => {
    const id = `portal-${target}`
    const portal = { client_id: id, grant_types: [SUBJECT_GRANT], scope: 'read offline_access', resources: [AUDIENCE] }
    const { secret } = await createClient(operator, portal)
    const api = await startApi()
    const options = { env: { CLIENT_SECRET: secret }, subject: "ada's" }
    const caller = await start(await print(target, id), api.url, options)
    expect([await caller.call(), await caller.call()]).toEqual([200, 200])
    expect(unique(api.api.heard)).toHaveLength(1)
    expect(claimsOf(api.api.heard[0] ?? '')).toMatchObject({ sub: "ada's", client_id: id, scope: 'read' })
  })
}

/** A client that signs its token requests. @param names further members of its key */
async function createSigning(id: string, names: object = {}): Promise<void> {
  const jwk = { ...publicKey.export({ format: 'jwk' }), ...names }
  const metadata = { client_id: id, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }
  await createClient(operator, { ...metadata, scope: 'read', resources: [AUDIENCE] })
}

/** Without a key id, and with one. */
function describeSigned(target: string, start: Start): void {
  test.each([{}, { kid: 'key "1"' }])('signs its token requests with a private key: %j', async (names) => {
    const id = `signs-${target}-${Object.keys(names).length}`
    await createSigning(id, names)
    const file = join(folder, 'private.pem')
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const api = await startApi()
    const caller = await start(await print(target, id), api.url, { env: { PRIVATE_KEY_FILE: file } })
    expect(await caller.call()).toBe(200)
    await expectRetriedOnce(caller, api)
  })
}

const DRIVERS = join(CHECKOUT, 'test/support/snippets')

describe('node', () => {
  const start: Start = (snippet, url, { env = {}, subject } = {}) => {
    const place = project('node')
    writeFileSync(join(place, 'signet-tokens.mjs'), snippet)
    mkdirSync(join(place, 'node_modules'))
    symlinkSync(join(CHECKOUT, 'node_modules/jose'), join(place, 'node_modules/jose'))
    const args = [join(DRIVERS, 'drive.mjs'), url, ...(subject === undefined ? [] : [subject])]
    return startDriver(process.execPath, args, { place, env })
  }
  describeCaller('node', start)
  describeSigned('node', start)
})

const hasPython = has('python3', '-c', 'import venv, ensurepip')

describe.skipIf(!hasPython)(`python${hasPython ? '' : ' (skipped: python3 with venv is not here)'}`, () => {
  let python: string | Error
  skipWithout(() => (python instanceof Error ? `no packages: ${python.message}` : undefined))

  beforeAll(async () => {
    await createSigning('signs-python')
    python = await installFor([await print('python', 'signs-python')], project('venv'))
  })

  const start: Start = (snippet, url, { env = {}, subject } = {}) => {
    const place = project('python')
    writeFileSync(join(place, 'signet_tokens.py'), snippet)
    cpSync(join(DRIVERS, 'drive.py'), join(place, 'drive.py'))
    return startDriver(String(python), ['drive.py', url, ...(subject === undefined ? [] : [subject])], { place, env })
  }
  describeCaller('python', start)
  describeSigned('python', start)
})

const hasGo = has('go', 'version')

describe.skipIf(!hasGo)(`go${hasGo ? '' : ' (skipped: go is not here)'}`, () => {
  const start: Start = async (snippet, url, { env = {}, subject } = {}) => {
    const place = project('go')
    writeFileSync(join(place, 'signet_tokens.go'), snippet)
    const constructor = `NewSignetTokens(${subject === undefined ? '' : 'os.Args[2]'})`
    const driver = readFileSync(join(DRIVERS, 'drive.go'), 'utf8').replace(':= START', `:= ${constructor}`)
    writeFileSync(join(place, 'drive.go'), driver)
    expect((await run('gofmt', ['-l', '.'], { cwd: place })).stdout).toBe('')
    await run('go', ['mod', 'init', 'example'], { cwd: place })
    await run('go', ['get', '.'], { cwd: place })
    await run('go', ['vet', '.'], { cwd: place })
    await run('go', ['build', '-o', 'drive', '.'], { cwd: place })
    return startDriver(join(place, 'drive'), [url, ...(subject === undefined ? [] : [subject])], { place, env })
  }
  describeCaller('go', start)

  describe('with a module for JWT', () => {
    let fault: string | undefined
    skipWithout(() => fault)

    beforeAll(async () => {
      const place = project('go-module')
      await run('go', ['mod', 'init', 'example'], { cwd: place })
      await run('go', ['get', 'github.com/golang-jwt/jwt/v5'], { cwd: place }).catch(
        (error: Error) => (fault = `no golang-jwt: ${error.message}`),
      )
    })

    describeSigned('go', start)
  })
})

describe('curl', () => {
  /** Each call is a process. A stand-in for `date` moves its clock, another before `curl` keeps its arguments. */
  const start = async (snippet: string, url: string, { env = {}, subject }: Surroundings = {}) => {
    const place = project('curl')
    const standIns = {
      date: '#!/bin/sh\necho $(($(PATH="${PATH#*:}" date +%s) + AHEAD))\n',
      curl: `#!/bin/sh\nprintf '%s\\n' "$@" >>'${place}/arguments'\nPATH="\${PATH#*:}" exec curl "$@"\n`,
    }
    for (const [name, text] of Object.entries(standIns)) writeFileSync(join(place, name), text, { mode: 0o755 })
    writeFileSync(join(place, 'call.sh'), snippet)
    let ahead = 0
    const call = async () => {
      const surroundings = { PATH: `${place}:${process.env.PATH}`, HOME: place, AHEAD: String(ahead) }
      const variables = { ...surroundings, ...env, ...(subject !== undefined && { SUBJECT: subject }) }
      const { stdout } = await run('sh', [join(place, 'call.sh'), url, '-d', 'hello'], { env: variables }).catch(
        (error: { stderr: string }) => ({ stdout: error.stderr }),
      )
      return stdout === 'heard hello' ? 200 : Number(/the API answered (\d+)/.exec(stdout)?.[1]) || stdout
    }
    return {
      place,
      call,
      burst: async (count: number) => [await call(), ...(await Promise.all(Array.from({ length: count - 1 }, call)))],
      advance: async (seconds: number) => void (ahead += seconds),
    }
  }

  test('keeps a token, and replaces what was refused', async () => {
    const api = await startApi()
    const caller = await start(await print('curl'), api.url, { env: { CLIENT_SECRET: orders.secret } })
    await expectKept(caller, api)
    await expectRetriedOnce(caller, api)
  })
  describeRegistrations('curl', start)

  test('shows no secret to other users of the machine', async () => {
    const api = await startApi()
    const caller = await start(await print('curl'), api.url, { env: { CLIENT_SECRET: orders.secret } })
    expect(await caller.call()).toBe(200)
    const args = readFileSync(join(caller.place, 'arguments'), 'utf8')
    expect(args).toContain(`${front.url}/token`)
    expect(args).not.toMatch(/eyJ|sgs_|orders:/)
    const kept = readdirSync(join(caller.place, '.cache/signet'))
    const modes = kept.map((name) => statSync(join(caller.place, '.cache/signet', name)).mode & 0o777)
    expect(modes).toEqual([0o600])
  })

  test('tells what is missing', async () => {
    const snippet = await print('curl')
    const env = { PATH: process.env.PATH ?? '' }
    await expect(run('sh', ['-c', snippet, 'sh', front.url], { env })).rejects.toThrow('CLIENT_SECRET')
    const noUrl = run('sh', ['-c', snippet], { env: { ...env, CLIENT_SECRET: 'x' } })
    await expect(noUrl).rejects.toThrow('usage: sh call.sh URL')
  })
})

describe('openapi', () => {
  test('is YAML that declares the schemes, demands them, and names the token string', async () => {
    const snippet = await print('openapi')
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

  test('has the flow of people for a client that people sign in to', async () => {
    await createClient(operator, { ...PUBLIC, client_id: 'spa-docs' })
    const document = parse(await print('openapi', 'spa-docs')) as Record<string, any>
    expect(document.components.securitySchemes.signet.flows).toEqual({
      authorizationCode: {
        authorizationUrl: `${issuer.issuer}/authorize`,
        tokenUrl: `${issuer.issuer}/token`,
        scopes: { read: 'what read allows' },
      },
    })
  })
})

const PUBLIC = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code'],
  redirect_uris: ['https://shop.example/callback'],
  scope: 'openid read',
  resources: [AUDIENCE],
}

const failed = async (...args: string[]) => {
  const { code, stdout, stderr } = await signet(['client', 'snippet', ...args], issuer.env)
  expect(stdout).toBe('')
  return { code, lines: stderr.trimEnd().split('\n') }
}

test('a client whose tokens no snippet can get is told why', async () => {
  await createClient(operator, { ...PUBLIC, client_id: 'spa' })
  expect(await failed('spa', '--for', 'node')).toEqual({
    code: 1,
    lines: [
      'signet: client "spa" gets tokens when a person signs in; it has no grant type of its own, only authorization_code',
      `  give the app's OpenID Connect library the issuer ${issuer.issuer} and the client_id spa`,
    ],
  })
  const dpop = { client_id: 'bound', dpop_bound_access_tokens: true, scope: 'read', resources: [AUDIENCE] }
  await createClient(operator, dpop)
  expect((await failed('bound', '--for', 'go')).lines[0]).toContain('dpop_bound_access_tokens')
  await createSigning('signing')
  expect((await failed('signing', '--for', 'curl')).lines[1]).toContain('signet client snippet signing --for node')
})

const PERSON_FLAGS = ['--grant', 'authorization_code', '--redirect-uri', 'https://shop.example/callback']

test.each([
  ['by-secret', 'curl', []],
  ['by-key', 'node', ['--auth-method', 'private_key_jwt', '--jwks', 'jwks.json']],
  ['by-person', 'openapi', [...PERSON_FLAGS, '--auth-method', 'none']],
])('client create names a snippet for the client: %s', async (id, target, words) => {
  const jwks = join(folder, 'jwks.json')
  writeFileSync(jwks, JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }))
  const flags = words.map((word) => (word === 'jwks.json' ? jwks : word))
  const made = await signet(['client', 'create', '--id', id, ...flags], issuer.env)
  const [, command = ''] = /signet (client snippet .*)/.exec(made.stdout) ?? []
  expect(command).toBe(`client snippet ${id} --for ${target}`)
  expect((await signet(command.split(' '), issuer.env)).code).toBe(0)
})

test('what is not there, and where it would go, is told', async () => {
  expect((await failed('nobody', '--for', 'curl')).code).toBe(1)
  expect(await failed('orders', '--for', 'cobol')).toMatchObject({
    code: 2,
    lines: [expect.stringContaining('accepted here: curl, node, python, go, openapi') as string, expect.anything()],
  })
  const guard = await failed('orders', '--for', 'express')
  expect([guard.code, guard.lines[1]]).toEqual([
    2,
    '  for whoever guards an API: signet resource snippet RESOURCE --for express',
  ])
  expect((await failed('orders')).code).toBe(2)
})

test('another API of the client is named by --resource', async () => {
  const other = await signet(['client', 'snippet', 'orders', '--for', 'node', '--resource', 'other'], issuer.env)
  expect(other.stdout).toContain("resource: 'other'")
  const wrong = await failed('orders', '--for', 'node', '--resource', 'otter')
  expect([wrong.code, wrong.lines[0]]).toEqual([
    1,
    `signet: --resource: read "otter"; accepted for client orders: ${AUDIENCE}, other`,
  ])
})
