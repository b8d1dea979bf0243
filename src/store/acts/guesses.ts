/**
 * Guesses. A guess is counted before it is judged, in one write that also decides whether it is judged at all: of many
 * guesses at once none is left out. A right guess is forgiven afterwards, inside the write that makes use of it.
 */
import { fromSeconds, type Instant } from '../../ground/clock.ts'
import { find, insert, remove, time, update, type Act, type Engine } from '../engine.ts'
import type { GuessStore } from '../people-store.ts'
import { guesses, knownBrowsers } from '../tables/people.ts'
import { BROWSER_KNOWN_SECONDS, type GuessAttempt, type GuessOutcome, type GuessRule } from '../records/guess.ts'

export const guessVerbs = (engine: Engine): GuessStore => ({
  countGuess: (attempt, rule) => engine.act(() => countGuess(attempt, rule), 'free'),
})

function* countGuess({ userId, browserHash, bucketOf }: GuessAttempt, rule: GuessRule): Act<GuessOutcome> {
  const now = yield* time()
  const bucket = bucketOf(yield* isKnownBrowser(browserHash, userId, now))
  const before = yield* find(guesses, { bucket })
  const verdict = rule(before, now)
  if (verdict.outcome === 'wait') return { outcome: 'wait', seconds: Math.ceil((verdict.until - now) / 1000) }
  const { counted } = verdict
  if (before) yield* update(guesses, { bucket }, counted)
  else yield* insert(guesses, { bucket, ...counted })
  return { outcome: 'counted', bucket, failures: counted.failures }
}

function* isKnownBrowser(hash: string | null, userId: string | null, now: Instant): Act<boolean> {
  if (hash === null || userId === null) return false
  const known = yield* find(knownBrowsers, { hash, userId })
  return known !== undefined && now < known.expiresAt
}

/** The guess was right: the failures before it are forgotten. */
export function* forgiveGuesses(bucket: string): Act<void> {
  yield* remove(guesses, { bucket })
}

/** A person has signed in, with every factor, in the browser that has this `device` cookie. */
export function* rememberBrowser(hash: string, userId: string): Act<void> {
  const now = yield* time()
  const seen = { lastSeenAt: now, expiresAt: now + fromSeconds(BROWSER_KNOWN_SECONDS) }
  if ((yield* update(knownBrowsers, { hash, userId }, seen)) === 0)
    yield* insert(knownBrowsers, { hash, userId, ...seen })
}
