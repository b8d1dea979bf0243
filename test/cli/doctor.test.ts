/** What `signet doctor` finds, on a sound deployment and on others; and `status`, `migrate`. */
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { test } from 'vitest'
import { sqliteTest } from '../support/sqlite.ts'
import { Place } from './run-signet.ts'

interface Check {
  check: string
  ok: boolean
  found: string
  fix: string | null
}

async function examine(place: Place, ...args: string[]): Promise<{ code: number; checks: Check[]; failed: string[] }> {
  const { code, stdout } = await place.run(['doctor', ...args, '--json'])
  const checks = JSON.parse(stdout) as Check[]
  return { code, checks, failed: checks.filter(({ ok }) => !ok).map(({ check }) => check) }
}

test.concurrent('a running deployment is found sound, and one that has stopped is not, and open keys are a warning', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  const sound = await examine(place)
  expect(sound).toMatchObject({ code: 0, failed: [] })
  expect(sound.checks.map(({ check }) => check)).toEqual(
    expect.arrayContaining([
      'configuration',
      'node',
      'database',
      'durability',
      'keys ES256',
      'keys RS256',
      'master key',
      'discovery',
      'jwks',
    ]),
  )
  for (const check of sound.checks) expect(Object.keys(check)).toEqual(['check', 'ok', 'found', 'fix'])
  chmodSync(place.keysDir, 0o755)
  chmodSync(join(place.keysDir, 'master.key'), 0o644)
  const open = await examine(place)
  expect(open).toMatchObject({ code: 0, failed: [] })
  expect(open.checks.find(({ check }) => check === 'master key file')).toEqual({
    check: 'master key file',
    ok: true,
    found: expect.stringContaining('is 0644 in a folder that is 0755'),
    fix: expect.stringContaining('chmod 700'),
    warning: true,
  })
  chmodSync(join(place.keysDir, 'master.key'), 0o600)
  chmodSync(place.keysDir, 0o700)

  expect(await place.json('status')).toMatchObject({
    issuer: server.url,
    counts: { clients: 1, resources: 1 },
    keys: { ES256: { retiring: 0 } },
  })
  expect(await place.json('migrate')).toMatchObject({ up_to_date: true })
  await server.stop()
  const stopped = await examine(place)
  expect(stopped).toMatchObject({ code: 1, failed: ['discovery', 'jwks'] })
  for (const { fix } of stopped.checks.filter(({ ok }) => !ok)) expect(fix).toContain('signet serve')
})

sqliteTest.concurrent(
  'a database that another process keeps locked is a finding, and soon none any more',
  async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const lockFinding = async () => (await examine(place)).checks.find(({ check }) => check === 'database lock')
    await place.run(['migrate'])
    const other = new SqliteDatabase(place.database)
    onTestFinished(() => void other.close())
    other.exec('BEGIN IMMEDIATE')
    const found = await lockFinding()
    expect(found).toMatchObject({ ok: false, found: expect.stringContaining('locked by another process') as string })
    expect(found?.fix).toContain(`fuser -v ${place.database}`)
    const disabled = await place.run(['key', 'rotate'])
    expect(disabled).toMatchObject({ code: 1, stderr: expect.stringContaining('try again') as string })
    other.exec('ROLLBACK')
    expect(await lockFinding()).toMatchObject({ ok: true })
  },
)

test.concurrent('where there is no database the doctor says so and makes none', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const { code, failed } = await examine(place)
  expect(code).toBe(1)
  expect(failed).toContain('database')
  expect(existsSync(place.keysDir)).toBe(false)
  expect(await place.hasDatabase()).toBe(false)
})

sqliteTest.concurrent('a second database beside the same keys is a warning', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  await place.run(['migrate'])
  const second = { SIGNET_DATABASE_URL: `file:${place.file('second.db')}` }
  expect(await place.run(['migrate'], second)).toMatchObject({ code: 1 })
  expect(await place.run(['migrate', '--new'], second)).toMatchObject({ code: 0 })
  const others = async () => (await examine(place)).checks.find(({ check }) => check === 'other databases')
  expect(await others()).toMatchObject({
    ok: true,
    warning: true,
    found: expect.stringContaining(`belong to ${place.file('second.db')} too`) as string,
  })
  rmSync(place.file('second.db'))
  expect(await others()).toBeUndefined()
})

test.concurrent('a token is examined as we see it, and as an app sees it that knows our URL alone', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  const token = await place.mint('--sub a --resource demo-api')
  expect(await examine(place, token, '--resource', 'demo-api')).toMatchObject({ code: 0, failed: [] })
  expect(await examine(place, token, '--resource', 'other')).toMatchObject({ code: 1, failed: ['audience'] })

  const outside = new Place(onTestFinished)
  expect(await examine(outside, token, '--resource', 'demo-api', '--issuer', server.url)).toMatchObject({
    code: 0,
    failed: [],
  })
  expect(await examine(outside, token, '--jwks', `${server.url}/.well-known/jwks.json`)).toMatchObject({
    code: 0,
    failed: [],
  })
  const slash = await examine(outside, token, '--issuer', `${server.url}/`)
  expect(slash).toMatchObject({ code: 1, failed: ['issuer', 'issuer'] })
  expect(slash.checks.find(({ ok }) => !ok)?.found).toContain('slash')
  expect(await outside.hasDatabase()).toBe(false)
})

test.concurrent('what is on record of a request is found by its id', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  const token = await place.mint(`--sub ops --resource ${server.url} --scope signet:admin`)
  const change = async () =>
    fetch(`${server.url}/admin/api/resources`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'api' }),
    })
  const response = await change()
  expect(response.status).toBe(201)
  const known = await examine(place, '--request', response.headers.get('x-request-id') ?? '')
  expect(known).toMatchObject({
    code: 0,
    checks: [{ check: 'request', found: expect.stringContaining('resource.created api') as string }],
  })
  const unknown = await examine(place, '--request', 'nothing-like-it')
  expect(unknown).toMatchObject({ code: 1, failed: ['request'] })
  expect(unknown.checks[0]?.found).toContain('no request had this id, or ')
})
