/**
 * Guards that no other test notices: each test here fails when its guard is removed. `npm run mutation` shows which
 * removals no test notices. Some tests need the signing keys, because the issuer itself never makes such tokens.
 */
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig, startIssuer } from '../src/index.ts'
import { introspect, isActive, refresh, tokens, until, type AdministeredIssuer } from './support/admin.ts'
import { basic, bearer, claimsOf, headerOf, post, request, type Answer } from './support/client.ts'
import { signWith, stolenKey, withAnotherSecret } from './support/forgery.ts'
import { environmentOf, rememberingLog, startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { serve, signet } from './support/process.ts'
import {
  API,
  ask,
  assertionOf,
  fresh,
  refusal,
  registered,
  resource,
  shareWithApi,
  startWithApi,
} from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'
import { holdWriteLock, untilBegun } from './support/write-lock.ts'

const issuer = shareWithApi()

const entries = async (value: string): Promise<{ id: string; kind: string }[]> => {
  const { body } = await issuer().operator.call('GET', '/blacklist?limit=1000')
  return body.entries.filter((entry: { value: string }) => entry.value === value)
}
const lift = (id: string | undefined): Promise<Answer> => issuer().operator.call('DELETE', `/blacklist/${id}`)

describe('a token signed by the key of the issuer', () => {
  /** Claims of a good token of a client that may introspect it. */
  const scene = async () => {
    const client = await registered(issuer())
    const good = (await tokens(issuer(), client)).access_token ?? ''
    return { client, good, claims: claimsOf(good) }
  }

  test('is good with the claims that the issuer would give it: the forger of this file forges well', async () => {
    const { client, claims } = await scene()
    const key = await stolenKey(issuer(), 'ES256')
    expect(await isActive(issuer(), client, signWith(key, claims))).toBe(true)
  })

  test.each(['jwt+secevent', 'logout+jwt', 'dpop+jwt', ''])('is no access token with typ "%s"', async (typ) => {
    const { client, claims } = await scene()
    const key = await stolenKey(issuer(), 'ES256')
    expect(await isActive(issuer(), client, signWith(key, claims, { typ }))).toBe(false)
  })

  test('is refused beyond 16 KB', async () => {
    const { client, claims } = await scene()
    const key = await stolenKey(issuer(), 'ES256')
    const long = signWith(key, { ...claims, padding: 'x'.repeat(16_384) })
    expect(await isActive(issuer(), client, long)).toBe(false)
  })

  test.each([
    ['names an algorithm that is not the key’s', { alg: 'RS256' }],
    ['names no algorithm', { alg: 'none' }],
    ['must be understood in a way that nobody knows', { crit: ['exp'], exp: 1 }],
  ])('is inactive, and no defect, where its header %s', async (_what, header) => {
    const { client, claims } = await scene()
    const key = await stolenKey(issuer(), 'ES256')
    const { status, text } = await introspect(issuer(), client, signWith(key, claims, header))
    expect([status, text]).toEqual([200, '{"active":false}'])
  })

  test('has one spelling: neither another last letter nor letters that decoders skip', async () => {
    const { client, claims } = await scene()
    const token = signWith(await stolenKey(issuer(), 'ES256'), claims)
    const sameBytes = LETTERS.filter((letter) => bytesOf(token.slice(0, -1) + letter).equals(bytesOf(token)))
    // The last letter of 64 bytes has four bits that say nothing.
    expect(sameBytes).toHaveLength(16)
    const spellings = sameBytes.map((letter) => token.slice(0, -1) + letter)
    const active = await Promise.all(spellings.map((each) => isActive(issuer(), client, each)))
    expect(spellings.filter((_, index) => active[index])).toEqual([token])
    for (const longer of [`${token}=`, `${token}*`]) expect(await isActive(issuer(), client, longer)).toBe(false)
  })

  test('that one resource has to itself opens no other', async () => {
    const { client, claims } = await scene()
    const own = await resource(issuer(), { own_keys: true })
    const tenant = await registered(issuer(), { resources: [own] })
    const token = (await tokens(issuer(), tenant)).access_token ?? ''
    const key = await stolenKey(issuer(), 'ES256', own)
    expect(await isActive(issuer(), tenant, signWith(key, claimsOf(token)))).toBe(true)
    expect(await isActive(issuer(), client, signWith(key, claims))).toBe(false)
    expect(await isActive(issuer(), client, signWith(key, { ...claims, aud: [own, API] }))).toBe(false)
  })
})

test('a token of before is inactive once the issuer goes by another name', async () => {
  const before = await startWithApi()
  const client = await registered(before)
  const token = (await tokens(before, client)).access_token ?? ''
  await before.stop()
  const renamed = await startTestIssuer({ ...before.env, SIGNET_ISSUER: 'http://localhost/renamed' }, before)
  expect(await isActive(renamed, client, token)).toBe(false)
  await renamed.stop()
  expect(await isActive(await startTestIssuer(before.env, before), client, token)).toBe(true)
})

test('a token of a client that is gone stays inactive, and the entry that tells of it is not lifted', async () => {
  const watcher = await registered(issuer())
  const client = await registered(issuer())
  const token = (await tokens(issuer(), client)).access_token ?? ''
  await issuer().operator.call('DELETE', `/admin/api/clients/${client.clientId}`)
  expect((await lift((await entries(client.clientId))[0]?.id)).status).toBe(409)
  expect(await isActive(issuer(), watcher, token)).toBe(false)
})

describe('a refresh token', () => {
  const grant = async () => {
    const client = await registered(issuer(), { access_token_ttl: 60 })
    const { refresh_token: token = '' } = await tokens(issuer(), client, { scope: 'a offline_access' })
    return { client, token }
  }

  test('made with the master key alone is none', async () => {
    const { client, token } = await grant()
    const forged = withAnotherSecret(issuer(), token)
    expect(forged).not.toBe(token)
    expect(await isActive(issuer(), client, forged)).toBe(false)
    expect(refusal(await refresh(issuer(), client, forged))).toBe('400 invalid_grant')
    expect((await refresh(issuer(), client, token)).status).toBe(200)
  })

  test('of a revoked grant stays inactive when nothing needs denying any more', async () => {
    const { client, token } = await grant()
    await post(issuer(), '/revoke', { token }, client)
    issuer().clock.advance(200)
    expect(await isActive(issuer(), client, token)).toBe(false)
  })
})

describe('a proof', () => {
  const prove = async (claims: Record<string, unknown>, more: object = {}): Promise<string> => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), ...more }
    const iat = Math.floor(issuer().clock.now() / 1000)
    const standard = { jti: crypto.randomUUID(), iat, htm: 'POST', htu: `${issuer().issuer}/token` }
    return new SignJWT({ ...standard, ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(privateKey)
  }
  const send = async (dpop: string): Promise<string> => {
    const headers = { ...basic(await registered(issuer())), dpop }
    return refusal(await request(`${issuer().url}/token`, { headers, form: { grant_type: 'client_credentials' } }))
  }

  test('is right as this file makes it', async () => {
    expect(await send(await prove({}))).toBe('200 undefined')
  })

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(257)],
    ['a number', 7],
  ])('whose jti is %s is refused', async (_what, jti) =>
    expect(await send(await prove({ jti }))).toBe('400 invalid_dpop_proof'),
  )

  test('of more than 8 KB is refused', async () => {
    expect(await send(await prove({ padding: 'x'.repeat(8192) }))).toBe('400 invalid_dpop_proof')
  })

  test.each(['k', 'p', 'oth'])('whose public key has the private member %s beside it is refused', async (member) => {
    expect(await send(await prove({}, { [member]: 'AQAB' }))).toBe('400 invalid_dpop_proof')
  })
})

describe('a client', () => {
  test('that is disabled proves nothing by an assertion, at no endpoint', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwks = { keys: [await exportJWK(publicKey)] }
    const { clientId } = await registered(issuer(), { token_endpoint_auth_method: 'private_key_jwt', jwks })
    const send = async (path: string): Promise<number> => {
      const assertion = {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertionOf(clientId, issuer(), privateKey),
      }
      return (await post(issuer(), path, { token: 'x', ...assertion })).status
    }
    expect([await send('/introspect'), await send('/revoke')]).toEqual([200, 200])
    await issuer().operator.call('POST', `/admin/api/clients/${clientId}/disable`)
    expect([await send('/introspect'), await send('/revoke')]).toEqual([401, 401])
  })

  test('that is disabled is enabled by its name alone, not by lifting its entry', async () => {
    const client = await registered(issuer())
    await issuer().operator.call('POST', `/admin/api/clients/${client.clientId}/disable`)
    expect((await lift((await entries(client.clientId))[0]?.id)).status).toBe(409)
    expect(await entries(client.clientId)).toHaveLength(1)
  })

  test('proves itself by canonical base64 alone', async () => {
    const { clientId, secret } = await registered(issuer())
    const encoded = Buffer.from(`${clientId}:${secret}`).toString('base64')
    const send = async (credentials: string): Promise<number> => {
      const headers = { authorization: `Basic ${credentials}` }
      return (await request(`${issuer().url}/introspect`, { headers, form: { token: 'x' } })).status
    }
    expect(await send(encoded)).toBe(200)
    expect(await send(`${encoded}=`)).toBe(401)
    expect(await send(`${encoded.slice(0, 8)}-${encoded.slice(8)}`)).toBe(401)
    expect(await send(`${encoded}!`)).toBe(401)
  })

  test('whose brought secret is short stops the start', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'app.secret'), 'x'.repeat(31))
    const file = join(folder, 'signet.json')
    const declared = { clients: [{ client_id: 'app', client_secret: { file: 'app.secret' } }] }
    writeFileSync(file, JSON.stringify(declared))
    const start = startIssuer(readConfig(environmentOf(folder, { SIGNET_CONFIG: file })), rememberingLog())
    void start.then(({ stop }) => onTestFinished(stop)).catch(() => {})
    await expect(start).rejects.toThrow('found 31 characters')
  })
})

describe('a request', () => {
  test('names at most a hundred scope values, the same one or not', async () => {
    const client = await registered(issuer())
    expect((await ask(issuer(), client, { scope: 'a '.repeat(100) })).status).toBe(200)
    expect(refusal(await ask(issuer(), client, { scope: 'a '.repeat(101) }))).toBe('400 invalid_scope')
  })

  test('names at most ten resources', async () => {
    const ids = await Promise.all(Array.from({ length: 11 }, () => resource(issuer())))
    const client = await registered(issuer(), { resources: ids })
    const askFor = (count: number): Promise<Answer> => {
      const form = ids.slice(0, count).map((id): [string, string] => ['resource', id])
      return post(issuer(), '/token', [['grant_type', 'client_credentials'], ...form], client)
    }
    expect((await askFor(10)).status).toBe(200)
    expect(refusal(await askFor(11))).toBe('400 invalid_target')
  })

  test('changes nothing at the admin API by a body that a web page could send unasked', async () => {
    const client_id = fresh('client')
    const send = async (type: string) => {
      const headers = { ...bearer(await issuer().operator.token()), 'content-type': type }
      const body = JSON.stringify({ client_id })
      return (await fetch(`${issuer().url}/admin/api/clients`, { method: 'POST', headers, body })).status
    }
    expect(await send('text/plain')).toBe(400)
    expect(await send('application/x-www-form-urlencoded')).toBe(400)
    expect(await send('application/json')).toBe(201)
  })
})

describe('a signing key', () => {
  test('that was revoked is not trusted again by lifting its entry', async () => {
    const at = await startWithApi()
    const keys = (await at.operator.call('GET', '/admin/api/keys')).body as unknown as { kid: string }[]
    const kid = keys[0]?.kid ?? ''
    await at.operator.call('POST', `/admin/api/keys/${kid}/revoke`)
    const { body } = await at.operator.call('GET', '/blacklist')
    const entry = body.entries.find(({ value }: { value: string }) => value === kid)
    expect((await at.operator.call('DELETE', `/blacklist/${entry.id}`)).status).toBe(409)
  })

  test('is rotated once by two who are in a hurry at the same moment', async () => {
    const at = await startWithApi()
    const rotate = () => at.operator.call('POST', '/admin/api/keys/rotate', { alg: 'RS256', emergency: true })
    await at.operator.token()
    const lock = await holdWriteLock(at)
    const rotated = Promise.all([rotate(), rotate()])
    // Both have decided on the ring as it was.
    await untilBegun(at)
    lock.release()
    const answers = await rotated
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  })

  test('stays published after its last token for as long as honest clocks differ', async () => {
    const at = await startWithApi()
    const client = await registered(at, { resources: [await resource(at, { alg: 'RS256' })], access_token_ttl: 10 })
    const { kid } = headerOf((await tokens(at, client)).access_token ?? '')
    await rotateInHaste(at)
    // Twice the life of a token is reserved at most.
    at.clock.advance(50)
    await rotateInHaste(at)
    expect(await publishedBy(at)).toContain(kid)
    at.clock.advance(40)
    await rotateInHaste(at)
    expect(await publishedBy(at)).not.toContain(kid)
  })

  sqliteTest('signs nothing that would outlive what is on disk about it', async () => {
    const at = await startWithApi()
    const client = await registered(at)
    await tokens(at, client)
    const other = new SqliteDatabase(join(at.folder, 'data/signet.db'))
    other.exec('BEGIN IMMEDIATE')
    onTestFinished(() => void other.close())
    expect((await ask(at, client)).status).toBe(200)
    at.clock.advance(3600)
    expect((await ask(at, client)).status).toBe(503)
    other.exec('ROLLBACK')
    expect((await ask(at, client)).status).toBe(200)
  })

  test('goes on signing until it is due, whatever else the timetable finds to do', async () => {
    const at = await startWithApi()
    const active = async (): Promise<string[]> => {
      const keys = (await at.operator.call('GET', '/admin/api/keys')).body as unknown as Record<string, string>[]
      return keys.filter(({ status }) => status === 'active').map(({ kid = '' }) => kid)
    }
    const unused = (await active()).find((kid) => kid.startsWith('rs256')) ?? ''
    await rotateInHaste(at)
    const standing = await active()
    // The turn of the timetable that drops the key which never signed has looked at every ring.
    await until(async () => !(await publishedBy(at)).includes(unused))
    expect(await active()).toEqual(standing)
  })
})

sqliteTest('a name that looks like a secret is not repeated in the log, though an older version took it', async () => {
  const folder = temporaryFolder()
  const name = 'sgs_not-really-a-secret'
  writeFileSync(join(folder, 'app.secret'), 'x'.repeat(40))
  const file = join(folder, 'signet.json')
  writeFileSync(file, JSON.stringify({ clients: [{ client_id: 'app', client_secret: { file: 'app.secret' } }] }))
  expect((await signet(['apply', file, '--new'], environmentOf(folder))).code).toBe(0)
  const database = new SqliteDatabase(environmentOf(folder).SIGNET_DATABASE_URL?.slice('file:'.length))
  database.prepare("UPDATE clients SET client_id = ? WHERE client_id = 'app'").run(name)
  database.close()
  const server = await serve(environmentOf(folder, { SIGNET_LOG_LEVEL: 'info' }))
  const client = { clientId: name, secret: 'x'.repeat(40) }
  expect((await post(server, '/token', { grant_type: 'client_credentials' }, client)).status).toBe(200)
  server.child.kill('SIGTERM')
  await server.exited
  expect(server.stderr()).toContain('/token')
  expect(server.stderr()).not.toContain(name)
})

describe('on the disk', () => {
  test('the master key and its folder are for their owner alone', () => {
    const keys = join(issuer().folder, 'keys')
    const modes = [keys, join(keys, 'master.key')].map((path) => statSync(path).mode & 0o777)
    expect(modes).toEqual([0o700, 0o600])
  })
})

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')
const bytesOf = (token: string): Buffer => Buffer.from(token.split('.')[2] ?? '', 'base64url')

const publishedBy = async (at: { url: string }): Promise<string[]> =>
  (await request(`${at.url}/.well-known/jwks.json`)).body.keys.map(({ kid }: { kid: string }) => kid)

async function rotateInHaste({ operator }: AdministeredIssuer): Promise<void> {
  const answer = await operator.call('POST', '/admin/api/keys/rotate', { alg: 'RS256', emergency: true })
  expect(answer.status).toBe(200)
}
