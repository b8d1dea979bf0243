/** The compose file of several replicas, and the proxy before them. No container engine is needed, and none is asked. */
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

import { startAdministered, startReplica, until } from './support/admin.ts'
import { basic, request } from './support/client.ts'
import { composeFaults } from './support/compose.ts'
import { configOf } from './support/deployed.ts'
import { freePort } from './support/foreign-client.ts'
import { temporaryFolder } from './support/issuer.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const Labels = z.record(z.string(), z.string())

const COMPOSE = 'deploy/compose.replicas.yaml'
const Service = z.looseObject({
  image: z.string(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  environment: Labels,
  secrets: z.array(z.string()).default([]),
  networks: z.union([z.array(z.string()), z.record(z.string(), z.object({ ipv4_address: z.string() }))]),
})
const compose = z
  .looseObject({
    services: z.record(z.string(), Service),
    secrets: z.record(z.string(), z.object({ file: z.string() })),
    networks: z.looseObject({ back: z.object({ internal: z.boolean() }) }),
  })
  .parse(parse(read(COMPOSE), { merge: true }))
const { 'signet-1': first, 'signet-2': second, postgres, caddy } = compose.services

test('the compose file fits its schema, and a misspelt member would be noticed', () => {
  expect(composeFaults(join(ROOT, COMPOSE))).toEqual([])
  const bent = join(temporaryFolder(), 'compose.yaml')
  writeFileSync(bent, read(COMPOSE).replace('stop_grace_period', 'stop_grace_perod'))
  expect(composeFaults(bent).join()).toContain('additional properties')
})

test('both replicas are the same, and no service may do more than it has to', () => {
  expect(first).toEqual(second)
  for (const service of Object.values(compose.services)) {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
  }
  // Images of others are pinned by a digest that the operator chooses.
  for (const image of [postgres?.image, caddy?.image]) expect(image).toMatch(/^[a-z]+:\d+@\$\{[A-Z]+_DIGEST:\?.*\}$/)
  expect(compose.networks.back.internal).toBe(true)
})

test('the replicas of compose have known variables, secrets as files, and a proxy that they trust', () => {
  const variables = { ...first?.environment, SIGNET_ISSUER: 'https://auth.example.com' }
  const config = configOf(variables, temporaryFolder())
  const files = Object.entries(variables).flatMap(([name, value]) => (name.endsWith('_FILE') ? [value] : []))
  expect(files.toSorted()).toEqual(first?.secrets.map((name) => `/run/secrets/${name}`).toSorted())
  for (const { secrets } of Object.values(compose.services))
    expect(secrets.filter((name) => !(name in compose.secrets))).toEqual([])
  expect(read('.gitignore')).toContain('/deploy/secrets/')
  const proxy = z.object({ front: z.object({ ipv4_address: z.string() }) }).parse(caddy?.networks)
  expect(config.trustedProxies).toEqual([proxy.front.ipv4_address])
  expect(read('deploy/Caddyfile.replicas')).toContain(`signet-1:${config.port} signet-2:${config.port}`)
})

// ------------------------------------------------------------------ the proxy

/** Its version, such as 2.10; `undefined` where it is not installed. */
const caddyVersion = /\d+\.\d+/.exec(spawnSync('caddy', ['version'], { encoding: 'utf8' }).stdout ?? '')?.[0]
const hasCaddy = caddyVersion !== undefined
const orWhy = hasCaddy ? '' : ' (skipped: caddy is not installed)'
/** The file needs 2.7. Before, Caddy has no buffer for the bodies of requests that it tries again. */
const hasBuffers = hasCaddy && Number(caddyVersion.split('.')[1]) >= 7
const orWhyNoBuffers = hasBuffers ? '' : ' (skipped: caddy is not installed, or older than 2.7)'

/** The file, for an older Caddy without the one line that it does not know. */
function proxyFile(): string {
  const text = read('deploy/Caddyfile.replicas')
  const file = join(temporaryFolder(), 'Caddyfile')
  writeFileSync(file, hasBuffers ? text : text.replace(/^\s*request_buffers .*\n/m, ''))
  return file
}

const caddyWith = (variables: Record<string, string>) => ({
  env: { PATH: process.env.PATH ?? '', HOME: temporaryFolder(), ...variables },
})

test.skipIf(!hasCaddy)(`Caddy takes the file before the replicas${orWhy}`, () => {
  const { status, stderr } = spawnSync('caddy', ['validate', '--config', proxyFile(), '--adapter', 'caddyfile'], {
    ...caddyWith({ SIGNET_SITE: 'auth.example.com' }),
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
})

/** Two replicas behind Caddy, with the file of the deployment. */
async function behindCaddy() {
  const one = await startAdministered()
  const other = await startReplica(one)
  const site = `http://127.0.0.1:${await freePort()}`
  const replicas = [one, other].map(({ url }) => new URL(url).host).join(' ')
  const proxy = spawn('caddy', ['run', '--config', proxyFile(), '--adapter', 'caddyfile'], {
    ...caddyWith({ SIGNET_SITE: site, SIGNET_REPLICAS: replicas }),
    stdio: 'ignore',
  })
  onTestFinished(() => void proxy.kill())
  const isUp = () =>
    request(`${site}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  await until(isUp, 10_000)
  return { site, other, credentials: one.operator.credentials }
}

/** Requests one after the other; after half of them a replica stops. */
async function whileOneStops(ask: () => Promise<{ status: number }>, other: { stop(): Promise<void> }) {
  const statuses = new Set<number>()
  for (let round = 0; round < 40; round++) {
    if (round === 20) await other.stop()
    statuses.add((await ask()).status)
  }
  return [...statuses]
}

test.skipIf(!hasCaddy)(
  `a replica that stops costs no verifier an answer, and closed paths stay closed${orWhy}`,
  async () => {
    const { site, other } = await behindCaddy()
    for (const path of ['/metrics', '/admin/api/clients']) expect((await request(`${site}${path}`)).status).toBe(404)
    expect(await whileOneStops(() => request(`${site}/.well-known/jwks.json`), other)).toEqual([200])
  },
)

test.skipIf(!hasBuffers)(`a replica that stops costs no client a token${orWhyNoBuffers}`, async () => {
  const { site, other, credentials } = await behindCaddy()
  const form = { grant_type: 'client_credentials' }
  const token = () => request(`${site}/token`, { method: 'POST', headers: basic(credentials), form })
  expect(await whileOneStops(token, other)).toEqual([200])
})
