/**
 * A backup from a running server, and what restoring it brings back.
 *
 * Not again on PostgreSQL: it is about the file of SQLite.
 */
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import { test, type TestContext } from 'vitest'
import { post } from '../../harness/call.ts'
import { until } from '../support/admin.ts'
import { Place, SOON, requestToken } from './run-signet.ts'

async function servedWithBackup({ expect, onTestFinished }: TestContext) {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  await place.json('resource', 'create', 'api')
  const client = await place.createClient('--id c --grant client_credentials --grant refresh_token --resource api')
  const request = () => requestToken(server.url, client, { scope: 'offline_access' })
  await expect.poll(request, SOON).toHaveProperty('access_token')
  const file = place.file('backup.db')
  const result = await place.json('backup', file)
  expect(result).toMatchObject({ file })
  return { place, server, file, client }
}

test.concurrent('a backup is taken while the server runs, never over a file, and restored into an empty place only', async (context) => {
  const { expect } = context
  const { place, server, file, client } = await servedWithBackup(context)
  expect((await place.run(['backup', file])).code).toBe(1)
  const keys = await place.json('key', 'list')
  await server.stop()
  const occupied = await place.run(['restore', file, '--json'])
  expect(occupied).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('exists already') as string })

  rmSync(place.file('data'), { recursive: true })
  const refused = await place.run(['client', 'list'])
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is missing') as string })
  const restored = await place.json('restore', file)
  expect(restored).toMatchObject({ database: place.database, grants_kept: false })
  expect(Number(restored.grants_ended)).toBeGreaterThan(0)
  expect(await place.json('key', 'list')).toEqual(keys)
  expect(await place.json<{ status: string }[]>('grant', 'list')).toEqual(
    expect.arrayContaining([expect.objectContaining({ status: 'ended' })]),
  )
  const again = await place.serve()
  expect(await requestToken(again.url, client)).toHaveProperty('access_token')
})

test.concurrent('a restore needs the master key of the backup first, and keeps grants only when told to', async (context) => {
  const { expect } = context
  const { place, file } = await servedWithBackup(context)
  const fresh = new URL(`file:${place.file('fresh/signet.db')}`).pathname
  const at = { SIGNET_DATABASE_URL: `file:${fresh}`, SIGNET_KEYS_DIR: place.file('fresh-keys') }
  const without = await place.run(['restore', file], at)
  expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('master.key is missing') as string })
  const other = await place.run(['restore', file], {
    ...at,
    SIGNET_MASTER_KEY: Buffer.alloc(32, 7).toString('base64url'),
  })
  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('was sealed under') as string })
  expect(existsSync(fresh)).toBe(false)

  cpSync(place.keysDir, place.file('fresh-keys'), { recursive: true })
  writeFileSync(place.file('junk.db'), 'no database')
  expect((await place.run(['restore', place.file('junk.db')], at)).code).toBe(1)
  expect((await place.run(['restore', place.file('none.db')], at)).code).toBe(1)
  const kept = await place.run(['restore', file, '--keep-grants', '--json'], at)
  expect(JSON.parse(kept.stdout)).toMatchObject({ grants_ended: 0, grants_kept: true })
  const grants = await place.run(['grant', 'list', '--json'], at)
  expect(JSON.parse(grants.stdout)).toEqual(expect.arrayContaining([expect.objectContaining({ status: 'active' })]))
})

test.concurrent('a backup that is taken during refreshes is whole, and ends all grants unless they are kept', async (context) => {
  const { expect, onTestFinished } = context
  const { place, server, client } = await servedWithBackup(context)
  const credentials = { clientId: client.client_id, secret: client.client_secret }
  const ask = (url: string, path: string, form: Record<string, string>) => post({ url }, path, form, credentials)
  const still = await requestToken(server.url, client, { scope: 'offline_access' })
  const [single = '', revoked = ''] = await Promise.all(
    [1, 2].map(async () => (await requestToken(server.url, client)).access_token),
  )
  await ask(server.url, '/revoke', { token: revoked })

  let refresh_token = (await requestToken(server.url, client, { scope: 'offline_access' })).refresh_token ?? ''
  const load = { refreshes: 0, isOver: false }
  const refreshing = (async () => {
    for (; !load.isOver; load.refreshes++) {
      const { status, body } = await ask(server.url, '/refresh', { refresh_token })
      expect(status).toBe(200)
      refresh_token = body.refresh_token
    }
  })()
  await until(() => load.refreshes > 0)
  const file = place.file('during-refreshes.db')
  await place.json('backup', file)
  load.isOver = true
  await refreshing
  const keys = await place.json('key', 'list')
  await server.stop()

  for (const kept of [false, true]) {
    const elsewhere = new Place(onTestFinished, { SIGNET_ISSUER: server.url })
    cpSync(place.keysDir, elsewhere.keysDir, { recursive: true })
    await elsewhere.json('restore', file, ...(kept ? ['--keep-grants'] : []))
    expect(await elsewhere.json('key', 'list')).toEqual(keys)
    const { url, stop } = await elsewhere.serve()
    const isActive = async (token = '') => (await ask(url, '/introspect', { token })).body.active
    expect([await isActive(single), await isActive(revoked)]).toEqual([true, false])
    expect(await isActive(still.access_token)).toBe(kept)
    const again = await ask(url, '/refresh', { refresh_token: still.refresh_token ?? '' })
    expect(again.status).toBe(kept ? 200 : 400)
    await stop()
    const database = new SqliteDatabase(elsewhere.database)
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    database.close()
  }
})
