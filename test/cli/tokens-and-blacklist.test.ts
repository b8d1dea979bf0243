/** Tokens that an operator mints and examines, and what denies them, against a running server. */
import { decodeJwt } from 'jose'
import { test } from 'vitest'
import { Place, SOON, requestToken, type Server } from './run-signet.ts'

interface Check {
  check: string
  ok: boolean
  found: string
  fix: string | null
}

interface Inspection {
  header: Record<string, unknown> | null
  claims: Record<string, unknown> | null
  checks: Check[]
  active: boolean
}

interface Entry {
  id: string
  kind: string
  value: string
}

const administer = (server: Server, token: string) =>
  fetch(`${server.url}/admin/api/clients`, { headers: { authorization: `Bearer ${token}` } })

async function inspect(place: Place, ...args: string[]): Promise<Inspection & { code: number; failed: string[] }> {
  const { code, stdout } = await place.run(['token', 'inspect', ...args, '--json'])
  const inspection = JSON.parse(stdout) as Inspection
  return { ...inspection, code, failed: inspection.checks.filter(({ ok }) => !ok).map(({ check }) => check) }
}

test.concurrent('an operator mints a token that administers the running server, until it is on the blacklist', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  const minted = await place.json<{ access_token: string }>(
    'token',
    'mint',
    '--sub',
    'ops',
    '--resource',
    server.url,
    '--scope',
    'signet:admin',
    '--ttl',
    '10m',
    '--claim',
    'n=1',
    '--claim',
    'team=blue',
  )
  expect(minted).toEqual({
    access_token: expect.any(String) as string,
    token_type: 'Bearer',
    expires_in: 600,
    scope: 'signet:admin',
  })
  const token = minted.access_token
  expect((await administer(server, token)).status).toBe(200)
  const audit = await fetch(`${server.url}/admin/api/audit`, { headers: { authorization: `Bearer ${token}` } })
  expect(await audit.json()).toContainEqual(expect.objectContaining({ action: 'token.minted', actor: 'cli' }))

  const good = await inspect(place, `  'Bearer ${token}'\n`)
  expect(good).toMatchObject({
    code: 0,
    failed: [],
    active: true,
    claims: { sub: 'ops', n: 1, team: 'blue', aud: server.url },
    header: { typ: 'at+jwt' },
  })
  expect(good.checks[0]?.found).toContain('"Bearer" in front')

  const entry = await place.json<Entry>('blacklist', 'add', '--token', token, '--reason', 'leaked')
  expect(entry).toMatchObject({ kind: 'jti', value: good.claims?.jti, reason: 'leaked', created_by: 'cli' })
  await expect.poll(async () => (await administer(server, token)).status, SOON).toBe(401)
  const denied = await inspect(place, token)
  expect(denied).toMatchObject({ code: 1, failed: ['blacklist'], active: false })
  expect(denied.checks.find(({ check }) => check === 'blacklist')?.fix).toContain(`signet blacklist remove ${entry.id}`)
  expect(await place.json<Entry[]>('blacklist', 'list')).toMatchObject([{ id: entry.id }])
  expect(await place.json('blacklist', 'remove', entry.id)).toMatchObject({ id: entry.id })
  await expect.poll(async () => (await administer(server, token)).status, SOON).toBe(200)
  expect(await place.json('blacklist', 'list')).toEqual([])
  expect((await place.run(['blacklist', 'remove', entry.id])).code).toBe(1)
})

test.concurrent('what may not be minted is refused with its reason', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  await place.json('resource', 'create', 'api', '--scope', 'read')
  await place.json('client', 'create', '--id', 'c')
  await place.json('client', 'disable', 'c')
  await place.json('blacklist', 'add', '--sub', 'mallory', '--expires', '1h')
  const mint = (...args: string[]) => place.run(['token', 'mint', ...args])
  const cases: [string[], string][] = [
    [['--sub', 'a', '--resource', 'none'], 'resource none does not exist'],
    [['--sub', 'a', '--resource', 'api', '--scope', 'write'], 'scope "write"'],
    [['--sub', 'a', '--resource', 'api', '--client', 'nobody'], 'client "nobody" does not exist'],
    [['--sub', 'a', '--resource', 'api', '--client', 'c'], 'disabled'],
    [['--sub', 'mallory', '--resource', 'api'], 'blacklist'],
  ]
  for (const [args, reason] of cases)
    expect(await mint(...args)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(reason) as string,
    })
})

test.concurrent('inspection names what is wrong: form, signature, issuer, audience, client, time', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { SIGNET_ISSUER: 'http://localhost:4001' })
  await place.json('resource', 'create', 'api')
  await place.json('client', 'create', '--id', 'c')
  const token = await place.mint('--sub a --resource api --client c --ttl 1s')
  expect(await inspect(place, 'sgs_what')).toMatchObject({ code: 1, failed: ['form'], header: null })
  const [header, payload, signature = ''] = token.split('.')
  const forged = [header, payload, (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)].join('.')
  expect((await inspect(place, forged)).failed).toContain('signature')
  expect((await inspect(place, token, '--resource', 'other')).failed).toContain('audience')
  const moved = await place.run(['token', 'inspect', token, '--json'], { SIGNET_ISSUER: 'http://localhost:4001/' })
  const issuer = (JSON.parse(moved.stdout) as Inspection).checks.find(({ check }) => check === 'issuer')
  expect(issuer).toMatchObject({ ok: false, found: expect.stringContaining('slash') as string })
  await place.json('client', 'delete', 'c')
  await expect
    .poll(async () => (await inspect(place, token)).failed, SOON)
    .toEqual(expect.arrayContaining(['client', 'expiry']))
  expect((await place.run(['token', 'inspect', '-', '--json'], {}, token)).stdout).toContain('"claims"')
})

test.concurrent('grants are listed by client and person, revoked, and their refresh tokens explained', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  await place.json('resource', 'create', 'api')
  const client = await place.createClient('--id c --grant client_credentials --grant refresh_token --resource api')
  const request = () => requestToken(server.url, client, { scope: 'offline_access' })
  await expect.poll(request, SOON).toHaveProperty('refresh_token')
  const { refresh_token: refreshToken = '' } = await request()
  const grants = await place.json<{ sid: string; status: string }[]>('grant', 'list', '--client', 'c', '--sub', 'c')
  expect(grants.length).toBeGreaterThan(0)
  expect(await place.json('grant', 'list', '--client', 'other')).toEqual([])
  expect(await inspect(place, refreshToken)).toMatchObject({ code: 0, active: true, header: null, claims: null })
  const sid = grants.at(-1)?.sid ?? ''
  expect(await place.json('grant', 'revoke', sid)).toMatchObject({
    sid,
    status: 'ended',
    ended_reason: 'revoked by administrator',
  })
  expect(await inspect(place, refreshToken)).toMatchObject({ code: 1, failed: ['grant'], active: false })
  expect((await place.run(['grant', 'revoke', '0192f0c1-2a3b-7c4d-8e5f-0123456789ab'])).code).toBe(1)
})

test.concurrent('blacklist add reads the token from standard input, so that no list of processes shows it', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  await place.json('resource', 'create', 'api')
  const { access_token: token } = await place.json<{ access_token: string }>(
    'token',
    'mint',
    '--sub',
    'ops',
    '--resource',
    'api',
  )
  const added = await place.run(['blacklist', 'add', '--token', '-', '--json'], {}, `${token}\n`)
  expect([added.code, (JSON.parse(added.stdout) as Entry).kind]).toEqual([0, 'jti'])
  expect(await inspect(place, token)).toMatchObject({ code: 1, active: false })
  const nothing = await place.run(['blacklist', 'add', '--token', '-'], {}, '')
  expect(nothing).toMatchObject({ code: 1, stdout: '' })
})

test.concurrent('a scope of the issuer is for the issuer, unless another resource is named', async ({
  expect,
  onTestFinished,
}) => {
  const issuer = 'http://localhost:23000'
  const place = new Place(onTestFinished, { SIGNET_ISSUER: issuer })
  expect(decodeJwt(await place.mint('--sub me --scope signet:admin'))).toMatchObject({ aud: issuer })
  expect(decodeJwt(await place.mint(`--sub me --resource ${issuer}/`))).toMatchObject({ aud: issuer })
  const other = await place.run([
    'token',
    'mint',
    '--sub',
    'me',
    '--resource',
    'http://localhost:3000',
    '--scope',
    'signet:admin',
  ])
  expect(other).toMatchObject({
    code: 1,
    stderr: `signet: resource http://localhost:3000 does not exist\n  scope signet:admin is one of the issuer, whose resource is ${issuer}\n`,
  })
  expect(await place.run(['token', 'mint', '--sub', 'me', '--scope', 'orders:read'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('signet: --resource is missing: the API that the token is for\n') as string,
  })
})
