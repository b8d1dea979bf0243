/**
 * A keys folder that several names or databases of PostgreSQL share: which key stays in the file, and which start is refused.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Place } from './cli/run-signet.ts'
import { startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'

interface MasterKey {
  id: string
  status: string
}

/** Rotates the master key and retires the former one, both under this URL. @returns how many keys the file has then */
async function changeKey(place: Place): Promise<number> {
  const keys = await place.json<MasterKey[]>('master-key', 'list')
  const former = keys.find(({ status }) => status === 'current')?.id ?? ''
  await place.json('master-key', 'rotate')
  await place.json('master-key', 'retire', former)
  return readFileSync(join(place.keysDir, 'master.key'), 'utf8').trim().split('\n').length
}

describe.runIf(hasPostgres)('a keys folder', () => {
  test('knows one database under several names, so a retired key leaves the file', async () => {
    const url = await newDatabase()
    const place = new Place(onTestFinished, { SIGNET_DATABASE_URL: url })
    await place.migrate()
    const renamed = { SIGNET_DATABASE_URL: url.replace('127.0.0.1', 'localhost') }
    expect((await place.run(['client', 'list'], renamed)).code).toBe(0)
    expect(await changeKey(place)).toBe(1)
  })

  test('keeps a retired key for another database on the same server', async () => {
    const place = new Place(onTestFinished, { SIGNET_DATABASE_URL: await newDatabase() })
    await place.migrate()
    await place.migrate({ SIGNET_DATABASE_URL: await newDatabase() })
    expect(await changeKey(place)).toBe(2)
  })

  test('of its own leaves nothing of a first start that comes second', async () => {
    for (let round = 0; round < 3; round++) {
      const url = await newDatabase()
      const folders = [temporaryFolder(onTestFinished), temporaryFolder(onTestFinished)]
      const starts = folders.map((folder) => startTestIssuer({ SIGNET_DATABASE_URL: url }, { folder }))
      const outcomes = await Promise.allSettled(starts)
      const refused = folders.filter((_, at) => outcomes[at]?.status === 'rejected')
      expect(refused).toHaveLength(1)
      expect(refused.flatMap((folder) => readdirSync(folder))).toEqual([])
    }
  })
})
