/**
 * A long feed comes in pages. No token is judged before the last of the first pages, what denied goes on denying while
 * a list starts over, and no size of the whole list makes another client's good token fail.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHash } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { createTokenVerifier, type TokenError, type TokenVerifier } from '../../verifiers/node/src/index.ts'
import { until } from '../support/admin.ts'
import { startFeed, type FeedServer } from './feed-server.ts'
import { API, json, sign, startKeyServer, type Answer, type KeyServer } from './key-server.ts'

interface Scene {
  server: KeyServer
  feed: FeedServer
  verifier: TokenVerifier
  /** By what a token with this jti is refused, or `good`. */
  outcome(jti: string): Promise<string>
}

async function scene(): Promise<Scene> {
  const server = await startKeyServer()
  const key = await server.addKey()
  const feed = startFeed(server)
  const { clock, issuer } = server
  const verifier = createTokenVerifier({ issuer, audience: API, clock, revocations: true })
  onTestFinished(() => verifier.close())
  const outcome = async (jti: string) =>
    verifier.verifyToken(await sign(server, key, { jti })).then(
      () => 'good',
      (error: TokenError) => error.code,
    )
  return { server, feed, verifier, outcome }
}

const revokeSome = (feed: FeedServer, ...names: string[]) => {
  for (const name of names) feed.revoke(name)
}

/** Lets the one answer go that is held, and waits until the next question is held. */
async function onePage(feed: FeedServer, held: ReturnType<FeedServer['holdPolls']>) {
  await until(() => held.count() === 1)
  const next = feed.holdPolls()
  held.send()
  await until(() => next.count() === 1)
  return next
}

test.each(['polling', 'events'])('by %s: the first token waits for the last page', async (mode) => {
  const { feed, verifier, outcome } = await scene()
  if (mode === 'polling') feed.takeNoStreams()
  revokeSome(feed, 'a', 'b', 'c', 'd', 'stolen')
  feed.page(2)
  expect(await outcome('stolen')).toBe('token_revoked')
  expect(await outcome('good')).toBe('good')
  expect(verifier.revocationStatus()).toMatchObject({ mode, cursor: '5', entries: 5, lastError: null })
  revokeSome(feed, 'e', 'f', 'later', 'g')
  await until(async () => (await outcome('later')) === 'token_revoked')
  await until(() => verifier.revocationStatus()?.cursor === '9')
})

test('nothing is judged while pages are missing', async () => {
  const { feed, verifier, outcome } = await scene()
  feed.takeNoStreams()
  revokeSome(feed, 'a', 'b', 'c', 'd', 'stolen')
  feed.page(2)
  let verdict = 'none'
  const first = feed.holdPolls()
  const asking = outcome('good').then((each) => (verdict = each))
  const second = await onePage(feed, first)
  const third = await onePage(feed, second)
  expect([verdict, verifier.revocationStatus()?.cursor]).toEqual(['none', null])
  third.release()
  expect(await asking).toBe('good')
  expect(feed.asked.slice(-3)).toEqual([undefined, '2', '4'])
})

test('a stream that is cut in the middle goes on there', async () => {
  const { feed, outcome } = await scene()
  revokeSome(feed, 'a', 'b', 'c', 'd', 'stolen')
  feed.page(1)
  feed.cutStreams(2)
  const verdict = outcome('stolen')
  await until(() => feed.asked.includes('2'))
  feed.cutStreams(Infinity)
  expect(await verdict).toBe('token_revoked')
  expect(feed.asked.filter((after) => after === undefined)).toHaveLength(1)
})

test('polls that fail in the middle go on there', async () => {
  const { feed, verifier, outcome } = await scene()
  feed.takeNoStreams()
  revokeSome(feed, 'a', 'b', 'c', 'd', 'stolen')
  feed.page(2)
  const first = feed.holdPolls()
  const early = outcome('good')
  const second = await onePage(feed, first)
  feed.answerNobody()
  second.release()
  expect(await early).toBe('revocations_stale')
  expect(verifier.revocationStatus()).toMatchObject({ cursor: null, staleSeconds: Infinity })
  feed.comeBack()
  await until(async () => (await outcome('stolen')) === 'token_revoked')
  expect(feed.asked.filter((after) => after === undefined)).toHaveLength(1)
})

test('while a list starts over, the old one denies until the last page of the new one, and so does the new one', async () => {
  const { feed, verifier, outcome } = await scene()
  feed.takeNoStreams()
  revokeSome(feed, 'kept', 'b', 'lost', 'lost too')
  expect(await outcome('lost')).toBe('token_revoked')
  feed.restore(2)
  feed.page(1)
  const over = feed.holdPolls()
  const first = await onePage(feed, over)
  const second = await onePage(feed, first)
  expect(feed.asked.slice(-3)).toEqual(['4', undefined, '1'])
  expect(verifier.revocationStatus()).toMatchObject({ cursor: '4', entries: 4 })
  expect([await outcome('kept'), await outcome('lost')]).toEqual(['token_revoked', 'token_revoked'])
  second.release()
  await until(() => verifier.revocationStatus()?.cursor === '2')
  expect([await outcome('kept'), await outcome('b'), await outcome('lost')]).toEqual([
    'token_revoked',
    'token_revoked',
    'good',
  ])
})

test('a sign of life between two pages is none of freshness', async () => {
  const { server, verifier, outcome } = await scene()
  const page = (cursor: number, more: object) => ({ cursor: String(cursor), entries: [], removed: [], ...more })
  let write = (_bytes: string) => {}
  server.answers.set('/blacklist/feed', (request, response) => {
    if (request.headers.accept !== 'text/event-stream') return void response.writeHead(503).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    write = (bytes) => response.write(bytes)
    write(`event: blacklist\ndata: ${JSON.stringify(page(1, { more: true }))}\n\n: still here\n\n`)
  })
  const verdict = outcome('good')
  await until(() => verifier.revocationStatus()?.mode === 'events')
  write(': still here\n\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(verifier.revocationStatus()).toMatchObject({ cursor: null, staleSeconds: Infinity })
  write(`event: blacklist\ndata: ${JSON.stringify(page(2, {}))}\n\n`)
  expect(await verdict).toBe('good')
})

const entryOf = (server: KeyServer, jti: string) => ({
  id: `entry-${jti}`,
  kind: 'jti',
  hash: createHash('sha256').update(`jti:${jti}`).digest('base64url'),
  issued_before: Math.floor(server.clock.now() / 1000) + 60,
  expires_at: Math.floor(server.clock.now() / 1000) + 600,
})

/** A feed without streams that answers a cursor by what `pageAfter` says. */
const serve = (server: KeyServer, pageAfter: (after: number) => unknown): void => {
  const answer: Answer = (request, response) => {
    if (request.headers.accept === 'text/event-stream') return void response.writeHead(406).end()
    const after = new URL(request.url ?? '', server.issuer).searchParams.get('after')
    return json(pageAfter(Number(after ?? 0)))(request, response)
  }
  server.answers.set('/blacklist/feed', answer)
}

test('no size of the whole list makes a good token fail: 75 MB in pages', async () => {
  const { server, verifier, outcome } = await scene()
  const filling = 'x'.repeat(500_000)
  serve(server, (after) => ({
    cursor: String(Math.min(after + 1, 150)),
    entries: [entryOf(server, `token-${after}`)],
    removed: [],
    more: after < 149,
    filling,
  }))
  expect([await outcome('good'), await outcome('token-0'), await outcome('token-149')]).toEqual([
    'good',
    'token_revoked',
    'token_revoked',
  ])
  expect(verifier.revocationStatus()).toMatchObject({ cursor: '150', entries: 150 })
}, 60_000)

test('an issuer that knows no pages sends one document, larger than a page', async () => {
  const { server, outcome } = await scene()
  const entries = Array.from({ length: 5000 }, (_, index) => entryOf(server, `token-${index}`))
  serve(server, () => ({ cursor: '5000', entries, removed: [] }))
  expect([await outcome('good'), await outcome('token-4999')]).toEqual(['good', 'token_revoked'])
})

test.each([
  ['more is no boolean', { more: 'true' }, 'more is neither true nor false'],
  ['more follows, and the cursor stands still', { cursor: '1', more: true }, 'its cursor does not grow'],
  ['a page is too long', { more: true, filling: 'x'.repeat(700_000) }, 'more than 589824'],
  ['a page starts over again and again', { cursor: '0' }, 'starts over at each answer'],
])('%s: that is a fault, and nothing is judged', async (_what, second, told) => {
  const { server, verifier, outcome } = await scene()
  const page = (after: number) => ({ cursor: String(after + 1), entries: [], removed: [] })
  serve(server, (after) => (after === 0 ? { ...page(0), more: true } : { ...page(after), ...second }))
  expect(await outcome('good')).toBe('revocations_stale')
  expect(verifier.revocationStatus()?.lastError).toContain(told)
})

test('a page that is too long stays so when it is asked for again', async () => {
  const { server, verifier, outcome } = await scene()
  const asked: number[] = []
  serve(server, (after) => {
    asked.push(after)
    const page = { cursor: String(after + 1), entries: [], removed: [] }
    return after === 0 ? { ...page, more: true } : { ...page, more: false, filling: 'x'.repeat(700_000) }
  })
  await until(async () => {
    server.clock.advance(2)
    expect(await outcome('good')).toBe('revocations_stale')
    return asked.length > 3
  })
  expect(verifier.revocationStatus()?.lastError).toContain('more than')
})

test('cursors that no number holds are compared digit by digit', async () => {
  const { server, verifier, outcome } = await scene()
  const first = '90071992547409930'
  const last = '90071992547409931'
  server.answers.set('/blacklist/feed', (request, response) => {
    if (request.headers.accept === 'text/event-stream') return void response.writeHead(406).end()
    const after = new URL(request.url ?? '', server.issuer).searchParams.get('after')
    const page = { cursor: after === null ? first : last, entries: [], removed: [], more: after === null }
    return json(page)(request, response)
  })
  expect(await outcome('good')).toBe('good')
  expect(verifier.revocationStatus()?.cursor).toBe(last)
})
