/**
 * Files of the database that are removed or replaced beneath a running server. Nothing that was
 * acknowledged is lost without a word.
 *
 * Not again on PostgreSQL: it is about files of SQLite.
 */
import { cpSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect } from 'vitest'
import { databaseIn } from '../harness/folder.ts'
import {
  createBackend,
  createResource,
  grantTokens,
  introspect,
  isActive,
  refresh,
  startAdministered,
  until,
} from './support/admin.ts'
import { request } from './support/client.ts'
import { temporaryFolder } from './support/issuer.ts'
import { serve, signet } from './support/process.ts'
import { sqliteTest } from './support/sqlite.ts'

const journalsOf = (file: string): string[] => [`${file}-wal`, `${file}-shm`]

describe('beneath a running server', () => {
  /** A server with a client and a grant, of which nothing stands in the database file yet. */
  async function served() {
    const issuer = await startAdministered()
    await createResource(issuer.operator, 'orders')
    const client = await createBackend(issuer.operator, { resources: ['orders'] })
    const granted = await grantTokens(issuer, client)
    const file = databaseIn(issuer.folder)
    const readiness = () => request(`${issuer.url}/readyz`)
    const untilNoticed = () =>
      until(async () => {
        const { status, body } = await readiness()
        return status === 503 && body.saved !== false
      })
    return { issuer, client, granted, file, readiness, untilNoticed }
  }
  type Served = Awaited<ReturnType<typeof served>>

  async function expectStandstill({ issuer, client, granted, readiness, untilNoticed }: Served): Promise<void> {
    await untilNoticed()
    expect((await readiness()).body).toEqual({
      status: 'unavailable',
      reason: expect.stringMatching(/beneath this server: restart it/),
    })
    expect((await refresh(issuer, client, granted.refresh_token ?? '')).status).toBe(503)
    issuer.clock.advance(11)
    expect((await introspect(issuer, client, granted.access_token ?? '')).status).toBe(503)
    await until(() => issuer.logged.some((line) => /"level":"error".*beneath this process: restart it/.test(line)))
    const doctor = await signet(['doctor'], issuer.env)
    expect(doctor.stdout).toMatch(/FAIL .*\n?.*beneath/)
    expect(doctor.stdout).toMatch(/restart/)
  }

  sqliteTest(
    'a removed journal: a denial by a command is refused, and a restart has all that was answered',
    async () => {
      const world = await served()
      for (const path of journalsOf(world.file)) rmSync(path)
      await expectStandstill(world)
      const { issuer, client, granted } = world
      const denied = await signet(['blacklist', 'add', '--token', granted.access_token ?? ''], issuer.env)
      expect(denied).toMatchObject({ code: 1, stderr: expect.stringMatching(/-wal was removed beneath.*\n.*restart/) })
      const again = await issuer.restart()
      expect((await refresh(again, client, granted.refresh_token ?? '')).status).toBe(200)
    },
  )

  sqliteTest('the index of the journal alone: nothing is written beside the server', async () => {
    const world = await served()
    rmSync(`${world.file}-shm`)
    await expectStandstill(world)
    const { issuer, client, granted } = world
    const denied = await signet(['blacklist', 'add', '--token', granted.access_token ?? ''], issuer.env)
    expect(denied.code).toBe(1)
    const again = await issuer.restart()
    expect((await refresh(again, client, granted.refresh_token ?? '')).status).toBe(200)
  })

  sqliteTest('a copy in the place of the folder: a restart has what commands wrote to the copy', async () => {
    const world = await served()
    const folder = dirname(world.file)
    renameSync(folder, `${folder}.away`)
    cpSync(`${folder}.away`, folder, { recursive: true })
    await expectStandstill(world)
    const { issuer, client, granted } = world
    const token = granted.access_token ?? ''
    expect((await signet(['blacklist', 'add', '--token', token], issuer.env)).code).toBe(0)
    const again = await issuer.restart()
    expect(await isActive(again, client, token)).toBe(false)
  })

  sqliteTest('a folder that is moved away and back was never lost', async () => {
    const { issuer, client, granted, file, readiness } = await served()
    const folder = dirname(file)
    renameSync(folder, `${folder}.away`)
    await until(async () => (await readiness()).status === 503)
    renameSync(`${folder}.away`, folder)
    expect((await readiness()).status).toBe(200)
    expect((await refresh(issuer, client, granted.refresh_token ?? '')).status).toBe(200)
  })

  sqliteTest('commands that come, write and go are no reason to stop', async () => {
    const { issuer, client, readiness } = await served()
    for (const value of ['a', 'b', 'c'])
      expect((await signet(['blacklist', 'add', '--sub', value], issuer.env)).code).toBe(0)
    expect((await readiness()).status).toBe(200)
    await grantTokens(issuer, client)
  })

  sqliteTest('a server that is killed after its journal was removed has lost nothing', async () => {
    const folder = temporaryFolder()
    const server = await serve(variables(folder))
    await signet(['blacklist', 'add', '--sub', 'somebody'], variables(folder))
    for (const path of journalsOf(databaseIn(folder))) rmSync(path)
    await until(async () => (await request(`${server.url}/readyz`)).status === 503)
    await server.stop('SIGKILL')
    await serve(variables(folder))
    expect((await signet(['blacklist', 'list', '--json'], variables(folder))).json()).toHaveLength(1)
  })

  sqliteTest('a journal that another program has made since is left in its place at the stop', async () => {
    const folder = temporaryFolder()
    const file = databaseIn(folder)
    const server = await serve(variables(folder))
    const other = new SqliteDatabase(file)
    other.pragma('wal_checkpoint(PASSIVE)')
    other.close()
    for (const path of journalsOf(file)) rmSync(path)
    const writer = new SqliteDatabase(file)
    writer.exec('CREATE TABLE written_since (id)')
    writer.close()
    await until(async () => (await request(`${server.url}/readyz`)).status === 503)
    expect(await server.stop()).toBe(0)
    const left = new SqliteDatabase(file)
    expect(left.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'written_since'").pluck().get()).toBe(1)
    left.close()
  })
})

const variables = (folder: string) => ({
  SIGNET_PORT: '0',
  SIGNET_DATABASE_URL: `file:${databaseIn(folder)}`,
  SIGNET_KEYS_DIR: join(folder, 'keys'),
})
