/** The master key changes from the command line: beside a running server, killed in the middle, with keys that are missing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, test, type ExpectStatic } from 'vitest'
import { post, request } from '../../harness/call.ts'
import { sqliteTest } from '../support/sqlite.ts'
import { holdWriteLock } from '../support/write-lock.ts'
import { Place, SOON, requestToken, type Client, type OnTestFinished, type Server } from './run-signet.ts'

interface MasterKey {
  id: string
  status: string
  needed_by: { signing_keys: number; client_secrets: number; grants: number; users: number }
  needed_until: string | null
}

interface Finding {
  check: string
  ok: boolean
  warning?: boolean
  found: string
  fix: string | null
}

const OFFLINE = '--grant client_credentials --grant refresh_token'

const listKeys = (place: Place): Promise<MasterKey[]> => place.json<MasterKey[]>('master-key', 'list')

const idOf = async (place: Place, status: string): Promise<string> =>
  (await listKeys(place)).find((key) => key.status === status)?.id ?? ''

const rotate = async (place: Place): Promise<string> => (await place.json<{ id: string }>('master-key', 'rotate')).id

const keyFile = (place: Place): string => join(place.keysDir, 'master.key')
const keysIn = (place: Place): string[] => readFileSync(keyFile(place), 'utf8').split('\n').filter(Boolean)

const credentials = (client: Client) => ({ clientId: client.client_id, secret: client.client_secret })

const refreshAt = (server: Server, client: Client, refresh_token: string) =>
  post(server, '/token', { grant_type: 'refresh_token', refresh_token }, credentials(client))

/** The findings of the doctor about master keys. */
async function findings(place: Place): Promise<Finding[]> {
  const { stdout } = await place.run(['doctor', '--json'])
  return (JSON.parse(stdout) as Finding[]).filter(({ check }) => check.includes('master key'))
}

/** A refused command: nothing on stdout, one line of fault and one of help. */
async function refusalOf(place: Place, args: string[], variables: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await place.run(args, variables)
  if (code !== 1 || stdout !== '') throw new Error(`signet ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('note: '))
  if (lines.length !== 2) throw new Error(`not two lines: ${stderr}`)
  return lines.join('\n')
}

describe('under load', () => {
  /** One client that asks without end: a token, a refresh, an introspection. Counts what it got. */
  async function loop(server: Server, client: Client, isOver: () => boolean): Promise<{ good: number; bad: string[] }> {
    const figures = { good: 0, bad: [] as string[] }
    let tokens = await requestToken(server.url, client, { scope: 'offline_access' })
    while (!isOver()) {
      const answers = [
        await post(server, '/token', { grant_type: 'client_credentials' }, credentials(client)),
        await refreshAt(server, client, tokens.refresh_token ?? ''),
        await post(server, '/introspect', { token: tokens.access_token ?? '' }, credentials(client)),
        await post(
          server,
          '/token',
          { grant_type: 'client_credentials', scope: 'offline_access' },
          credentials(client),
        ),
      ]
      for (const [at, { status, text, body }] of answers.entries()) {
        const isGood = status === 200 && (at !== 2 || body.active === true)
        if (isGood) figures.good += 1
        else figures.bad.push(`${at}: ${status} ${text}`)
      }
      tokens = (answers[1]?.body ?? {}) as Record<string, string>
    }
    return figures
  }

  test.concurrent('no request fails, whether its secret and token were made before the change or after it', async ({
    expect,
    onTestFinished,
  }) => {
    const place = new Place(onTestFinished)
    const server = await place.serve()
    const before = await place.createClient(`--id before ${OFFLINE}`)
    await expect.poll(() => requestToken(server.url, before), SOON).toHaveProperty('access_token')
    let isOver = false
    const running = [loop(server, before, () => isOver), loop(server, before, () => isOver)]
    const former = await idOf(place, 'current')
    const current = await rotate(place)
    const after = await place.createClient(`--id after ${OFFLINE}`)
    await expect.poll(() => requestToken(server.url, after), SOON).toHaveProperty('access_token')
    running.push(loop(server, after, () => isOver))
    const second = await rotate(place)
    expect((await place.run(['key', 'rotate', '--emergency'])).code).toBe(0)
    isOver = true
    for (const figures of await Promise.all(running)) {
      expect(figures.bad).toEqual([])
      expect(figures.good).toBeGreaterThan(10)
    }
    expect((await listKeys(place)).map(({ id, status }) => [id, status])).toEqual([
      [former, 'previous'],
      [current, 'previous'],
      [second, 'current'],
    ])
    expect(await server.stop()).toBe(0)
    // The notes of the last uses are written when the server stops: both secrets have moved.
    expect((await listKeys(place)).map(({ needed_by: by }) => by.client_secrets)).toEqual([1, 0, 2])
    const again = await place.serve()
    for (const client of [before, after]) expect(await requestToken(again.url, client)).toHaveProperty('access_token')
  })
})

describe('list and retire', () => {
  test.concurrent('a listing says what needs each key and until when; a refusal names it', async ({
    expect,
    onTestFinished,
  }) => {
    const place = new Place(onTestFinished, { SIGNET_REFRESH_TOKEN_TTL: '10d' })
    const server = await place.serve()
    const client = await place.createClient(`--id orders ${OFFLINE}`)
    await expect.poll(() => requestToken(server.url, client), SOON).toHaveProperty('access_token')
    const began = Date.now()
    const { refresh_token: token = '' } = await requestToken(server.url, client, { scope: 'offline_access' })
    const [first] = await listKeys(place)
    expect(first).toEqual({
      id: expect.stringMatching(/^[\w-]{16}$/) as string,
      status: 'current',
      needed_by: { signing_keys: 4, client_secrets: 2, grants: 1, users: 0 },
      needed_until: null,
    })
    const former = first?.id ?? ''
    await rotate(place)
    expect(statSync(keyFile(place)).mode & 0o777).toBe(0o600)
    const fault = await refusalOf(place, ['master-key', 'retire', former])
    expect(fault).toMatch(/is needed by 2 client secrets \(demo, orders\) and 1 grant/)
    expect(fault).toContain('--force')
    expect(keysIn(place)).toHaveLength(2)

    const warned = (await findings(place)).find(({ check }) => check === 'former master key')
    expect(warned).toMatchObject({ ok: true, warning: true })
    expect(warned?.found).toContain('2 client secrets (demo, orders)')

    // With brought secrets alone, a date is known.
    await place.json('client', 'delete', 'demo')
    await place.json('client', 'rotate-secret', 'orders', '--overlap', '0')
    const [left] = await listKeys(place)
    expect(left?.needed_by).toEqual({ signing_keys: 0, client_secrets: 0, grants: 1, users: 0 })
    expect(Date.parse(left?.needed_until ?? '') - began).toBeGreaterThan(9.9 * 86_400_000)
    expect(await refusalOf(place, ['master-key', 'retire', former])).toMatch(/by 1 grant, until \d{4}-/)

    const done = await place.json('master-key', 'retire', former, '--force')
    expect(done).toMatchObject({ id: former, ended: { client_secrets: [], grants: 1 } })
    expect(keysIn(place)).toHaveLength(1)
    const { client_secret } = await place.json<Client>('client', 'rotate-secret', 'orders')
    const renewed = { client_id: 'orders', client_secret }
    await expect.poll(() => requestToken(server.url, renewed), SOON).toHaveProperty('access_token')
    expect((await refreshAt(server, renewed, token)).status).toBe(400)
    expect(await findings(place)).toEqual([
      expect.objectContaining({ check: 'master key file', ok: true }),
      expect.objectContaining({ check: 'master key', ok: true }),
    ])
  })

  test.concurrent('the doctor warns of a former key that nothing needs', async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const former = await idOf(await place.migrate(), 'current')
    await rotate(place)
    const found = (await findings(place)).find(({ check }) => check === 'former master key')
    expect(found).toMatchObject({ ok: true, warning: true, fix: `signet master-key retire ${former}` })
    expect((await place.run(['doctor'])).stdout).toMatch(/warn {2}former master key/)
    await place.json('master-key', 'retire', former)
  })

  test.concurrent('secrets that operators brought need no master key', async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const brought = { client_id: 'brought', client_secret: 'an-operator-brought-this-secret-itself' }
    await applied(place, brought)
    const former = await idOf(place, 'current')
    await rotate(place)
    await place.json('master-key', 'retire', former)
    const server = await place.serve()
    expect(await requestToken(server.url, brought)).toHaveProperty('access_token')
  })

  test.concurrent('a generated secret that was ended is not revived by a file, with its master key or without', async ({
    expect,
    onTestFinished,
  }) => {
    const place = new Place(onTestFinished)
    const leaked = await place.createClient('--id dear')
    await place.json('client', 'rotate-secret', 'dear', '--overlap', '0')
    const former = await idOf(place, 'current')
    const isRefused = async () => (await applied(place, leaked)).ended
    expect(await isRefused()).toHaveLength(1)
    await rotate(place)
    expect(await isRefused()).toHaveLength(1)
    await place.json('master-key', 'retire', former, '--force')
    expect(await isRefused()).toHaveLength(1)
    const server = await place.serve()
    expect(await requestToken(server.url, leaked)).toMatchObject({ error: 'invalid_client' })
  })

  test.concurrent('a key file that two databases share keeps the key that one of them retires', async ({
    expect,
    onTestFinished,
  }) => {
    const place = await new Place(onTestFinished).migrate()
    const other = { SIGNET_DATABASE_URL: `file:${place.file('other/signet.db')}` }
    await place.migrate(other)
    const former = await idOf(place, 'current')
    await rotate(place)
    const { code, stderr } = await place.run(['master-key', 'retire', former])
    expect(code).toBe(0)
    expect(stderr).toContain(`because other databases use the file: ${place.file('other/signet.db')}`)
    expect(keysIn(place)).toHaveLength(2)
    expect((await place.run(['key', 'list'], other)).code).toBe(0)
    expect((await place.run(['key', 'list'])).code).toBe(0)
  })

  test.concurrent('names that are no key, and the current key, are refused', async ({ expect, onTestFinished }) => {
    const place = await new Place(onTestFinished).migrate()
    for (const command of ['use', 'retire'])
      expect(await refusalOf(place, ['master-key', command, 'nobody'])).toMatch(
        /there is no master key "nobody"[^]*signet master-key list/,
      )
    expect(await refusalOf(place, ['master-key', 'retire', await idOf(place, 'current')])).toMatch(
      /is current[^]*signet master-key rotate/,
    )
    expect(keysIn(place)).toHaveLength(1)
  })
})

/** Applies a file that names a client with this secret. */
async function applied(place: Place, client: Client): Promise<{ ended?: unknown[] }> {
  writeFileSync(place.file('secret'), client.client_secret)
  const declared = { clients: [{ client_id: client.client_id, client_secret: { file: 'secret' } }] }
  writeFileSync(place.file('signet.json'), JSON.stringify(declared))
  return place.json('apply', place.file('signet.json'))
}

describe('killed in the middle', () => {
  async function killedRotation(place: Place, expect: ExpectStatic, onTestFinished: OnTestFinished): Promise<void> {
    const before = keysIn(place).length
    // The command stops between the file and the database.
    const lock = await holdWriteLock(place, (work) => onTestFinished(work))
    const signet = join(import.meta.dirname, '../../src/signet.js')
    const env = { PATH: process.env.PATH, ...place.variables }
    const child = spawn(process.execPath, [signet, 'master-key', 'rotate'], { env, stdio: 'ignore' })
    const ended = once(child, 'exit')
    await expect.poll(() => keysIn(place).length, { timeout: 20_000, interval: 5 }).toBe(before + 1)
    child.kill('SIGKILL')
    await ended
    lock.release()
  }

  test.concurrent('a rotation leaves a key that is told, used or taken away', async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const client = await place.createClient('--id orders')
    const former = await idOf(place, 'current')
    await killedRotation(place, expect, onTestFinished)
    const listed = await place.run(['master-key', 'list'])
    expect(listed.stderr).toMatch(/is not used yet: signet master-key use \S+ makes it current/)
    const left = await idOf(place, 'new')
    expect(await idOf(place, 'current')).toBe(former)
    expect((await findings(place)).find(({ check }) => check === 'unused master key')).toMatchObject({ warning: true })

    const server = await place.serve()
    expect(await requestToken(server.url, client)).toHaveProperty('access_token')
    expect(await place.json('master-key', 'use', left)).toMatchObject({ id: left })
    expect(await idOf(place, 'current')).toBe(left)
    expect(await requestToken(server.url, client)).toHaveProperty('access_token')
    await server.stop()

    await killedRotation(place, expect, onTestFinished)
    await place.json('master-key', 'retire', await idOf(place, 'new'))
    expect(keysIn(place)).toHaveLength(2)
    await place.json('master-key', 'retire', former)
    expect(keysIn(place)).toHaveLength(1)
  })

  test.concurrent('a key file that cannot be written stays as it is, and nothing is noted', async ({
    expect,
    onTestFinished,
  }) => {
    const place = await new Place(onTestFinished).migrate()
    mkdirSync(`${keyFile(place)}.next`)
    expect(await refusalOf(place, ['master-key', 'rotate'])).toMatch(/master\.key cannot be written/)
    expect(keysIn(place)).toHaveLength(1)
    expect(existsSync(`${keyFile(place)}.lock`)).toBe(false)
    expect((await listKeys(place)).map(({ status }) => status)).toEqual(['current'])
  })

  test.concurrent('a retirement that did not reach the file is finished by the same command', async ({
    expect,
    onTestFinished,
  }) => {
    const place = await new Place(onTestFinished).migrate()
    const former = await idOf(place, 'current')
    const [text = ''] = keysIn(place)
    await rotate(place)
    await place.json('master-key', 'retire', former)
    appendFileSync(keyFile(place), `${text}\n`)
    expect((await listKeys(place)).map(({ id }) => id)).not.toContain(former)
    expect((await findings(place)).find(({ check }) => check === 'retired master key')).toMatchObject({ warning: true })
    await place.json('master-key', 'retire', former)
    expect(keysIn(place)).not.toContain(text)
    expect(await refusalOf(place, ['master-key', 'use', former])).toContain('was retired')
  })
})

describe('keys that are missing or wrong', () => {
  test.concurrent('a former key that is needed stops the start by its id, and may be given up', async ({
    expect,
    onTestFinished,
  }) => {
    const place = new Place(onTestFinished)
    await place.createClient('--id orders')
    const former = await idOf(place, 'current')
    const all = keysIn(place)
    await rotate(place)
    const after = await place.createClient('--id after')
    writeFileSync(
      keyFile(place),
      keysIn(place)
        .filter((text) => !all.includes(text))
        .join('\n'),
    )
    for (const args of [['serve'], ['client', 'list']]) {
      const fault = await refusalOf(place, args)
      expect(fault).toMatch(
        /^signet: SIGNET_KEYS_DIR: master key \S+ is missing, and it is needed by 1 client secret \(orders\)/,
      )
      expect(fault).toContain(`signet master-key retire --force ${former}`)
    }
    expect((await findings(place)).find(({ check }) => check === 'master key')).toMatchObject({ ok: false })
    await place.json('master-key', 'retire', '--force', former)
    const server = await place.serve()
    expect(await requestToken(server.url, after)).toHaveProperty('access_token')
  })

  test.concurrent('a former key that nothing needs may be missing', async ({ expect, onTestFinished }) => {
    const place = await new Place(onTestFinished).migrate()
    const all = keysIn(place)
    await rotate(place)
    writeFileSync(
      keyFile(place),
      keysIn(place)
        .filter((text) => !all.includes(text))
        .join('\n'),
    )
    expect((await place.run(['client', 'list'])).code).toBe(0)
    await place.json('master-key', 'retire', await idOf(place, 'previous'))
  })

  test.concurrent('without the current key nothing starts, and what is no key is told by its place', async ({
    expect,
    onTestFinished,
  }) => {
    const place = await new Place(onTestFinished).migrate()
    const [former = ''] = keysIn(place)
    const current = await rotate(place)
    writeFileSync(keyFile(place), `${former}\n`)
    expect(await refusalOf(place, ['serve'])).toContain(`but the database was sealed under ${current}`)
    expect(await refusalOf(place, ['master-key', 'list'])).toContain(`but the database was sealed under ${current}`)
    writeFileSync(keyFile(place), `${former}\nhunter2\n`)
    const fault = await refusalOf(place, ['serve'])
    expect(fault).toMatch(/master\.key does not hold a master key: found 7 characters as key 2 of 2/)
    expect(fault).not.toContain('hunter2')
  })

  sqliteTest.concurrent('a restored backup needs the keys that its rows name', async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    await place.createClient('--id orders')
    const [text = ''] = keysIn(place)
    const former = await idOf(place, 'current')
    await place.json('backup', place.file('first.db'))
    await rotate(place)
    await place.json('backup', place.file('second.db'))
    await place.json('master-key', 'retire', '--force', former)
    const elsewhere = { SIGNET_DATABASE_URL: `file:${place.file('elsewhere/signet.db')}` }
    const first = await refusalOf(place, ['restore', place.file('first.db')], elsewhere)
    expect(first).toContain(`but the backup was sealed under ${former}`)
    const second = await refusalOf(place, ['restore', place.file('second.db')], elsewhere)
    expect(second).toMatch(
      new RegExp(`master key ${former} is missing, and it is needed by 1 client secret \\(orders\\)`),
    )
    expect(existsSync(place.file('elsewhere/signet.db'))).toBe(false)
    appendFileSync(keyFile(place), `${text}\n`)
    expect((await place.run(['restore', place.file('second.db')], elsewhere)).code).toBe(0)
    expect((await place.run(['client', 'list'], elsewhere)).code).toBe(0)
  })
})

describe('keys from a variable', () => {
  const FIRST = Buffer.alloc(32, 1).toString('base64url')

  test.concurrent('rotate prints the key, and use waits for all servers', async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const withFirst = { SIGNET_MASTER_KEY: FIRST }
    const server = await place.serve(withFirst)
    const run = async (variables: Record<string, string>, ...args: string[]) => {
      const { code, stdout, stderr } = await place.run([...args, '--json'], variables)
      return { code, stderr, json: (code === 0 ? JSON.parse(stdout) : {}) as Record<string, unknown> }
    }
    const made = await run(withFirst, 'master-key', 'rotate')
    expect(made.json).toEqual({
      id: expect.stringMatching(/^[\w-]{16}$/) as string,
      key: expect.stringMatching(/^[\w-]{43}$/) as string,
      next_steps: expect.arrayContaining([expect.stringContaining('signet master-key use')]) as string[],
    })
    const id = String(made.json.id)
    expect(existsSync(keyFile(place))).toBe(false)
    const statuses = async (variables: Record<string, string>) =>
      ((await run(variables, 'master-key', 'list')).json as unknown as MasterKey[]).map(({ status }) => status)
    expect(await statuses(withFirst)).toEqual(['current', 'new'])

    expect(await refusalOf(place, ['master-key', 'use', id], withFirst)).toContain('is not here')
    const withBoth = { SIGNET_MASTER_KEY: `${FIRST}, ${String(made.json.key)}` }
    const unheld = await refusalOf(place, ['master-key', 'use', id], withBoth)
    expect(unheld).toMatch(/is not current: these servers have noted in the database which keys they have/)
    expect(unheld).toContain(`/${server.process.pid}:${new URL(server.url).port} (seen `)
    expect(await statuses(withBoth)).toEqual(['current', 'new'])

    await server.stop()
    const again = await place.serve(withBoth)
    expect((await run(withBoth, 'master-key', 'use', id)).code).toBe(0)
    const client = (await run(withBoth, 'client', 'create', '--id', 'orders')).json as unknown as Client
    await expect.poll(() => requestToken(again.url, client), SOON).toHaveProperty('access_token')
    const former = ((await run(withBoth, 'master-key', 'list')).json as unknown as MasterKey[])[0]?.id ?? ''
    expect((await run(withBoth, 'master-key', 'retire', '--force', former)).stderr).toContain(
      'take it out of SIGNET_MASTER_KEY',
    )
    expect((await run({ SIGNET_MASTER_KEY: String(made.json.key) }, 'client', 'list')).code).toBe(0)
  })

  test.concurrent('a running server reads the file of the variable again', async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const file = place.file('mounted')
    writeFileSync(file, FIRST)
    const variables = { SIGNET_MASTER_KEY_FILE: file }
    const server = await place.serve(variables)
    const { stdout } = await place.run(['master-key', 'rotate', '--json'], variables)
    const made = JSON.parse(stdout) as { id: string; key: string }
    appendFileSync(file, ` ${made.key}\n`)
    expect((await place.run(['master-key', 'use', made.id], variables)).code).toBe(0)
    expect((await request(`${server.url}/readyz`)).body).toEqual({ status: 'ready' })
    const created = await place.run(['client', 'create', '--id', 'orders', '--json'], variables)
    const client = JSON.parse(created.stdout) as Client
    await expect.poll(() => requestToken(server.url, client), SOON).toHaveProperty('access_token')
  })

  test.concurrent('a server that was killed does not stand in the way on its own machine', async ({
    expect,
    onTestFinished,
  }) => {
    const place = new Place(onTestFinished)
    const server = await place.serve()
    await server.stop('SIGKILL')
    const former = await idOf(place, 'current')
    expect(await rotate(place)).not.toBe(former)
  })
})

test.concurrent('a command that starts during a change finds the key that the database names', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  let isOver = false
  const look = async (codes: number[] = []): Promise<number[]> => {
    codes.push((await place.run(['key', 'list'])).code)
    return isOver ? codes : look(codes)
  }
  const looking = [look(), look(), look()]
  for (let changes = 0; changes < 6; changes++) await rotate(place)
  isOver = true
  for (const codes of await Promise.all(looking)) expect(new Set(codes)).toEqual(new Set([0]))
})

test.concurrent('two rotations at once lose no key', async ({ expect, onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  const outcomes = await Promise.all([0, 1, 2].map(() => place.run(['master-key', 'rotate', '--json'])))
  const done = outcomes.filter(({ code }) => code === 0).length
  expect(done).toBeGreaterThan(0)
  for (const { code, stderr } of outcomes)
    if (code !== 0) expect(stderr).toContain('another command changes the key file')
  const keys = await listKeys(place)
  expect(keys).toHaveLength(1 + done)
  expect(keysIn(place)).toHaveLength(1 + done)
  expect(keys.filter(({ status }) => status === 'current')).toHaveLength(1)
  expect((await place.run(['client', 'list'])).code).toBe(0)
})

sqliteTest.concurrent('a damaged seal is told as such, whatever it seals', async ({ expect, onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  const id = await idOf(place, 'current')
  const damage = (change: string) => {
    const database = new SqliteDatabase(place.database)
    database.exec(`UPDATE signing_keys SET sealed_private_key = ${change} WHERE status = 'active'`)
    database.close()
  }
  damage("substr(sealed_private_key, 1, length(sealed_private_key) - 8) || 'AAAAAAAA'")
  expect(await refusalOf(place, ['key', 'list'])).toContain(
    `a value of the database that was sealed under master key ${id} cannot be opened with it`,
  )
  damage("'eyJraWQiOiJub25lIn0.x'")
  expect(await refusalOf(place, ['key', 'list'])).toContain('sealed under "none", which is no master key of it')
})
