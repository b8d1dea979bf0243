/**
 * The doctor reads every page of a feed that it sees over HTTP alone, and never takes a failure for good news.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { findDenying, readFeed } from '../src/doctor/remote-feed.ts'

const entryOf = (jti: string) => ({
  id: `entry-${jti}`,
  kind: 'jti',
  hash: createHash('sha256').update(`jti:${jti}`).digest('base64url'),
  issued_before: 2,
  expires_at: 3,
})

const page = (cursor: number, jtis: string[], more: object = {}) => ({
  cursor: String(cursor),
  entries: jtis.map(entryOf),
  removed: [],
  ...more,
})

/** A feed that answers a cursor with what stands under it: a document, or a status. */
async function serve(pages: Record<string, unknown>): Promise<string> {
  const server = createServer((request, response) => {
    const answer = pages[new URL(request.url ?? '', 'http://x').searchParams.get('after') ?? '']
    response.statusCode = typeof answer === 'number' ? answer : 200
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
}

test('every page is read, and what a later page lifts does not count', async () => {
  const feed = await readFeed(
    await serve({
      '': page(5, ['a', 'b'], { more: true }),
      5: page(9, ['c'], { more: true, removed: ['entry-a'] }),
      9: page(10, ['d']),
    }),
  )
  if (!feed) throw new Error('no feed')
  expect([feed.fault, feed.entries.map(({ id }) => id)]).toEqual([undefined, ['entry-b', 'entry-c', 'entry-d']])
  expect(findDenying(feed, {}, { jti: 'd', iat: 1 })?.id).toBe('entry-d')
  expect(findDenying(feed, {}, { jti: 'a', iat: 1 })).toBeUndefined()
})

test.each([
  ['a later page fails', { '': page(5, ['a'], { more: true }), 5: 503 }],
  ['a later page is no page', { '': page(5, ['a'], { more: true }), 5: {} }],
  ['a later page is gone', { '': page(5, ['a'], { more: true }), 5: 404 }],
  ['pages lead nowhere', { '': page(5, ['a'], { more: true }), 5: page(5, [], { more: true }) }],
  ['the feed starts over', { '': page(5, ['a'], { more: true }), 5: page(2, ['a']) }],
  ['the feed fails', { '': 503 }],
  ['the feed has no time', { '': 429 }],
])('%s: that is a fault', async (_what, pages) => {
  expect((await readFeed(await serve(pages)))?.fault).toMatch(/blacklist\/feed/)
})

test.each([
  ['404', 404],
  ['a login', 401],
  ['a page of HTML', '<html>'],
  ['other JSON', {}],
])('%s is an issuer without a feed', async (_what, answer) => {
  expect(await readFeed(await serve({ '': answer }))).toBeUndefined()
})
