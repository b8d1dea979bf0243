/**
 * News of the feed may come late, twice, by two lines and in any order, and clocks may be set: whatever
 * happens on the way, a verifier that was told of a revocation does not forget it while the token lives.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { expect, onTestFinished, test } from 'vitest'
import {
  createTokenVerifier,
  type TokenError,
  type TokenVerifier,
  type TokenVerifierOptions,
} from '../../verifiers/node/src/index.ts'
import { until } from '../support/admin.ts'
import { startFeed, type FeedServer } from './feed-server.ts'
import { API, sign, startKeyServer, type KeyServer } from './key-server.ts'

interface Scene {
  server: KeyServer
  feed: FeedServer
  verifier: TokenVerifier
  /** By what a token with this jti is refused, or `good`. */
  outcome(jti: string, overrides?: object): Promise<string>
}

async function scene(options: Partial<TokenVerifierOptions> = {}): Promise<Scene> {
  const server = await startKeyServer()
  const key = await server.addKey()
  const feed = startFeed(server)
  const { clock, issuer } = server
  const verifier = createTokenVerifier({ issuer, audience: API, clock, revocations: true, ...options })
  onTestFinished(() => verifier.close())
  // Whatever the clock says later, these tokens live for ten minutes from now on.
  const iat = Math.floor(clock.now() / 1000)
  const outcome = async (jti: string, overrides = {}) =>
    verifier.verifyToken(await sign(server, key, { jti, iat, exp: iat + 600 }), overrides).then(
      () => 'good',
      (error: TokenError) => error.code,
    )
  return { server, feed, verifier, outcome }
}

/** A call that is not content with what was told before it. */
const AT_ONCE = { revocations: { maxStalenessSeconds: 0, whenStale: 'closed' } }

const isFresh = (verifier: TokenVerifier) => () => (verifier.revocationStatus()?.staleSeconds ?? Infinity) < 1

/** Has a newer answer taken, then sends the one that was held before it, and waits until that was taken too. */
async function overtake({ feed, outcome }: Scene, late: ReturnType<Scene['feed']['holdPolls']>, jti: string) {
  const later = feed.holdPolls()
  const asking = outcome(jti, AT_ONCE)
  await until(() => later.count() === 1)
  later.release()
  expect(await asking).toBe('good')
  const next = feed.holdPolls()
  late.send()
  await until(() => next.count() === 1, 3000)
}

test('an answer that was overtaken by an event takes nothing back', async () => {
  const { feed, verifier, outcome } = await scene()
  feed.revoke('stolen')
  expect(await outcome('stolen')).toBe('token_revoked')
  const polls = feed.holdPolls()
  const asking = outcome('good', AT_ONCE)
  await until(() => polls.count() === 1)
  feed.revoke('other')
  await until(() => verifier.revocationStatus()?.cursor === '2')
  polls.release()
  expect(await asking).toBe('good')
  expect([await outcome('stolen'), await outcome('other')]).toEqual(['token_revoked', 'token_revoked'])
  expect(verifier.revocationStatus()).toMatchObject({ cursor: '2', entries: 2 })
})

test('an answer that was overtaken by another answer takes nothing back', async () => {
  const at = await scene()
  const { feed, verifier, outcome } = at
  feed.takeNoStreams()
  feed.revoke('stolen')
  expect(await outcome('stolen')).toBe('token_revoked')
  const late = feed.holdPolls()
  await until(() => late.count() === 1)
  feed.revoke('other')
  await overtake(at, late, 'good')
  expect([await outcome('stolen'), await outcome('other')]).toEqual(['token_revoked', 'token_revoked'])
  expect(verifier.revocationStatus()).toMatchObject({ cursor: '2', entries: 2 })
})

test('an entry that was lifted does not come back with a late answer', async () => {
  const at = await scene()
  const { feed, verifier, outcome } = at
  feed.takeNoStreams()
  expect(await outcome('good')).toBe('good')
  const late = feed.holdPolls()
  feed.revoke('pardoned')
  await until(() => late.count() === 1)
  feed.lift('pardoned')
  await overtake(at, late, 'pardoned')
  expect(await outcome('pardoned')).toBe('good')
  expect(verifier.revocationStatus()).toMatchObject({ cursor: '2', entries: 0 })
})

test('after a restore the old list counts until the whole new one is there', async () => {
  const { feed, verifier, outcome } = await scene()
  feed.takeNoStreams()
  for (const jti of ['kept', 'lost', 'lost too']) feed.revoke(jti)
  expect(await outcome('lost')).toBe('token_revoked')
  feed.restore(1)
  const answers = feed.holdPolls()
  await until(() => answers.count() === 1, 3000)
  const whole = feed.holdPolls()
  answers.send()
  await until(() => whole.count() === 1, 3000)
  expect(feed.asked.slice(-2)).toEqual(['3', undefined])
  expect(verifier.revocationStatus()).toMatchObject({ cursor: '3', entries: 3 })
  expect([await outcome('kept'), await outcome('lost')]).toEqual(['token_revoked', 'token_revoked'])
  whole.release()
  await until(() => verifier.revocationStatus()?.cursor === '1', 3000)
  expect([await outcome('kept'), await outcome('lost')]).toEqual(['token_revoked', 'good'])
})

test('an event line goes on with the list that a restore has left', async () => {
  const { feed, verifier, outcome } = await scene()
  for (const jti of ['kept', 'lost']) feed.revoke(jti)
  expect(await outcome('lost')).toBe('token_revoked')
  feed.restore(1)
  await until(() => verifier.revocationStatus()?.cursor === '1', 5000)
  feed.revoke('new')
  await until(async () => (await outcome('new')) === 'token_revoked', 3000)
  expect([await outcome('kept'), await outcome('lost')]).toEqual(['token_revoked', 'good'])
})

test('half an event is no sign of life, because the other half may be a revocation', async () => {
  const { server, feed, verifier, outcome } = await scene()
  expect(await outcome('stolen')).toBe('good')
  server.clock.advance(20)
  feed.write('event: blacklist\ndata: {"cursor":"0",')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(verifier.revocationStatus()?.staleSeconds).toBeGreaterThan(20)
  feed.write('"entries":[],"removed":[]}\n\n')
  await until(isFresh(verifier))
})

test('a clock that is ahead for a moment forgets no revocation', async () => {
  const { server, feed, verifier, outcome } = await scene()
  feed.revoke('stolen')
  expect(await outcome('stolen')).toBe('token_revoked')
  server.clock.advance(40)
  server.clock.jump(3600)
  feed.heartbeat()
  await until(isFresh(verifier))
  expect(verifier.revocationStatus()?.entries).toBe(1)
  server.clock.jump(-3600)
  expect(await outcome('stolen')).toBe('token_revoked')
})

test('what was forgotten while the clock was ahead is asked for again when it is set right', async () => {
  const { server, feed, verifier, outcome } = await scene()
  feed.revoke('stolen')
  server.clock.jump(3600)
  expect(await outcome('stolen')).toBe('token_expired')
  await verifier.verifyToken(await sign(server, await server.addKey()))
  server.clock.advance(40)
  feed.heartbeat()
  await until(isFresh(verifier))
  expect(verifier.revocationStatus()?.entries).toBe(0)
  server.clock.jump(-3600)
  expect(await outcome('stolen')).toBe('token_revoked')
  expect(verifier.revocationStatus()?.entries).toBe(1)
})

test('while that whole list is not there, nothing is fresh, whatever an event line says', async () => {
  const { server, feed, verifier, outcome } = await scene()
  feed.revoke('stolen')
  server.clock.jump(3600)
  await verifier.verifyToken(await sign(server, await server.addKey()))
  server.clock.advance(40)
  feed.heartbeat()
  await until(() => verifier.revocationStatus()?.entries === 0)
  feed.answerNobody()
  server.clock.jump(-3600)
  expect(await outcome('stolen')).toBe('revocations_stale')
  // A sign of life speaks of the list that its line follows, not of this one.
  feed.heartbeat()
  await until(() => feed.lines() === 0)
  expect(verifier.revocationStatus()?.staleSeconds).toBe(Infinity)
  expect(await outcome('stolen')).toBe('revocations_stale')
  feed.comeBack()
  await until(async () => (await outcome('stolen')) === 'token_revoked', 5000)
})

test.each([
  ['set back', -600],
  ['not touched', 0],
])('an issuer that is silent for too long is noticed with a clock that is %s', async (_, seconds) => {
  const { server, feed, outcome } = await scene({ revocations: { maxStalenessSeconds: 60 }, maxClockTolerance: 700 })
  const tolerant = { clockTolerance: 700 }
  expect(await outcome('good', tolerant)).toBe('good')
  feed.leave()
  server.clock.advance(90)
  server.clock.jump(seconds)
  expect(await outcome('good', tolerant)).toBe('revocations_stale')
})

test('a machine that has slept knows by its clock that it has heard nothing', async () => {
  const { server, feed, outcome } = await scene({ revocations: { maxStalenessSeconds: 60 } })
  expect(await outcome('good')).toBe('good')
  feed.leave()
  // The steady clock stands still meanwhile.
  server.clock.jump(90)
  expect(await outcome('good')).toBe('revocations_stale')
})

test('a bound of nothing has the issuer asked for each token', async () => {
  const { feed, outcome } = await scene()
  expect(await outcome('good')).toBe('good')
  const before = feed.asked.length
  for (const _ of [1, 2, 3]) expect(await outcome('good', AT_ONCE)).toBe('good')
  expect(feed.asked.length - before).toBe(3)
})

test('a sign of life that waited while the machine slept is not believed: the issuer is asked', async () => {
  const { server, feed, verifier, outcome } = await scene()
  expect(await outcome('good')).toBe('good')
  const asked = feed.asked.length
  server.clock.jump(90)
  feed.heartbeat()
  await until(isFresh(verifier))
  expect(feed.asked.length).toBe(asked + 1)
})

test('an answer out of a cache is as old as the cache says', async () => {
  const { feed, verifier, outcome } = await scene({ revocations: { maxStalenessSeconds: 60 } })
  feed.takeNoStreams()
  feed.cache(40)
  expect(await outcome('good')).toBe('good')
  expect(verifier.revocationStatus()?.staleSeconds).toBeGreaterThan(39)
  feed.cache(90)
  expect(await outcome('good', { revocations: { maxStalenessSeconds: 30 } })).toBe('revocations_stale')
})

test('a page is asked for beside the query that the address of the feed has', async () => {
  const server = await startKeyServer()
  const feed = startFeed(server)
  feed.takeNoStreams()
  const asked: string[] = []
  const answer = server.answers.get('/blacklist/feed')
  server.answers.set('/blacklist/feed', (request, response) => {
    asked.push(request.url ?? '')
    answer?.(request, response)
  })
  const feedUrl = `${server.issuer}/blacklist/feed?tenant=a`
  const verifier = createTokenVerifier({
    issuer: server.issuer,
    audience: API,
    clock: server.clock,
    revocations: { feedUrl },
  })
  onTestFinished(() => verifier.close())
  await verifier.verifyToken(await sign(server, await server.addKey()))
  await until(() => asked.length >= 3, 3000)
  expect(new Set(asked)).toEqual(new Set(['/blacklist/feed?tenant=a', '/blacklist/feed?tenant=a&after=0']))
})
