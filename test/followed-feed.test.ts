/** The feed that verifiers follow: its members, its cursor, its stream, at one process and at several. */
import { expect, test } from 'vitest'
import {
  createBackend,
  createResource,
  grantTokens,
  startAdministered,
  startReplica,
  until,
  type AdministeredIssuer,
} from './support/admin.ts'
import { claimsOf, type Credentials } from './support/client.ts'
import { add, feedOf, hashOf, lift, type FeedEntry } from './support/feed.ts'
import { follow } from './support/follower.ts'
import { inTime } from './support/in-time.ts'

async function scene(): Promise<{ issuer: AdministeredIssuer; shop: Credentials }> {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api')
  return { issuer, shop: await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] }) }
}

test('the feed is public, names nobody, and has exactly the members of the contract', async () => {
  const { issuer, shop } = await scene()
  const token = (await grantTokens(issuer, shop, 'ada@example.com')).access_token ?? ''
  await add(issuer, { sub: 'ada@example.com', reason: 'left the company' })
  const { body } = await add(issuer, { token })
  const answer = await feedOf(issuer)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(Object.keys(answer.body).toSorted()).toEqual(['cursor', 'entries', 'removed'])
  for (const entry of answer.body.entries) {
    expect(Object.keys(entry).toSorted()).toEqual(['expires_at', 'hash', 'id', 'issued_before', 'kind'])
    expect([entry.issued_before, entry.expires_at].every(Number.isSafeInteger)).toBe(true)
    expect(entry.hash).toMatch(/^[\w-]{43}$/)
  }
  expect(answer.body.entries[0]).toMatchObject({ kind: 'sub', hash: hashOf('sub', 'ada@example.com') })
  expect(answer.body.entries[1]).toMatchObject({ id: body.id, kind: 'jti', hash: hashOf('jti', claimsOf(token).jti) })
  for (const name of ['ada@', 'company', 'operator', 'shop', claimsOf(token).jti])
    expect(answer.text).not.toContain(name)
})

test('a follower that gives its cursor back gets what came since, lifted entries by their id', async () => {
  const { issuer } = await scene()
  const one = (await add(issuer, { sub: 'ada' })).body.id
  const first = (await feedOf(issuer)).body
  expect(first.entries.map(({ id }: FeedEntry) => id)).toEqual([one])
  expect((await feedOf(issuer, `?after=${first.cursor}`)).body).toEqual({
    cursor: first.cursor,
    entries: [],
    removed: [],
  })
  const two = (await add(issuer, { sub: 'grace' })).body.id
  await lift(issuer, one)
  const since = (await feedOf(issuer, `?after=${first.cursor}`)).body
  expect([since.entries.map(({ id }: FeedEntry) => id), since.removed]).toEqual([[two], [one]])
  expect(since.cursor).not.toBe(first.cursor)
  expect((await feedOf(issuer, `?after=${since.cursor}`)).body).toMatchObject({ entries: [], removed: [] })
  // A cursor of a database that a backup replaced: everything again.
  expect((await feedOf(issuer, '?after=999999999')).body.entries).toHaveLength(1)
  for (const after of ['x', '-1', '1.5', '1e3', '9'.repeat(20)])
    expect((await feedOf(issuer, `?after=${after}`)).status).toBe(400)
})

test('an unchanged feed is 304 to whoever has it, and must be asked for again each time', async () => {
  const { issuer } = await scene()
  await add(issuer, { sub: 'ada' })
  const first = await feedOf(issuer)
  expect(first.headers.get('cache-control')).toBe('no-cache')
  const known = { 'if-none-match': first.headers.get('etag') ?? '' }
  expect(await feedOf(issuer, '', known)).toMatchObject({ status: 304, text: '' })
  await add(issuer, { sub: 'grace' })
  const changed = await feedOf(issuer, '', known)
  expect([changed.status, changed.body.entries.length]).toEqual([200, 2])
})

test('another process serves the same feed within a second, and a restart loses nothing of it', async () => {
  const { issuer } = await scene()
  const replica = await startReplica(issuer)
  await add(issuer, { sub: 'ada' })
  const { body } = await add(issuer, { sub: 'grace' })
  await lift(issuer, body.id)
  const whole = (await feedOf(issuer)).body
  await until(async () => (await feedOf(replica)).text === (await feedOf(issuer)).text, 1000)
  expect((await feedOf(await issuer.restart())).body).toEqual(whole)
})

test('followers are pushed the whole feed first and then each change within a second', async () => {
  const { issuer } = await scene()
  const one = (await add(issuer, { sub: 'ada' })).body.id
  const followers = await Promise.all([follow(issuer), follow(issuer), follow(issuer)])
  for (const follower of followers) {
    expect(follower.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const first = await follower.next()
    expect(first.event).toBe('blacklist')
    expect(first.data).toEqual((await feedOf(issuer)).body)
    expect(first.id).toBe(first.data.cursor)
  }
  const two = (await add(issuer, { sub: 'grace' })).body.id
  for (const follower of followers) {
    const { data } = await follower.next()
    expect([data.entries.map(({ id }) => id), data.removed]).toEqual([[two], []])
  }
  await lift(issuer, one)
  for (const follower of followers) expect((await follower.next()).data).toMatchObject({ entries: [], removed: [one] })

  // A follower that leaves does not end the others.
  followers[0]?.leave()
  await add(issuer, { sub: 'linus' })
  expect((await followers[1]?.next())?.data.entries).toHaveLength(1)
})

test("a follower hears of another process's entries within a second", async () => {
  const { issuer } = await scene()
  const replica = await startReplica(issuer)
  const follower = await follow(replica)
  expect((await follower.next()).data.entries).toEqual([])
  const { body } = await add(issuer, { sub: 'ada' })
  expect((await follower.next()).data.entries.map(({ id }) => id)).toEqual([body.id])
})

test('a follower that was cut off resumes where it was, by Last-Event-ID', async () => {
  const { issuer } = await scene()
  const one = (await add(issuer, { sub: 'ada' })).body.id
  const before = await follow(issuer)
  const { id } = await before.next()
  before.leave()
  const two = (await add(issuer, { sub: 'grace' })).body.id
  await lift(issuer, one)
  const after = await follow(issuer, { 'last-event-id': id })
  const { data } = await after.next()
  expect([data.entries.map((entry) => entry.id), data.removed]).toEqual([[two], [one]])
  const byQuery = await follow(issuer, {}, `?after=${id}`)
  expect((await byQuery.next()).data).toEqual(data)
})

test('the stream ends when the server stops, and the stop does not wait for followers', async () => {
  const { issuer } = await scene()
  const followers = await Promise.all(Array.from({ length: 5 }, () => follow(issuer)))
  for (const follower of followers) await follower.next()
  const began = performance.now()
  await issuer.stop()
  await Promise.all(followers.map(({ ended }) => ended))
  expect(performance.now() - began).toBeLessThan(inTime(2000))
})
