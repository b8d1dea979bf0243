/**
 * The rows that a client leaves behind are bounded: denials of its own tokens, live grants, entries of a holder of
 * `signet:blacklist`, rows of the audit trail. Beyond the bound the client's own things give way, and nobody else's.
 */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { acceptorsOf, EVERYBODY, type Acceptors } from './support/acceptance.ts'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  refresh,
  startAdministered,
  startReplica,
  tokens,
  until,
  type AdministeredIssuer,
} from './support/admin.ts'
import { bearer, claimsOf, post, request, type Answer, type Credentials } from './support/client.ts'
import { fewAtOnce } from './support/few-at-once.ts'
import { sqliteTest } from './support/sqlite.ts'

const API = 'https://orders.example/v1'

interface Scene {
  issuer: AdministeredIssuer
  shop: Credentials
  /** Another client of the same API. */
  other: Credentials
  acceptors: Acceptors
}

async function scene(env: Record<string, string>): Promise<Scene> {
  const issuer = await startAdministered({ SIGNET_REFRESH_GRACE: '0s', ...env })
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  const other = await createBackend(issuer.operator, { client_id: 'other', resources: [API] })
  const api = await createClient(issuer.operator, { client_id: 'orders-api', resources: [API] })
  return { issuer, shop, other, acceptors: acceptorsOf(issuer, api) }
}

const mint = async ({ issuer }: Scene, client: Credentials): Promise<string> =>
  (await tokens(issuer, client)).access_token ?? ''

const revoke = async ({ issuer }: Scene, client: Credentials, token: string): Promise<void> =>
  expect((await post(issuer, '/revoke', { token }, client)).status).toBe(200)

/** Standing entries, oldest first. */
async function entriesOf({ issuer }: Scene): Promise<Record<string, unknown>[]> {
  const answer = await issuer.operator.call('GET', '/blacklist?limit=1000')
  return answer.body.entries
}

const feedOf = async ({ issuer }: Scene): Promise<{ kind: string }[]> =>
  (await request(`${issuer.url}/blacklist/feed`)).body.entries

async function revokeMany(it: Scene, client: Credentials, count: number): Promise<string[]> {
  const revoked = await fewAtOnce(count, () => mint(it, client))
  for (const token of revoked) await revoke(it, client, token)
  return revoked
}

// ------------------------------------------------------------------ denials of its own tokens

const FIVE_DENIALS = { SIGNET_LIMIT_DENIALS: '5' }

test('up to the bound each token that a client revokes has an entry, and its other tokens stay good', async () => {
  const it = await scene(FIVE_DENIALS)
  const kept = await mint(it, it.shop)
  await revokeMany(it, it.shop, 5)
  expect(await entriesOf(it)).toHaveLength(5)
  expect(await it.acceptors.of(kept)).toEqual(EVERYBODY)
})

test('the next one replaces them all by one entry, and every token that was revoked stays refused', async () => {
  const it = await scene(FIVE_DENIALS)
  const before = await mint(it, it.shop)
  const revoked = await revokeMany(it, it.shop, 6)
  expect(await entriesOf(it)).toMatchObject([{ kind: 'client_id', value: 'shop' }])
  expect((await feedOf(it)).map(({ kind }) => kind)).toEqual(['client_id'])
  for (const token of revoked) expect(await it.acceptors.of(token)).toEqual([])
  // Everything of this client up to now.
  expect(await it.acceptors.of(before)).toEqual([])
  it.issuer.clock.advance(600)
  for (const token of revoked) expect(await it.acceptors.of(token)).toEqual([])
  expect(await it.acceptors.everOf(revoked.at(-1) ?? '')).toEqual([])
})

test('tokens that the client gets right afterwards are good, and it can revoke them', async () => {
  const it = await scene(FIVE_DENIALS)
  await revokeMany(it, it.shop, 6)
  const [next, granted] = [await mint(it, it.shop), await grantTokens(it.issuer, it.shop, 'ada')]
  expect(await it.acceptors.of(next)).toEqual(EVERYBODY)
  expect(await it.acceptors.of(granted.access_token ?? '')).toEqual(EVERYBODY)
  expect((await refresh(it.issuer, it.shop, granted.refresh_token ?? '')).status).toBe(200)
  await revoke(it, it.shop, next)
  expect(await it.acceptors.everOf(next)).toEqual([])
})

test("another client's tokens and entries are not touched", async () => {
  const it = await scene(FIVE_DENIALS)
  const good = await mint(it, it.other)
  const denied = await revokeMany(it, it.other, 3)
  await revokeMany(it, it.shop, 12)
  expect(await it.acceptors.of(good)).toEqual(EVERYBODY)
  for (const token of denied) expect(await it.acceptors.of(token)).toEqual([])
  expect((await entriesOf(it)).filter(({ created_by: maker }) => maker === 'other')).toHaveLength(3)
})

test('a grant that the client gets right afterwards is good from the first request on', async () => {
  const it = await scene(FIVE_DENIALS)
  await revokeMany(it, it.shop, 6)
  const granted = await grantTokens(it.issuer, it.shop, 'ada')
  expect(await it.acceptors.of(granted.access_token ?? '')).toEqual(EVERYBODY)
  expect((await refresh(it.issuer, it.shop, granted.refresh_token ?? '')).status).toBe(200)
})

test('a grant from before is refreshed right afterwards', async () => {
  const it = await scene(FIVE_DENIALS)
  const granted = await grantTokens(it.issuer, it.shop, 'ada')
  await revokeMany(it, it.shop, 6)
  const refreshed = await refresh(it.issuer, it.shop, granted.refresh_token ?? '')
  // Everything up to now may have ended the grant with it; a refresh that was taken has brought a good token.
  expect([200, 400]).toContain(refreshed.status)
  if (refreshed.status === 200) expect(await it.acceptors.of(refreshed.body.access_token)).toEqual(EVERYBODY)
})

test('revoked families count like revoked tokens, and stay ended', async () => {
  const it = await scene(FIVE_DENIALS)
  const families = await fewAtOnce(6, (index) => grantTokens(it.issuer, it.shop, `person-${index}`))
  for (const { refresh_token: token = '' } of families) await revoke(it, it.shop, token)
  expect(await entriesOf(it)).toHaveLength(1)
  for (const { access_token: access = '', refresh_token: family = '' } of families) {
    expect(await it.acceptors.of(access)).toEqual([])
    expect((await refresh(it.issuer, it.shop, family)).status).toBe(400)
  }
})

test('families that end by a reuse count too', async () => {
  const it = await scene(FIVE_DENIALS)
  const held: string[] = []
  for (let round = 0; round < 8; round++) {
    const family = await grantTokens(it.issuer, it.shop, `person-${round}`)
    const second = await refresh(it.issuer, it.shop, family.refresh_token ?? '')
    expect((await refresh(it.issuer, it.shop, family.refresh_token ?? '')).status).toBe(400)
    held.push(family.access_token ?? '', second.body.access_token)
  }
  expect((await entriesOf(it)).length).toBeLessThanOrEqual(6)
  for (const token of held) expect(await it.acceptors.of(token)).toEqual([])
})

test('many revocations at once stay within the bound, and none is lost', async () => {
  const it = await scene(FIVE_DENIALS)
  const revoked = await fewAtOnce(40, () => mint(it, it.shop))
  await fewAtOnce(revoked.length, (index) => revoke(it, it.shop, revoked[index] ?? ''))
  expect((await entriesOf(it)).length).toBeLessThanOrEqual(6)
  for (const token of revoked) expect(await it.acceptors.of(token)).toEqual([])
})

test('denials that have ended do not count', async () => {
  const it = await scene({ ...FIVE_DENIALS, SIGNET_ACCESS_TOKEN_TTL: '5m' })
  await revokeMany(it, it.shop, 5)
  it.issuer.clock.advance(600)
  const kept = await mint(it, it.shop)
  await revokeMany(it, it.shop, 5)
  expect(await it.acceptors.of(kept)).toEqual(EVERYBODY)
})

test('what stands for all denials outlives a restart, and so does the count', async () => {
  const it = await scene(FIVE_DENIALS)
  const revoked = await revokeMany(it, it.shop, 9)
  await it.issuer.restart()
  for (const token of revoked) expect(await it.acceptors.of(token)).toEqual([])
  const later = await revokeMany(it, it.shop, 9)
  expect((await entriesOf(it)).length).toBeLessThanOrEqual(6)
  for (const token of [...revoked, ...later]) expect(await it.acceptors.of(token)).toEqual([])
})

test('an entry of an administrator for a token of the client keeps its own end', async () => {
  const it = await scene(FIVE_DENIALS)
  const token = await mint(it, it.shop)
  const entry = await it.issuer.operator.call('POST', '/blacklist', { token })
  await revokeMany(it, it.shop, 8)
  expect((await it.issuer.operator.call('GET', `/blacklist/${entry.body.id}`)).status).toBe(200)
  expect(await it.acceptors.everOf(token)).toEqual([])
})

// ------------------------------------------------------------------ live grants

const THREE_GRANTS = { SIGNET_LIMIT_GRANTS: '3' }

/** Whether each family can be refreshed; each is used up by the question. */
const live = (it: Scene, client: Credentials, families: Record<string, string>[]): Promise<boolean[]> =>
  fewAtOnce(
    families.length,
    async (index) => (await refresh(it.issuer, client, families[index]?.refresh_token ?? '')).status === 200,
  )

async function grantInTurn(it: Scene, client: Credentials, count: number, subject?: string) {
  const families: Record<string, string>[] = []
  for (let index = 0; index < count; index++) families.push(await grantTokens(it.issuer, client, subject))
  return families
}

test.each([
  ['for a person', 'ada'],
  ['in its own name', undefined],
])('one more grant %s than the bound ends the oldest', async (_, subject) => {
  const it = await scene(THREE_GRANTS)
  const families = await grantInTurn(it, it.shop, 4, subject)
  for (const { access_token: token = '' } of families.slice(1)) expect(await it.acceptors.of(token)).toEqual(EVERYBODY)
  const { sid } = claimsOf(families[0]?.access_token ?? '')
  const oldest = await it.issuer.operator.call('GET', `/admin/api/grants/${sid}`)
  expect(oldest.body).toMatchObject({ status: 'ended' })
  expect(await live(it, it.shop, families)).toEqual([false, true, true, true])
})

test('grants of other persons and of other clients are not touched', async () => {
  const it = await scene(THREE_GRANTS)
  const ofBob = await grantInTurn(it, it.shop, 3, 'bob')
  const ofOther = await grantInTurn(it, it.other, 3, 'ada')
  await grantInTurn(it, it.shop, 6, 'ada')
  expect(await live(it, it.shop, ofBob)).toEqual([true, true, true])
  expect(await live(it, it.other, ofOther)).toEqual([true, true, true])
})

test('grants that another process made count as well', async () => {
  const it = await scene(THREE_GRANTS)
  const replica = await startReplica(it.issuer, THREE_GRANTS)
  const [first, second] = await grantInTurn(it, it.shop, 2, 'ada')
  const there = [await grantTokens(replica, it.shop, 'ada'), await grantTokens(replica, it.shop, 'ada')]
  const families = [first, second, ...there, ...(await grantInTurn(it, it.shop, 1, 'ada'))]
  expect(
    await live(
      it,
      it.shop,
      families.map((family) => family ?? {}),
    ),
  ).toEqual([false, false, true, true, true])
})

test('grants that are over do not count', async () => {
  const it = await scene({ ...THREE_GRANTS, SIGNET_REFRESH_TOKEN_TTL: '1h' })
  const families = await grantInTurn(it, it.shop, 3, 'ada')
  await revoke(it, it.shop, families[2]?.refresh_token ?? '')
  families.push(...(await grantInTurn(it, it.shop, 1, 'ada')))
  expect(await live(it, it.shop, families)).toEqual([true, true, false, true])
  it.issuer.clock.advance(3700)
  const later = await grantInTurn(it, it.shop, 3, 'ada')
  expect(await live(it, it.shop, later)).toEqual([true, true, true])
})

test('many grants at once stay within the bound', async () => {
  const it = await scene(THREE_GRANTS)
  const families = await fewAtOnce(20, () => grantTokens(it.issuer, it.shop, 'ada'))
  expect((await live(it, it.shop, families)).filter(Boolean)).toHaveLength(3)
})

test('grants that make one another end leave no more denials behind than the client may have', async () => {
  const it = await scene({ ...THREE_GRANTS, ...FIVE_DENIALS })
  const good = await mint(it, it.other)
  const families = await grantInTurn(it, it.shop, 20, 'ada')
  expect((await entriesOf(it)).length).toBeLessThanOrEqual(6)
  for (const { access_token: token = '' } of families.slice(-3)) expect(await it.acceptors.of(token)).toEqual(EVERYBODY)
  expect(await live(it, it.shop, families.slice(-4))).toEqual([false, true, true, true])
  expect(await it.acceptors.of(good)).toEqual(EVERYBODY)
})

// ------------------------------------------------------------------ the holder of signet:blacklist

const deny = (at: { url: string }, token: string, jti: string): Promise<Answer> =>
  request(`${at.url}/blacklist`, { headers: bearer(token), json: { jti } })

/** Copies an entry so many times, as if its maker had posted them: by HTTP that would take half a minute. */
function copyEntry({ folder }: { folder: string }, id: string, copies: number): void {
  const database = new SqliteDatabase(join(folder, 'data/signet.db'), { timeout: 2000 })
  const { base } = database
    .prepare<[], { base: number }>("SELECT seq AS base FROM sqlite_sequence WHERE name = 'changes'")
    .get() ?? { base: 0 }
  const own: Record<string, string> = { id: "id || '-' || n", value: "value || '-' || n", revision: `${base} + n` }
  const columns = database
    .prepare<[], { name: string }>("SELECT name FROM pragma_table_info('blacklist_entries')")
    .all()
    .map(({ name }) => name)
  database.exec('BEGIN IMMEDIATE')
  database
    .prepare(
      `INSERT INTO blacklist_entries (${columns.join(', ')})
       WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
       SELECT ${columns.map((name) => own[name] ?? name).join(', ')} FROM blacklist_entries, counted WHERE id = ?`,
    )
    .run(copies, id)
  database.prepare("UPDATE sqlite_sequence SET seq = ? WHERE name = 'changes'").run(base + copies)
  database.exec('COMMIT')
  database.close()
}

sqliteTest(
  'a holder of signet:blacklist has 10,000 standing entries at most; another one and the administrator go on',
  async () => {
    const it = await scene({})
    const holderOf = async () => {
      const client = await createClient(it.issuer.operator, { scope: 'signet:blacklist', resources: [] })
      return (await tokens(it.issuer, client)).access_token ?? ''
    }
    const [holder, second] = [await holderOf(), await holderOf()]
    const first = await deny(it.issuer, holder, 'first')
    copyEntry(it.issuer, first.body.id, 9998)
    const issuer = { ...it.issuer, ...(await it.issuer.restart()) }
    expect((await deny(issuer, holder, 'last')).status).toBe(201)
    const refused = await deny(issuer, holder, 'one more')
    expect([refused.status, typeof refused.body.error]).toEqual([429, 'string'])
    expect((await deny(issuer, second, 'of the second')).status).toBe(201)
    expect((await issuer.operator.call('POST', '/blacklist', { jti: 'of the administrator' })).status).toBe(201)
    const lifted = await request(`${issuer.url}/blacklist/${first.body.id}`, {
      method: 'DELETE',
      headers: bearer(holder),
    })
    expect(lifted.status).toBe(204)
    expect((await deny(issuer, holder, 'in its place')).status).toBe(201)
    expect((await deny(issuer, holder, 'again one more')).status).toBe(429)
  },
)

// ------------------------------------------------------------------ the audit trail

interface Row {
  id: string
  action: string
  actor: string
  details: { times?: unknown }
}

/** All rows of an action by a client. */
async function rowsOf({ issuer }: Scene, action: string): Promise<Row[]> {
  const found: Row[] = []
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: Answer = await issuer.operator.call('GET', `/admin/api/audit?limit=500${after && `&after=${after}`}`)
    const rows = page.body as unknown as Row[] // the answer is a list
    found.push(...rows.filter((row) => row.action === action && row.actor.includes('shop')))
    after = rows.length === 500 ? rows.at(-1)?.id : undefined
  }
  return found
}

const timesIn = (rows: Row[]): number => rows.reduce((sum, { details }) => sum + Number(details.times ?? 1), 0)

test('three hundred grants of a client in a minute are a hundred rows and some of the audit trail, which count all', async () => {
  const it = await scene({})
  for (let round = 0; round < 6; round++)
    await fewAtOnce(50, (index) => grantTokens(it.issuer, it.shop, `person-${round}-${index}`))
  const counted = async () => {
    it.issuer.clock.advance(61)
    return timesIn(await rowsOf(it, 'grant.created'))
  }
  await until(async () => (await counted()) === 300)
  expect((await rowsOf(it, 'grant.created')).length).toBeLessThanOrEqual(120)
})

test('three hundred revocations of a client in a minute are bounded in the audit trail too', async () => {
  const it = await scene({})
  for (let round = 0; round < 6; round++) {
    const revoked = await fewAtOnce(50, () => mint(it, it.shop))
    await fewAtOnce(revoked.length, (index) => revoke(it, it.shop, revoked[index] ?? ''))
  }
  await until(async () => {
    it.issuer.clock.advance(61)
    return timesIn(await rowsOf(it, 'token.revoked')) === 300
  }, 10_000)
  expect((await rowsOf(it, 'token.revoked')).length).toBeLessThanOrEqual(120)
})

test('acts of an administrator are recorded one by one, however many', async () => {
  const it = await scene({})
  for (let index = 0; index < 150; index++) await it.issuer.operator.call('POST', '/blacklist', { jti: `jti-${index}` })
  const trail = await it.issuer.operator.call('GET', '/admin/api/audit?limit=500')
  const rows = trail.body as unknown as Row[] // the answer is a list
  expect(rows.filter(({ action }) => action === 'blacklist.added')).toHaveLength(150)
})
