/**
 * `signet apply --prune` removes a client, and the file from before names it again. What an operator ended meanwhile
 * stays ended: a secret, a key of `jwks`, the whole client.
 */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { Place, requestToken, type OnTestFinished } from './run-signet.ts'

const SECRET = 'a-secret-of-thirty-two-characters-or-more'
const NEXT_SECRET = 'another-secret-of-thirty-two-characters'

class Scene extends Place {
  readonly #client: string

  /** @param client the members of the client in the file, as a YAML flow mapping */
  constructor(onTestFinished: OnTestFinished, client: string) {
    super(onTestFinished, { SECRET })
    this.#client = client
  }

  async found(): Promise<this> {
    await this.json('apply', this.write(this.#client))
    return this
  }

  /** The file with these clients, and a resource that stays. */
  write(client: string): string {
    const file = this.file('signet.yaml')
    writeFileSync(file, `resources: [{ id: orders }]\nclients: [${client}]\n`)
    return file
  }

  /** Removes the client by a file that does not name it. */
  async prune(): Promise<void> {
    await this.json('apply', this.write(''), '--prune')
  }

  /** Applies the file from before. */
  async bringBack(...options: string[]) {
    const { code, stdout, stderr } = await this.run(['apply', this.write(this.#client), ...options])
    return { code, stdout, lines: stderr.split('\n').filter((line) => line.includes('signet.yaml:')) }
  }

  writeKeys(name: string, ...keys: object[]): string {
    writeFileSync(this.file(name), JSON.stringify({ keys }))
    return this.file(name)
  }
}

const newKey = (kid: string): object => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
})

const ofKeys = (...keys: object[]): string =>
  `{ client_id: dear, token_endpoint_auth_method: private_key_jwt, jwks: ${JSON.stringify({ keys })} }`

test.concurrent('a secret that was rotated away stays ended, by apply and at a start; a new one is taken', async ({
  expect,
  onTestFinished,
}) => {
  const it = await new Scene(onTestFinished, '{ client_id: dear, client_secret: { env: SECRET } }').found()
  await it.json('client', 'rotate-secret', 'dear', '--overlap', '0')
  await it.prune()
  expect(await it.bringBack('--dry-run')).toMatchObject({
    stdout: expect.stringContaining('+ client dear') as string,
    lines: [expect.stringContaining('an operator ended this secret of client dear') as string],
  })
  const back = await it.bringBack()
  expect(back).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('+ client dear') as string,
    lines: [expect.stringMatching(/signet\.yaml:2: an operator ended this secret of client dear/) as string],
  })
  expect((await it.bringBack()).lines).toEqual(back.lines)
  expect(await it.json('apply', it.file('signet.yaml'))).toMatchObject({ left: [{}, { lacks_secret: true }] })
  const server = await it.serve()
  expect(await requestToken(server.url, { client_id: 'dear', client_secret: SECRET })).toMatchObject({
    error: 'invalid_client',
  })
  expect((await it.run(['apply', it.file('signet.yaml')], { SECRET: NEXT_SECRET })).stderr).not.toContain('operator')
  await expect
    .poll(() => requestToken(server.url, { client_id: 'dear', client_secret: NEXT_SECRET }), { timeout: 5000 })
    .toHaveProperty('access_token')
})

test.concurrent('a start with SIGNET_CONFIG revives no secret either', async ({ expect, onTestFinished }) => {
  const it = await new Scene(onTestFinished, '{ client_id: dear, client_secret: { env: SECRET } }').found()
  await it.json('client', 'rotate-secret', 'dear', '--overlap', '0')
  await it.prune()
  const file = it.write('{ client_id: dear, client_secret: { env: SECRET } }')
  const server = await it.serve({ SIGNET_CONFIG: file })
  expect(await it.json('client', 'show', 'dear')).toMatchObject({ client_id: 'dear' })
  expect(await requestToken(server.url, { client_id: 'dear', client_secret: SECRET })).toMatchObject({
    error: 'invalid_client',
  })
})

test.concurrent('a key that was taken out of jwks stays ended: the client has the other keys of the file, and without one it is not made', async ({
  expect,
  onTestFinished,
}) => {
  const [first, second, third] = [newKey('first'), newKey('second'), newKey('third')]
  const it = await new Scene(onTestFinished, ofKeys(first)).found()
  await it.json('client', 'update', 'dear', '--jwks', it.writeKeys('next.json', second))
  await it.prune()
  const told = expect.stringMatching(/signet\.yaml:2: an operator took a key of jwks from client dear/) as string
  expect(await it.bringBack()).toMatchObject({ code: 0, lines: [told] })
  expect(await it.run(['client', 'show', 'dear'])).toMatchObject({ code: 1 })

  const both = await it.run(['apply', it.write(ofKeys(first, third))])
  expect(both).toMatchObject({ code: 0, stderr: told })
  expect(await it.json('client', 'show', 'dear')).toMatchObject({ jwks: { keys: [{ kid: 'third' }] } })
})

test.concurrent('a client that was disabled does not come back enabled; an operator makes it anew', async ({
  expect,
  onTestFinished,
}) => {
  const it = await new Scene(onTestFinished, '{ client_id: dear, client_secret: { env: SECRET } }').found()
  await it.json('client', 'disable', 'dear')
  await it.prune()
  expect(await it.bringBack()).toMatchObject({
    code: 0,
    lines: [expect.stringMatching(/signet\.yaml:2: .*client dear.*signet client create --id dear/) as string],
  })
  expect(await it.run(['client', 'show', 'dear'])).toMatchObject({ code: 1 })
  await it.json('client', 'create', '--id', 'dear')
  expect(await it.json('client', 'show', 'dear')).not.toMatchObject({ status: 'disabled' })
  expect((await it.bringBack()).lines).toEqual([])
})

test.concurrent('a client that nobody ended comes back with its secret', async ({ expect, onTestFinished }) => {
  const it = await new Scene(onTestFinished, '{ client_id: dear, client_secret: { env: SECRET } }').found()
  await it.prune()
  expect(await it.bringBack()).toMatchObject({ code: 0, lines: [] })
  const server = await it.serve()
  expect(await requestToken(server.url, { client_id: 'dear', client_secret: SECRET })).toHaveProperty('access_token')
})
