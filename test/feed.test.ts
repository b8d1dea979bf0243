/** The feed under those who ask wrongly, too often or from too many places: what it costs, and who is not told less. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BEHIND_PROXY } from '../harness/network.ts'
import { until, type AdministeredIssuer } from './support/admin.ts'
import { request, type Answer } from './support/client.ts'
import { add, feedOf, lift } from './support/feed.ts'
import { fewAtOnce } from './support/few-at-once.ts'
import { follow, type Follower } from './support/follower.ts'
import { REPLICAS } from './support/replicas.ts'
import { startWithApi } from './support/shared.ts'

const STREAM = { accept: 'text/event-stream' }

/** A figure of the metrics. */
async function figure(at: { url: string }, name: string): Promise<number> {
  const { text } = await request(`${at.url}/metrics`)
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  if (line === undefined) throw new Error(`no ${name}`)
  return Number(line.slice(name.length))
}

const followersOf = (at: { url: string }) => figure(at, 'signet_feed_followers')

/** Puts so many on the blacklist; their ids in order. */
async function deny(issuer: AdministeredIssuer, count: number, name = 'somebody'): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index++) ids.push(await denyOne(issuer, `${name}-${index}`))
  return ids
}

async function denyOne(issuer: AdministeredIssuer, sub: string): Promise<string> {
  const { status, text, body } = await add(issuer, { sub })
  if (status !== 201) throw new Error(text)
  return body.id
}

/** The same, several at a time; their ids in no order. */
const denyMany = (issuer: AdministeredIssuer, count: number, name = 'many'): Promise<string[]> =>
  fewAtOnce(count, (index) => denyOne(issuer, `${name}-${index}`))

/** The first page, and the one that follows it. */
async function twoPages(at: { url: string }): Promise<[Answer['body'], Answer['body']]> {
  const first = (await feedOf(at)).body
  return [first, (await feedOf(at, `?after=${first.cursor}`)).body]
}

const idsOf = (entries: Record<string, unknown>[]) => entries.map(({ id }) => id)

/** Says something on a line of its own, and leaves it as soon as `hasHeard`, or at once. */
async function sayAndLeave({ port }: { port: number }, text: string, { rudely = false, hasHeard = '' } = {}) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // the end of the line, and nothing more
  await once(socket, 'connect')
  socket.write(text)
  let heard = ''
  for await (const chunk of hasHeard === '' ? [] : socket) if ((heard += String(chunk)).includes(hasHeard)) break
  if (rudely) socket.resetAndDestroy()
  else socket.destroy()
}

const asking = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
const FOLLOW = asking('/blacklist/feed', 'Accept: text/event-stream\r\n')

// ------------------------------------------------------------------ who follows

describe('a follower is counted while its line is open, and no longer:', () => {
  test('HEAD is told what GET would be, and follows nothing', async () => {
    const issuer = await startWithApi()
    for (let each = 0; each < 10; each++) {
      const answer = await request(`${issuer.url}/blacklist/feed`, { method: 'HEAD', headers: STREAM })
      expect(answer).toMatchObject({ status: 200, text: '' })
      expect(answer.headers.get('content-type')).toBe('text/event-stream')
    }
    expect(await followersOf(issuer)).toBe(0)
    expect((await follow(issuer)).headers.get('x-accel-buffering')).toBe('no')
    await until(async () => (await followersOf(issuer)) === 1)
  })

  test('one that leaves at once, politely or not, before or after its first event, or asks for many at a time', async () => {
    const issuer = await startWithApi()
    for (let each = 0; each < 5; each++) {
      await sayAndLeave(issuer, FOLLOW)
      await sayAndLeave(issuer, FOLLOW, { rudely: true })
      await sayAndLeave(issuer, FOLLOW, { rudely: true, hasHeard: 'event: blacklist' })
      await sayAndLeave(issuer, FOLLOW.repeat(8))
      await sayAndLeave(issuer, FOLLOW.repeat(8), { hasHeard: 'event: blacklist' })
      await sayAndLeave(issuer, asking('/livez') + FOLLOW, { hasHeard: 'event: blacklist' })
      await sayAndLeave(issuer, asking('/nothing-is-here').repeat(5) + FOLLOW.repeat(3), { rudely: true })
    }
    await until(async () => (await followersOf(issuer)) === 0)
  })

  test('one that asks ahead of an earlier answer follows from when that is given', async () => {
    const issuer = await startWithApi()
    const socket = connect(issuer.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let heard = ''
    socket.on('data', (chunk) => (heard += String(chunk)))
    socket.write(asking('/openapi.json') + FOLLOW)
    await until(() => heard.includes('event: blacklist'))
    const [id = ''] = await deny(issuer, 1)
    await until(() => heard.includes(id))
  })
})

// Each process has limits of its own.
test.skipIf(REPLICAS > 1)(
  'one network has its streams once, under whichever path of the issuer it asks for them',
  async () => {
    const issuer = await startWithApi({ SIGNET_ISSUER: 'http://localhost/idp', ...BEHIND_PROXY })
    const from = { 'x-forwarded-for': '198.51.100.7' }
    await Promise.all(Array.from({ length: 500 }, () => follow(issuer, from)))
    await expect(follow(issuer, from)).rejects.toThrow(/^503 /)
    await expect(follow({ url: `${issuer.url}/idp` }, from)).rejects.toThrow(/^503 .*temporarily_unavailable/)
    await follow({ url: `${issuer.url}/idp` }, { 'x-forwarded-for': '198.51.100.8' })
  },
)

// ------------------------------------------------------------------ what is answered

test('a cursor is answered by what came since, or by everything where that is much or the cursor is unknown', async () => {
  const issuer = await startWithApi()
  await denyMany(issuer, 300)
  const middle = (await feedOf(issuer)).body.cursor
  await denyMany(issuer, 300, 'another')
  const ids = idsOf((await feedOf(issuer)).body.entries).map(String)
  expect(ids).toHaveLength(600)
  const [first = '', last = ''] = [ids[0], ids.at(-1)]
  for (const id of [first, last]) await lift(issuer, id)

  const whole = await feedOf(issuer)
  expect(idsOf(whole.body.entries)).toEqual(ids.slice(1, -1))
  expect(whole.body.removed).toEqual([first, last])
  const since = await feedOf(issuer, `?after=${middle}`)
  expect(idsOf(since.body.entries)).toEqual(ids.slice(300, -1))
  expect(since.body.removed).toEqual([first, last])
  expect((await feedOf(issuer, `?after=${whole.body.cursor}`)).body).toMatchObject({ entries: [], removed: [] })
  for (const cursor of ['1', '999999999']) expect((await feedOf(issuer, `?after=${cursor}`)).text).toBe(whole.text)
})

test('a poller who goes on from each cursor to the next misses nothing and is told nothing twice', async () => {
  const issuer = await startWithApi()
  let { cursor } = (await feedOf(issuer)).body
  for (let round = 0; round < 30; round++) {
    const ids = await deny(issuer, round % 4, `round-${round}`)
    const gone = round % 3 === 0 ? ids.pop() : undefined
    if (gone !== undefined) await lift(issuer, gone)
    if (round % 10 === 9) issuer.clock.advance(3600)
    const { body } = await feedOf(issuer, `?after=${cursor}`)
    if (round % 10 !== 9) expect([idsOf(body.entries), body.removed]).toEqual([ids, [gone].flatMap((id) => id ?? [])])
    cursor = body.cursor
  }
})

test('what is over is forgotten, and a cursor from before is good still', async () => {
  const issuer = await startWithApi()
  await denyMany(issuer, 600)
  const { cursor } = (await feedOf(issuer)).body
  for (const round of ['one', 'two']) {
    issuer.clock.advance(3600)
    await denyMany(issuer, 300, round)
  }
  const kept = await deny(issuer, 3, 'kept')
  const last = (await feedOf(issuer, `?after=${cursor}`)).body
  expect(last.entries).toHaveLength(303)
  expect(idsOf(last.entries).slice(-3)).toEqual(kept)
  expect((await feedOf(issuer)).body).toEqual(last)
})

test.skipIf(REPLICAS > 1)(
  'an answer is made once for all who lack the same, by stream and by asking alike',
  async () => {
    const issuer = await startWithApi()
    await deny(issuer, 3)
    const made = () => figure(issuer, 'signet_cache_requests_total{cache="feed",outcome="miss"}')
    const followers = await Promise.all(Array.from({ length: 120 }, () => follow(issuer)))
    const events = (each: Follower) => each.next()
    const [first] = await Promise.all(followers.map(events))
    const before = await made()
    const [id] = await deny(issuer, 1, 'another')
    for (const { data } of await Promise.all(followers.map(events))) expect(idsOf(data.entries)).toEqual([id])
    for (let each = 0; each < 20; each++) await feedOf(issuer, `?after=${first?.id}`)
    expect((await made()) - before).toBe(1)
    for (let each = 0; each < 20; each++) await feedOf(issuer, each % 2 ? '' : '?after=999999999')
    expect((await made()) - before).toBe(2)
  },
)

test('a long feed comes in pages, by asking and by stream, and no cursor of strangers makes them again', async () => {
  const issuer = await startWithApi()
  const ids = await denyMany(issuer, 2520)
  const [first, second] = await twoPages(issuer)
  expect([first.entries.length, first.more]).toEqual([2000, true])
  expect([second.entries.length, second.more]).toEqual([520, undefined])
  expect(JSON.stringify(first).length).toBeLessThan(512 * 1024)
  expect([...idsOf(first.entries), ...idsOf(second.entries)].toSorted()).toEqual(ids.toSorted())
  // A cursor of a database that a restore replaced begins with the first page, whose cursor is below it.
  expect((await feedOf(issuer, '?after=999999999')).body).toEqual(first)

  const follower = await follow(issuer)
  expect([await follower.next(5000), await follower.next(5000)]).toMatchObject([
    { id: first.cursor, data: first },
    { id: second.cursor, data: second },
  ])
  const resumed = await follow(issuer, { 'last-event-id': first.cursor })
  expect((await resumed.next(5000)).data).toEqual(second)

  if (REPLICAS === 1) {
    const made = () => figure(issuer, 'signet_cache_requests_total{cache="feed",outcome="miss"}')
    const ask = (after: number, method = 'HEAD') => request(`${issuer.url}/blacklist/feed?after=${after}`, { method })
    for (let each = 0; each < 55; each++) await ask(second.cursor - 100 + each)
    const before = await made()
    for (const after of [0, 1, first.cursor - 1, first.cursor]) await ask(after, 'GET')
    expect(await made()).toBe(before)
  }

  // A follower that is up to date is sent the changes alone.
  const gone = [first, second].flatMap(({ entries }) => idsOf(entries).slice(0, 3).map(String))
  for (const id of gone) await lift(issuer, id)
  expect((await feedOf(issuer, `?after=${second.cursor}`)).body).toMatchObject({ entries: [], removed: gone })
  const again = await twoPages(issuer)
  const held = new Set(again.flatMap(({ entries }) => idsOf(entries)))
  for (const id of again.flatMap(({ removed }) => removed)) held.delete(id)
  expect([...held].toSorted()).toEqual(ids.filter((id) => !gone.includes(id)).toSorted())
})

test('the feed takes GET and HEAD, and is nobody’s entry of the blacklist', async () => {
  const issuer = await startWithApi({ SIGNET_ISSUER: 'http://localhost/idp' })
  for (const path of ['/blacklist/feed', '/idp/blacklist/feed'])
    for (const method of ['OPTIONS', 'DELETE', 'POST', 'PUT', 'PATCH']) {
      const answer = await request(issuer.url + path, { method })
      expect([answer.status, answer.headers.get('allow')], `${method} ${path}`).toEqual([405, 'GET, HEAD'])
    }
  const entry = await request(`${issuer.url}/idp/blacklist/an-id`, { method: 'OPTIONS' })
  expect([entry.status, entry.headers.get('allow')]).toEqual([405, 'GET, HEAD, DELETE'])
})

test.each([
  ['text/event-stream;q=0, application/json', 'application/json'],
  ['application/json, text/event-stream;q=0.1', 'application/json'],
  ['*/*', 'application/json'],
  ['TEXT/EVENT-STREAM', 'text/event-stream'],
  ['text/event-stream, application/json', 'text/event-stream'],
  ['application/json; q=0.5 , text/event-stream; q=0.5', 'text/event-stream'],
])('whoever accepts %j gets %s', async (accept, type) => {
  const issuer = await startWithApi()
  const answer = await fetch(`${issuer.url}/blacklist/feed`, { headers: { accept } })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type])
  await answer.body?.cancel()
})
