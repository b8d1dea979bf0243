/**
 * The demos of deploy/: Signet and an API that follows its feed, with Caddy's own authority before them or in plain HTTP.
 * No container engine is needed, and none is asked: the same programs run as processes, with the variables of the files.
 *
 * Not again on PostgreSQL: they keep a SQLite file.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { basename, dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { isLoopback } from '../../src/config/loopback.ts'
import { sendOnce } from '../../harness/call.ts'
import { startServing } from '../../harness/program.ts'
import { until } from '../support/admin.ts'
import { basic, bearer, request, type Credentials } from '../support/client.ts'
import { composeFaults } from '../support/compose.ts'
import { configOf } from '../support/deployed.ts'
import { copies, execForm, stagesOf, withoutComments } from '../support/dockerfile.ts'
import { freePort } from '../support/foreign-client.ts'
import { environmentOf, temporaryFolder } from '../support/issuer.ts'
import { serve, signet } from '../support/process.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const Service = z.looseObject({
  image: z.string().optional(),
  build: z.object({ dockerfile: z.string(), args: z.record(z.string(), z.string()) }).optional(),
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.string()).default([]),
  healthcheck: z.looseObject({ test: z.array(z.string()).optional() }).default({}),
})
type Service = z.infer<typeof Service>
const Demo = z.object({ signet: Service, 'demo-api': Service, caddy: Service.optional() })

function servicesOf(path: string): z.infer<typeof Demo> {
  const { services } = z.looseObject({ services: Demo }).parse(parse(read(path), { merge: true }))
  return services
}

const TLS = 'deploy/compose.yaml'
const HTTP = 'deploy/compose.http.yaml'
const withTls = servicesOf(TLS)
const plain = servicesOf(HTTP)
const CADDYFILE = join(ROOT, 'deploy/Caddyfile.compose')

// ------------------------------------------------------------------ the files

test.each([TLS, HTTP])('%s fits its schema, and a misspelt member would be noticed', (file) => {
  expect(composeFaults(join(ROOT, file))).toEqual([])
  const bent = join(temporaryFolder(), 'compose.yaml')
  writeFileSync(bent, read(file).replace('stop_grace_period', 'stop_grace_perod'))
  expect(composeFaults(bent).join()).toContain('additional properties')
})

test.each([withTls, plain])('no service may do more than it has to, and only this machine reaches it', (services) => {
  for (const service of Object.values(services).filter((each) => each !== undefined)) {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
    expect(service.ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  }
  for (const { build } of [services.signet, services['demo-api']]) {
    expect(existsSync(join(ROOT, build?.dockerfile ?? ''))).toBe(true)
    expect(build?.args.NODE_DIGEST).toMatch(/^\$\{NODE_DIGEST:\?.*\}$/)
    // Compose tells the image of Signet its commit, and a build without one goes on.
    expect(build?.args.COMMIT).toBe(build?.dockerfile === 'deploy/Dockerfile' ? '${COMMIT:-}' : undefined)
  }
  if (services.caddy) expect(services.caddy.image).toMatch(/^caddy:\d+@\$\{CADDY_DIGEST:\?.*\}$/)
})

test('the variables of Signet are known, and the API asks the issuer that it is', () => {
  for (const { signet: issuer, 'demo-api': api } of [withTls, plain]) {
    expect(configOf(issuer.environment, temporaryFolder()).issuer).toBe(issuer.environment.SIGNET_ISSUER)
    expect(api.environment.ISSUER).toBe(issuer.environment.SIGNET_ISSUER)
  }
  expect(isLoopback(new URL(withTls.signet.environment.SIGNET_ISSUER ?? '').hostname)).toBe(true)
})

const API_FILE = 'deploy/demo-api/Dockerfile'
const [, packages = [], last = []] = stagesOf(join(ROOT, API_FILE))

test('the image of the API copies what is there and nothing else, and runs as nobody special', () => {
  const sources = [packages, last].flatMap(copies).flatMap((words) => words.slice(0, -1))
  expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  const lines = withoutComments(read(`${API_FILE}.dockerignore`))
    .split('\n')
    .filter(Boolean)
  expect(lines[0]).toBe('*')
  expect(lines.filter((line) => line.startsWith('!')).toSorted()).toEqual(sources.map((path) => `!${path}`).toSorted())
  const users = (stage: string) => /^USER (\d+)/m.exec(read(stage))?.[1]
  expect(Number(users(API_FILE))).toBeGreaterThan(0)
  expect(users(API_FILE)).not.toBe(users('deploy/Dockerfile'))
})

// ------------------------------------------------------------------ the processes

/** The two stages of the API's image as folders: `/build` of the first and `/app` of the second. */
const build = temporaryFolder(afterAll)
const app = temporaryFolder(afterAll)

beforeAll(() => {
  for (const words of copies(packages)) copyInto(build, ROOT, words)
  rmSync(join(build, 'verifiers/node/dist'), { recursive: true, force: true }) // ignored by the builder
  symlinkSync(join(ROOT, 'node_modules'), join(build, 'node_modules'))
  // As its script `build` does; npm itself was tried by `npm run release`.
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'verifiers/node'], { cwd: build })
  for (const words of copies(last)) copyInto(app, ROOT, words)
  for (const { text } of last.filter((each) => each.text.startsWith('--from=packages /build/')))
    copyInto(app, build, text.replace('--from=packages /build/', '').split(' '))
}, 60_000)

/** As COPY does: a target that ends in a slash is a folder for files, and the new name of a folder. */
function copyInto(folder: string, from: string, words: string[]): void {
  const target = join(folder, words.at(-1) ?? '')
  for (const source of words.slice(0, -1)) {
    const path = join(from, source)
    const isIntoFolder = words.at(-1)?.endsWith('/') === true && !statSync(path).isDirectory()
    const to = isIntoFolder ? join(target, basename(source)) : target
    mkdirSync(dirname(to), { recursive: true })
    cpSync(path, to, { recursive: true, dereference: true })
  }
}

/** Other places for the names and paths that only the containers have. */
type Places = Record<string, string>

const moved = (text: string, places: Places): string =>
  Object.entries(places).reduce((result, [here, there]) => result.replaceAll(here, there), text)

const variablesOf = ({ environment }: Service, places: Places): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, moved(value, places)]))

/** Signet with the variables of its service, in a folder of its own. */
function startSignet(service: Service, port: number, places: Places) {
  const folder = temporaryFolder()
  const env = { ...environmentOf(folder), ...variablesOf(service, places), SIGNET_PORT: String(port) }
  return serve({ ...env, SIGNET_LOG_FORMAT: 'json' }).then((server) => ({ server, env }))
}

/** The API with the command of its image. */
async function startApi(service: Service, port: number, places: Places): Promise<void> {
  const [node = '', file = ''] = execForm(last.find(({ word }) => word === 'ENTRYPOINT')?.text ?? '')
  expect(node).toBe('node')
  const env = { PATH: process.env.PATH, PORT: String(port), ...variablesOf(service, places) }
  const program = { program: process.execPath, args: [file.replace('/app', app)], cwd: app, env }
  await startServing(program, /serves (http\S+)/, onTestFinished)
}

type Ask = (url: string, outgoing: Parameters<typeof request>[1]) => ReturnType<typeof request>

/** A token for the API, and what the API answers to it: before the token is revoked, and as soon as it has noticed. */
async function useAndRevoke(ask: Ask, at: { issuer: string; api: string }, caller: Credentials) {
  const form = { grant_type: 'client_credentials', resource: 'demo-api', scope: 'demo:read' }
  const { body } = await ask(`${at.issuer}/token`, { form, headers: basic(caller) })
  const token = String(body.access_token)
  const use = () => ask(`${at.api}/demo`, { headers: bearer(token) })
  const before = await use()
  await ask(`${at.issuer}/revoke`, { form: { token }, headers: basic(caller) })
  await until(async () => (await use()).status !== 200, 5000)
  return { before, after: await use() }
}

const takenThenRefused = (clientId: string) => ({
  before: { status: 200, body: { hello: clientId } },
  after: { status: 401, body: { error: 'token_revoked' } },
})

const hasCaddy = spawnSync('caddy', ['version']).status === 0
const orWhy = hasCaddy ? '' : ' (skipped: caddy is not installed)'

/** Caddy with the variables of its service. @returns the certificate of its authority, where the others find it */
async function startCaddy(service: Service, places: Places): Promise<string> {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'authority'))
  const env = { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, ...variablesOf(service, places) }
  const proxy = spawn('caddy', ['run', '--config', CADDYFILE, '--adapter', 'caddyfile'], { env, stdio: 'ignore' })
  onTestFinished(() => void proxy.kill())
  const inside = { '/data/': `${folder}/`, '/authority/': `${folder}/authority/` }
  const [program = '', ...words] = (service.healthcheck.test ?? []).slice(1).map((word) => moved(word, inside))
  await until(() => spawnSync(program, words).status === 0)
  return join(folder, 'authority/root.crt')
}

const FirstClient = z.object({ first_client: z.object({ client_id: z.string(), client_secret: z.string() }) })

test.skipIf(!hasCaddy || withTls.caddy === undefined)(
  `behind Caddy and its own authority the API takes the first client's token, until it is revoked${orWhy}`,
  async () => {
    const [site, apiSite, own, apiPort] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const places: Places = {
      'auth.localhost:8443': `localhost:${site}`,
      'demo.localhost:8443': `localhost:${apiSite}`,
      'signet:3000': `127.0.0.1:${own}`,
      'demo-api:4000': `127.0.0.1:${apiPort}`,
      '172.30.78.10': '127.0.0.1',
    }
    const { server } = await startSignet(withTls.signet, own, places)
    const certificate = await startCaddy(Service.parse(withTls.caddy), places)
    await startApi(withTls['demo-api'], apiPort, { ...places, '/authority/root.crt': certificate })

    const issuer = `https://localhost:${site}`
    const at = { issuer, api: `https://localhost:${apiSite}` }
    const trusting = new Agent({ ca: readFileSync(certificate) })
    const ask: Ask = (url, outgoing = {}) => sendOnce(url, outgoing, trusting)
    // The authority stands before the certificates of the sites, and a connection fails until then.
    const answers = (url: string): Promise<boolean> =>
      ask(url, {}).then(
        () => true,
        () => false,
      )
    for (const url of Object.values(at)) await until(() => answers(url))
    // The step that is easily forgotten: nobody trusts this authority by itself.
    await expect(sendOnce(`${issuer}/livez`, {}, new Agent())).rejects.toThrow(/issuer certificate|self.signed/)
    for (const path of ['/metrics', '/admin/api/clients'])
      expect(await ask(issuer + path, {})).toMatchObject({ status: 404 })
    const { client_id: clientId, client_secret: secret } = FirstClient.parse(
      JSON.parse(server.stdout().split('\n')[0] ?? ''),
    ).first_client
    expect(await useAndRevoke(ask, at, { clientId, secret })).toMatchObject(takenThenRefused(clientId))
  },
  60_000,
)

test('without TLS the API takes the token of a client that an operator makes, until it is revoked', async () => {
  const [own, apiPort] = [await freePort(), await freePort()]
  // An address that leads here, and is no loopback name by its text: as `signet` is none.
  const places: Places = { 'signet:3000': `0.0.0.0:${own}` }
  const { env, server } = await startSignet(plain.signet, own, places)
  await startApi(plain['demo-api'], apiPort, places)
  expect(server.stdout()).not.toContain('client_secret')

  await signet(['resource', 'create', 'demo-api', '--scope', 'demo:read'], env)
  const made = ['client', 'create', '--id', 'caller', '--resource', 'demo-api', '--scope', 'demo:read', '--json']
  const { client_secret: secret } = z.object({ client_secret: z.string() }).parse((await signet(made, env)).json())
  const at = { issuer: `http://127.0.0.1:${own}`, api: `http://127.0.0.1:${apiPort}` }
  expect(await useAndRevoke(request, at, { clientId: 'caller', secret })).toMatchObject(takenThenRefused('caller'))
}, 60_000)
