/**
 * A token is accepted by nobody after its denial was answered, for as long as it lives: not at the issuer, and not by
 * a verifier that follows the blacklist. The tests put requests into the gap between a decision and its write, with a
 * write lock that another process holds for a moment.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { EVERYBODY } from './support/acceptance.ts'
import { refresh, SUBJECT_GRANT, tokens, until, type Operator } from './support/admin.ts'
import { headerOf, post, type Answer } from './support/client.ts'
import type { TestIssuer } from './support/issuer.ts'
import {
  actElsewhere,
  API,
  createAnew,
  expectGood,
  hold,
  MONTH,
  scene,
  setTtl,
  tokenIn,
  type Held,
  type Scene,
} from './support/race.ts'
import { holdWriteLock, untilBegun } from './support/write-lock.ts'
import { sqliteTest } from './support/sqlite.ts'

// ------------------------------------------------------------------ a grant is denied while it is refreshed

const GRANT_DENIALS: [string, (scene: Scene, held: Held) => Promise<Answer>][] = [
  ['its sid is put on the blacklist', ({ issuer }, { sid }) => issuer.operator.call('POST', '/blacklist', { sid })],
  [
    'its refresh token is put on the blacklist',
    ({ issuer }, { newest }) => issuer.operator.call('POST', '/blacklist', { token: newest }),
  ],
  [
    'its spent refresh token is put on the blacklist',
    ({ issuer }, { spent }) => issuer.operator.call('POST', '/blacklist', { token: spent }),
  ],
  ['it is ended', ({ issuer }, { sid }) => issuer.operator.call('DELETE', `/admin/api/grants/${sid}`)],
  [
    'its refresh token is revoked by the client',
    ({ issuer, shop }, { newest }) => post(issuer, '/revoke', { token: newest }, shop),
  ],
]

/** Changes after which the token of the refresh lives longer than those before it. */
const LONGER_LIFE: [string, (scene: Scene) => Promise<unknown>][] = [
  ['a longer life of tokens was set', (it) => setTtl(it, 3600)],
  ['the last refresh was ten minutes ago', async ({ issuer }) => issuer.clock.advance(600)],
]

/** Both are under way at once: the refresh was there first, the denial begins before the refresh is written. */
async function race(it: Scene, first: () => Promise<Answer>, second: () => Promise<Answer>): Promise<[Answer, Answer]> {
  const lock = await holdWriteLock(it.issuer)
  const answers = [first()]
  await untilBegun(it.issuer)
  answers.push(second())
  await untilBegun(it.issuer)
  lock.release()
  return (await Promise.all(answers)) as [Answer, Answer] // as many as were put in
}

test.each(
  GRANT_DENIALS.flatMap(([name, deny]) => LONGER_LIFE.map(([why, lengthen]) => ({ name, why, deny, lengthen }))),
)('the token of a refresh under way is refused to its end when $name, though $why', async ({ deny, lengthen }) => {
  const it = await scene({ access_token_ttl: 900 })
  const held = await hold(it)
  await lengthen(it)
  const [refreshed, denied] = await race(
    it,
    () => refresh(it.issuer, it.shop, held.newest),
    () => deny(it, held),
  )
  expect(denied.status).toBeLessThan(300)
  // The issuer may give out no token at all; where it does, the token is dead.
  expect([200, 400]).toContain(refreshed.status)
  if (refreshed.status === 400) return
  expect((await refresh(it.issuer, it.shop, refreshed.body.refresh_token)).status).toBe(400)
  expect(await it.acceptors.everOf(refreshed.body.access_token)).toEqual([])
})

test('the token of a refresh under way is refused to its end when a spent refresh token is used again', async () => {
  const it = await scene({ access_token_ttl: 900, refresh_grace: 0 })
  const held = await hold(it)
  await setTtl(it, 3600)
  const [refreshed, reused] = await race(
    it,
    () => refresh(it.issuer, it.shop, held.newest),
    () => refresh(it.issuer, it.shop, held.spent),
  )
  expect(reused.status).toBe(400)
  expect([200, 400]).toContain(refreshed.status)
  if (refreshed.status === 200) expect(await it.acceptors.everOf(refreshed.body.access_token)).toEqual([])
})

sqliteTest(
  'the token of a refresh under way is refused to its end when the command line denies its grant',
  async () => {
    const it = await scene({ access_token_ttl: 900 })
    const held = await hold(it)
    await setTtl(it, 3600)
    const lock = await holdWriteLock(it.issuer)
    const { exited } = await startCommand(it.issuer, ['blacklist', 'add', '--sid', held.sid])
    const refreshing = refresh(it.issuer, it.shop, held.newest)
    await untilBegun(it.issuer)
    lock.release()
    const [{ status, body }, code] = await Promise.all([refreshing, exited])
    expect(code).toBe(0)
    // Which of the two comes first is not decided here; where it was the command, there is no token.
    expect(status === 200 ? await it.acceptors.everOf(body.access_token) : []).toEqual([])
  },
)

/** Starts a command, and waits until it has opened the database and read what it decides on. */
async function startCommand({ env, folder }: TestIssuer, args: string[]): Promise<{ exited: Promise<number> }> {
  const launcher = resolve(import.meta.dirname, '../src/signet.js')
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [launcher, ...args], { env: { PATH, HOME, ...env }, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit').then(([code]) => Number(code))
  await until(() => hasOpen(child.pid ?? 0, join(folder, 'data/signet.db')))
  await new Promise((wake) => setTimeout(wake, 400))
  return { exited }
}

/** Linux tells; elsewhere the caller's wait has to do. */
function hasOpen(pid: number, file: string): boolean {
  const folder = `/proc/${pid}/fd`
  if (!existsSync('/proc/self/fd')) return true
  if (!existsSync(folder)) return false
  return readdirSync(folder).some((each) => linkOf(join(folder, each)) === file)
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed meanwhile
  }
}

// ------------------------------------------------------------------ a client or person is refused while a token is asked for

/** Each refuses new tokens and denies those that are out, for the client or for the person `ada`. */
const REFUSALS: [string, (operator: Operator) => Promise<Answer>][] = [
  ['the client is disabled', (operator) => operator.call('POST', '/admin/api/clients/shop/disable')],
  ['the client is put on the blacklist', (operator) => operator.call('POST', '/blacklist', { client_id: 'shop' })],
  ['the person is disabled', (operator) => operator.call('POST', '/admin/api/users/ada/disable')],
  ['the person is put on the blacklist', (operator) => operator.call('POST', '/blacklist', { sub: 'ada' })],
]

const DELETION: (typeof REFUSALS)[number] = [
  'the client is deleted',
  (operator) => operator.call('DELETE', '/admin/api/clients/shop'),
]

const askForAda = ({ issuer, shop }: Scene): Promise<Answer> =>
  post(issuer, '/token', { grant_type: SUBJECT_GRANT, subject: 'ada' }, shop)

test.each(REFUSALS)(
  'a token of thirty days that is asked for while %s is refused for thirty days',
  async (_, refuse) => {
    const it = await scene({ access_token_ttl: MONTH })
    const lock = await holdWriteLock(it.issuer)
    const refusing = refuse(it.issuer.operator)
    await untilBegun(it.issuer)
    const asked = askForAda(it)
    await untilBegun(it.issuer)
    lock.release()
    await expectGood(refusing)
    const token = tokenIn(await asked)
    if (token !== undefined) expect(await it.acceptors.everOf(token)).toEqual([])
    expect(tokenIn(await askForAda(it))).toBeUndefined()
  },
)

test.each(REFUSALS)(
  'a token of thirty days by its resource that is asked for while %s is refused for thirty days',
  async (_, refuse) => {
    const it = await scene()
    await it.issuer.operator.call('PATCH', `/admin/api/resources/${encodeURIComponent(API)}`, { ttl: MONTH })
    const lock = await holdWriteLock(it.issuer)
    const asked = askForAda(it)
    await untilBegun(it.issuer)
    const refusing = refuse(it.issuer.operator)
    await untilBegun(it.issuer)
    lock.release()
    await expectGood(refusing)
    const token = tokenIn(await asked)
    if (token !== undefined) expect(await it.acceptors.everOf(token)).toEqual([])
  },
)

// On PostgreSQL the lock goes to the request, which was there first, so the act never comes before it.
sqliteTest.each([...REFUSALS, DELETION])(
  'a token that waits for the reservation of its key while %s by another process is not given out',
  async (_, refuse) => {
    const it = await scene()
    const asked = await actElsewhere(it, {
      // Longer than any token before, so that the mark of the key has to be raised.
      prepare: (round) => setTtl(it, MONTH + round * 86_400),
      ask: () => askForAda(it),
      act: refuse,
      undo: (operator) => undoRefusals(it, operator),
    })
    const token = tokenIn(asked)
    if (token !== undefined) expect(await it.acceptors.everOf(token)).toEqual([])
    expect(asked.status).toBeGreaterThanOrEqual(400)
  },
)

/** Undoes whichever of the refusals was made, so that the client asks again. */
async function undoRefusals(it: Scene, operator: Operator): Promise<void> {
  for (const { id } of (await operator.call('GET', '/blacklist')).body.entries)
    await operator.call('DELETE', `/blacklist/${id}`)
  await operator.call('POST', '/admin/api/users/ada/enable')
  if ((await operator.call('POST', '/admin/api/clients/shop/enable')).status === 404)
    Object.assign(it.shop, await createAnew(it))
}

// ------------------------------------------------------------------ one reader of changes fails

sqliteTest('tokens of a revoked key are refused although the keys can be read by nobody at that moment', async () => {
  const it = await scene()
  const token = (await tokens(it.issuer, it.shop)).access_token ?? ''
  expect(await it.acceptors.of(token)).toEqual(EVERYBODY)
  damageKeyOf(it.issuer, 'RS256')
  const { kid } = headerOf(token)
  await it.issuer.operator.call('POST', `/admin/api/keys/${kid}/revoke`)
  expect(await it.acceptors.everOf(token)).toEqual([])
})

/** Makes one row that nobody can read, in the ring of another algorithm. */
function damageKeyOf({ folder }: TestIssuer, alg: string): void {
  const database = new SqliteDatabase(join(folder, 'data/signet.db'), { timeout: 2000 })
  database.prepare("UPDATE signing_keys SET public_jwk = 'damaged' WHERE alg = ? AND status = 'next'").run(alg)
  database.close()
}
