/** The first minute: serve, paste the lines, stop, serve again. */
import { execFile } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'vitest'
import { CHECKOUT } from '../../harness/version.ts'
import { Place, requestToken } from './run-signet.ts'

const shell = promisify(execFile)

test.concurrent('the first start prints curl lines that fetch, refresh and verify a token as they are', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  expect(server.stdout()).toMatch(/^Signet serves http:\/\/localhost:\d+\n/)
  expect(statSync(place.keysDir).mode & 0o777).toBe(0o700)

  const lines = server
    .stdout()
    .split('\n')
    .filter((line) => line.includes('curl '))
  expect(lines).toHaveLength(3)
  const { stdout } = await shell('sh', ['-c', lines.join('\n')])
  const [fetched, refreshed, verified] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(fetched).toMatchObject({ token_type: 'Bearer', scope: 'demo:read offline_access' })
  expect(refreshed).toMatchObject({ token_type: 'Bearer' })
  expect(refreshed?.refresh_token).not.toBe(fetched?.refresh_token)
  expect(verified).toMatchObject({ active: true, client_id: 'demo', scope: 'demo:read offline_access' })

  // The whole greeting may be pasted too: what is no command is comment there.
  const greeting = server.stdout().split('\n').slice(1).join('\n')
  expect(greeting).toContain(`#   ${join(CHECKOUT, 'signet')} client rotate-secret demo`)
  expect(greeting).not.toContain('alias')
  expect((await shell('sh', ['-c', greeting])).stderr).toBe('')
})

test.concurrent('a second start keeps keys and clients, and shows no secret', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const first = await place.serve()
  const [, secret = ''] = /client_secret +(\S+)/.exec(first.stdout()) ?? []
  const keys = async (url: string): Promise<unknown> => (await fetch(`${url}/.well-known/jwks.json`)).json()
  const before = await keys(first.url)
  expect(await first.stop()).toBe(0)
  const second = await place.serve()
  expect(second.stdout()).not.toContain('client_secret')
  expect(await keys(second.url)).toEqual(before)
  expect(await requestToken(second.url, { client_id: 'demo', client_secret: secret })).toHaveProperty('access_token')
  expect(await second.stop('SIGINT')).toBe(0)
})

test.concurrent('an issuer that the world knows under another name prints both, and makes no client', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { SIGNET_ISSUER: 'https://auth.example' })
  const server = await place.serve()
  expect(server.stdout()).toMatch(/^Signet serves https:\/\/auth\.example at http:\/\/localhost:\d+\n$/)
})

/** First starts of a database, with the acts of operators that follow them. */
const FIRST_STARTS: [what: string, first: (place: Place) => Promise<void>][] = [
  [
    'a file declares a client, which is deleted',
    async (place) => {
      const file = place.file('signet.yaml')
      writeFileSync(file, 'clients:\n  - { client_id: c1, token_endpoint_auth_method: client_secret_basic }\n')
      await (await place.serve({ SIGNET_CONFIG: file })).stop()
      await place.json('client', 'delete', 'c1')
    },
  ],
  [
    'a command made a client before, which is deleted',
    async (place) => {
      await place.json('client', 'create', '--id', 'x', '--new')
      await (await place.serve()).stop()
      await place.json('client', 'delete', 'x')
    },
  ],
  [
    'the issuer had a name of the world',
    async (place) => (await place.serve({ SIGNET_ISSUER: 'https://auth.example.com' })).stop().then(() => {}),
  ],
  [
    'the first client is deleted, and so is its resource',
    async (place) => {
      await (await place.serve()).stop()
      await place.json('client', 'delete', 'demo')
      await place.json('resource', 'delete', 'demo-api')
    },
  ],
]

test.concurrent.for(FIRST_STARTS)(
  'a later start makes no first client and invites nobody, where at the first: %s',
  async ([, first], { expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    await first(place)
    const invitations = await place.json('invite', 'list')
    for (let start = 0; start < 2; start++) {
      const server = await place.serve()
      expect(server.stdout()).toMatch(/^Signet serves http:\/\/localhost:\d+\n$/)
      await server.stop()
    }
    expect(await place.json('client', 'list')).toEqual([])
    expect(await place.json('invite', 'list')).toEqual(invitations)
  },
)

test.concurrent('a database that commands have made, and that nobody has served, has its first start yet', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  expect((await place.serve()).stdout()).toContain('Your first client')
})

test.concurrent('what cannot be served is one line, exit 1: a lost master key, another one, a taken port', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  const port = new URL(server.url).port
  const elsewhere = new Place(onTestFinished)
  const taken = await elsewhere.run(['serve'], { SIGNET_PORT: port })
  expect(taken).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^signet: SIGNET_PORT: read .*cannot listen on .*EADDRINUSE/m) as string,
  })
  await server.stop()

  const otherKey = Buffer.alloc(32, 7).toString('base64url')
  for (const args of [['serve'], ['client', 'list']]) {
    const wrong = await place.run(args, { SIGNET_MASTER_KEY: otherKey })
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('was sealed under') as string })
    const lost = await place.run(args, { SIGNET_KEYS_DIR: place.file('empty') })
    expect(lost).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('master.key is missing') as string,
    })
    expect(lost.stderr).not.toContain('    at ')
  }
  expect(existsSync(place.file('empty'))).toBe(false)
})
