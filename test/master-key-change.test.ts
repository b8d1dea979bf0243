/**
 * The master key changes, and nobody notices: secrets and refresh tokens from before go on working, at a running server
 * and after a restart. A former key is retired when nothing needs it, or by ending what needs it and nothing else. A key
 * that leaked is worth nothing for a family that has moved.
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { introspect, isActive, refresh, tokens, until, type AdministeredIssuer } from './support/admin.ts'
import { claimsOf, post, request, type Credentials } from './support/client.ts'
import {
  forgedGeneration,
  listMasterKeys,
  masterKeysIn,
  retireMasterKey,
  rotateMasterKey,
  useMasterKey,
} from './support/master-keys.ts'
import { auditOf, refusal, registered, startWithApi } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

const GRACE = { SIGNET_REFRESH_GRACE: '1h' }

async function family(issuer: AdministeredIssuer): Promise<{ client: Credentials; first: string; access: string }> {
  const client = await registered(issuer)
  const made = await tokens(issuer, client, { scope: 'a offline_access' })
  return { client, first: made.refresh_token ?? '', access: made.access_token ?? '' }
}

async function next(issuer: AdministeredIssuer, client: Credentials, token: string): Promise<string> {
  const answer = await refresh(issuer, client, token)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body.refresh_token
}

/** What needs a key, in numbers. */
async function needsOf(issuer: AdministeredIssuer, id: string) {
  const listed = (await listMasterKeys(issuer)).find((key) => key.id === id)
  if (!listed) return undefined
  const { status, dependents } = listed
  return { status, keys: dependents.signingKeys, secrets: dependents.secrets.length, grants: dependents.grants }
}

const currentOf = async (issuer: AdministeredIssuer): Promise<string> =>
  (await listMasterKeys(issuer)).find(({ status }) => status === 'current')?.id ?? ''

/** Uses a secret, and waits until the note of its use is written. */
async function untilMoved(issuer: AdministeredIssuer, id: string, secrets: number): Promise<void> {
  await until(async () => (await needsOf(issuer, id))?.secrets === secrets, 12_000)
}

describe('a change at a running server', () => {
  test('keeps secrets and refresh tokens of before, and they survive a restart', async () => {
    const issuer = await startWithApi()
    const { client, first, access } = await family(issuer)
    const former = await currentOf(issuer)
    const current = await rotateMasterKey(issuer)
    expect(current).not.toBe(former)
    expect(masterKeysIn(issuer)).toHaveLength(2)

    const second = await next(issuer, client, first)
    expect(second).toContain(`sgr_${current}`)
    expect(await isActive(issuer, client, access)).toBe(true)
    const later = await family(issuer)
    const restarted = { ...(await issuer.restart()), operator: issuer.operator }
    const third = await next(restarted, client, second)
    expect(await isActive(restarted, client, third)).toBe(true)
    await next(restarted, later.client, later.first)
    expect((await post(restarted, '/token', { grant_type: 'client_credentials' }, client)).status).toBe(200)
    expect(await auditOf(issuer, current)).toEqual(['master_key.used', 'master_key.added'])
  })

  test('leaves no signing key under the former key, and keys that rotate later are sealed under the new one', async () => {
    const issuer = await startWithApi()
    const former = await currentOf(issuer)
    const jwks = async () => (await request(`${issuer.url}/.well-known/jwks.json`)).body
    const before = await jwks()
    const current = await rotateMasterKey(issuer)
    expect(await needsOf(issuer, former)).toMatchObject({ status: 'previous', keys: 0 })
    expect(await needsOf(issuer, current)).toMatchObject({ status: 'current', keys: 4 })
    expect(await jwks()).toEqual(before)
    expect((await issuer.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256' })).status).toBe(200)
    expect(await needsOf(issuer, former)).toMatchObject({ keys: 0 })
    const client = await registered(issuer)
    expect(await tokens(issuer, client)).toHaveProperty('access_token')
  })

  test('a lost answer is repeated across the change with the same successor, before and after the family moves', async () => {
    const issuer = await startWithApi(GRACE)
    const { client, first } = await family(issuer)
    const second = await next(issuer, client, first)
    await rotateMasterKey(issuer)
    expect(await next(issuer, client, first)).toBe(second)
    const third = await next(issuer, client, second)
    expect(await next(issuer, client, second)).toBe(third)
    // The successor was used, so the first one is spent: the family ends, although another key made it.
    expect(refusal(await refresh(issuer, client, first))).toBe('400 invalid_grant')
    expect(refusal(await refresh(issuer, client, third))).toBe('400 invalid_grant')
  })

  test('back to the former key: everything goes on, twice over', async () => {
    const issuer = await startWithApi()
    const { client, first } = await family(issuer)
    const former = await currentOf(issuer)
    const other = await rotateMasterKey(issuer)
    const second = await next(issuer, client, first)
    await useMasterKey(issuer, former)
    const third = await next(issuer, client, second)
    const fourth = await next(issuer, client, third)
    expect(await needsOf(issuer, other)).toMatchObject({ status: 'previous', grants: 0, keys: 0 })
    await useMasterKey(issuer, other)
    await next(issuer, client, fourth)
  })
})

describe('what needs a former key', () => {
  test('becomes less with each use, until the key can be retired', async () => {
    const issuer = await startWithApi()
    const { client, first } = await family(issuer)
    const idle = await registered(issuer)
    const former = await currentOf(issuer)
    const current = await rotateMasterKey(issuer)
    expect(await needsOf(issuer, former)).toEqual({ status: 'previous', keys: 0, secrets: 2, grants: 1 })
    await expect(retireMasterKey(issuer, former)).rejects.toThrow(
      new RegExp(`is needed by 2 client secrets \\(.*${client.clientId}.*\\) and 1 grant`),
    )
    await next(issuer, client, first)
    await untilMoved(issuer, former, 1)
    expect(await needsOf(issuer, former)).toMatchObject({ grants: 0 })
    await expect(retireMasterKey(issuer, former)).rejects.toThrow(`by 1 client secret (${idle.clientId})`)
    await tokens(issuer, idle)
    await untilMoved(issuer, former, 0)

    expect(await retireMasterKey(issuer, former)).toEqual({ clients: [], grants: 0 })
    expect(masterKeysIn(issuer)).toHaveLength(1)
    expect(await needsOf(issuer, former)).toBeUndefined()
    for (const each of [client, idle]) expect(await tokens(issuer, each)).toHaveProperty('access_token')
    const restarted = await issuer.restart()
    for (const each of [client, idle]) expect(await tokens(restarted, each)).toHaveProperty('access_token')
    await expect(useMasterKey(issuer, former)).rejects.toThrow('was retired')
    await expect(retireMasterKey(issuer, current)).rejects.toThrow('is current')
  })

  test('ends by force, and nothing else does', async () => {
    const issuer = await startWithApi()
    const old = await family(issuer)
    const plain = await tokens(issuer, old.client)
    const former = await currentOf(issuer)
    await rotateMasterKey(issuer)
    const made = await family(issuer)

    const { clients, grants } = await retireMasterKey(issuer, former, { force: true })
    expect({ clients, grants }).toEqual({ clients: [old.client.clientId], grants: 1 })
    expect(refusal(await refresh(issuer, old.client, old.first))).toBe('401 invalid_client')
    expect(await isActive(issuer, made.client, made.access)).toBe(true)
    await next(issuer, made.client, made.first)

    const renewed = await issuer.operator.call('POST', `/admin/api/clients/${old.client.clientId}/rotate-secret`)
    const client = { clientId: old.client.clientId, secret: String(renewed.body.client_secret) }
    // Its own access token is denied with the grant; one without a grant lives on.
    expect(await isActive(issuer, client, old.access)).toBe(false)
    expect(await isActive(issuer, client, String(plain.access_token))).toBe(true)
    expect(refusal(await refresh(issuer, client, old.first))).toBe('400 invalid_grant')
    expect(await auditOf(issuer, String(claimsOf(old.access).sid))).toEqual(['grant.ended', 'grant.created'])
    expect(await auditOf(issuer, client.clientId)).toContain('client.secret_ended')
    expect(await auditOf(issuer, former)).toEqual(['master_key.retired'])
  })
})

describe('a master key that leaked', () => {
  test('makes no token of a family that has moved, and harms none', async () => {
    const issuer = await startWithApi(GRACE)
    const { client, first } = await family(issuer)
    const [leaked = ''] = masterKeysIn(issuer)
    // Before the change it does: the thief has the key, a used token and the credentials of the client.
    const second = await next(issuer, client, first)
    expect(forgedGeneration(leaked, first, 1)).toBe(second)

    await rotateMasterKey(issuer)
    const third = await next(issuer, client, second)
    const fourth = await next(issuer, client, third)
    // The present one, the one before it, which could be repeated, and the one to come.
    for (const generation of [3, 2, 4]) {
      const forged = forgedGeneration(leaked, first, generation)
      expect(refusal(await refresh(issuer, client, forged))).toBe('400 invalid_grant')
      expect((await introspect(issuer, client, forged)).body).toEqual({ active: false })
    }
    await next(issuer, client, fourth)
  })

  test('makes no token at all after it was retired', async () => {
    const issuer = await startWithApi(GRACE)
    const { client, first } = await family(issuer)
    const [leaked = ''] = masterKeysIn(issuer)
    const former = await currentOf(issuer)
    await rotateMasterKey(issuer)
    const second = await next(issuer, client, first)
    await untilMoved(issuer, former, 0)
    await retireMasterKey(issuer, former)
    for (const generation of [0, 1, 2])
      expect(refusal(await refresh(issuer, client, forgedGeneration(leaked, first, generation)))).toBe(
        '400 invalid_grant',
      )
    await next(issuer, client, second)
  })
})

describe('a server that lacks the current key', () => {
  /** A command on another machine: the same database, and a key file of its own. */
  function elsewhere(issuer: AdministeredIssuer): { at: AdministeredIssuer; keysDir: string } {
    const keysDir = join(issuer.folder, 'elsewhere')
    cpSync(join(issuer.folder, 'keys'), keysDir, { recursive: true })
    return { keysDir, at: { ...issuer, env: { ...issuer.env, SIGNET_KEYS_DIR: keysDir } } }
  }

  const status = async (issuer: AdministeredIssuer) => (await request(`${issuer.url}/readyz`)).body

  test('keeps a key from being used that it does not find', async () => {
    const issuer = await startWithApi()
    const before = await currentOf(issuer)
    await expect(rotateMasterKey(elsewhere(issuer).at)).rejects.toThrow(
      new RegExp(`is not current: these servers .*/${process.pid}:${issuer.port} `),
    )
    expect(await currentOf(issuer)).toBe(before)
    expect(await status(issuer)).toEqual({ status: 'ready' })
  })

  sqliteTest('says so, does what needs no new secret, and takes the key over as soon as it is there', async () => {
    const issuer = await startWithApi({}, {})
    const { client, first } = await family(issuer)
    const { at, keysDir } = elsewhere(issuer)
    // As if the server had been cut off from the database for so long that its note does not count any more.
    const database = new SqliteDatabase(join(issuer.folder, 'data/signet.db'))
    database.exec('CREATE TRIGGER no_notes AFTER UPDATE ON key_holders BEGIN DELETE FROM key_holders; END')
    database.exec('DELETE FROM key_holders')
    const current = await rotateMasterKey(at)
    database.exec('DROP TRIGGER no_notes')
    database.close()

    await until(async () => (await status(issuer)).status === 'master_key_missing')
    expect((await request(`${issuer.url}/readyz`)).status).toBe(503)
    expect(await status(issuer)).toEqual({ status: 'master_key_missing', master_key: current })
    expect(issuer.logged.join()).toContain(`${current} is current, and this process does not have it`)
    expect(await tokens(issuer, client)).toHaveProperty('access_token')
    const second = await next(issuer, client, first)
    expect(second).not.toContain(current)
    const form = { grant_type: 'client_credentials', scope: 'a offline_access' }
    expect((await post(issuer, '/token', form, client)).status).toBe(503)
    expect((await issuer.operator.call('POST', '/admin/api/clients', {})).status).toBe(503)

    cpSync(join(keysDir, 'master.key'), join(issuer.folder, 'keys/master.key'))
    await until(async () => (await status(issuer)).status === 'ready')
    expect((await post(issuer, '/token', form, client)).status).toBe(200)
    expect(await next(issuer, client, second)).toContain(current)
  })
})
