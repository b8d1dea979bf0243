/** A start that fails ends what it has begun, so nothing waits for a server that never served. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig, startIssuer } from '../src/index.ts'
import { declareOperator } from './support/admin.ts'
import { environmentOf, movableClock, rememberingLog, startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { storeOf } from './support/people.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'

/** Starts on a folder that was served before, with a file that cannot be applied. */
async function failToStart(folder: string, env: Record<string, string> = {}): Promise<void> {
  const { file } = declareOperator(folder)
  appendFileSync(file, '  - client_id: lost\n    resources: [https://nobody.example]\n')
  const config = readConfig(environmentOf(folder, { SIGNET_CONFIG: file, ...env }))
  const starting = startIssuer(config, { log: rememberingLog().log, clock: movableClock() })
  await expect(starting).rejects.toThrow(/nobody\.example/)
}

test('it is no holder of master keys, for which a change of them would wait', async () => {
  const issuer = await startTestIssuer()
  await issuer.stop()
  const store = await storeOf(issuer)
  expect(await store.listKeyHolders()).toEqual([])
  await failToStart(issuer.folder)
  expect(await store.listKeyHolders()).toEqual([])
})

test('it has served under no name: the next start goes on under the former one, or under the first', async () => {
  const nameOf = (name: string) => ({ SIGNET_ISSUER: `https://${name}.example` })
  const former = await startTestIssuer(nameOf('former'))
  await former.stop()
  await failToStart(former.folder, nameOf('mistaken'))
  const store = await storeOf(former)
  const noted = async () => [await store.findSetting('issuer'), await store.findSetting('rp_id')]
  expect(await noted()).toEqual(['https://former.example', 'former.example'])
  await store.returnNames({})
  await failToStart(former.folder, nameOf('mistaken'))
  expect(await noted()).toEqual([undefined, undefined])
})

test.runIf(hasPostgres)('it is no replica, whose issuer others would have to serve', async () => {
  const folder = temporaryFolder()
  const SIGNET_DATABASE_URL = await newDatabase()
  const SIGNET_KEYS_DIR = join(folder, 'keys')
  const nameOf = (name: string) => ({ SIGNET_DATABASE_URL, SIGNET_KEYS_DIR, SIGNET_ISSUER: `https://${name}.example` })
  await (await startTestIssuer(nameOf('former'), { folder })).stop()
  await failToStart(folder, nameOf('mistaken'))
  const issuer = await startTestIssuer(nameOf('right'), { folder })
  expect(issuer.issuer).toBe('https://right.example')
})
