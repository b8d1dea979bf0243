/**
 * The throttle of guesses at passwords and codes (OWASP, "device cookies"). Failures count by person and source. A
 * stranger slows down only strangers of the same network: a browser in which the person has signed in before is a source
 * of its own. The first failures are free. Then each guess that was judged closes the source for a while, so nobody is
 * locked out for ever. It never says whether there is such a person: names that nobody has are counted like the others.
 */
import { hash } from 'node:crypto'
import { BY_SYSTEM, type AuditTrail } from '../audit.ts'
import { isAhead } from '../ground/clock.ts'
import type { GuessOutcome, GuessRecord, GuessRule } from '../store/records/guess.ts'
import type { Store } from '../store/store.ts'
import { canonicalName } from './username.ts'

/** Failures of a source that cost no time. */
const FREE = 5
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000
/** A source that is silent for this long begins anew. By guessing on, it would have had more guesses in that time. */
const FORGOTTEN_AFTER_MS = 3_600_000

export interface Guess {
  /** `code`: of an authenticator app, or a recovery code. Both share one count. */
  kind: 'password' | 'code'
  /** The person who is guessed at, by whatever name; `undefined` where nobody has the name. */
  userId: string | undefined
  /** As typed. */
  name: string
  network: string
  /** The hash of the `device` cookie, where the browser has one. */
  browserHash: string | undefined
}

export class Guesses {
  readonly #store: Pick<Store, 'countGuess'>
  readonly #audit: AuditTrail

  constructor({ store, audit }: { store: Pick<Store, 'countGuess'>; audit: AuditTrail }) {
    this.#store = store
    this.#audit = audit
  }

  /**
   * Counts a guess as wrong, before its password is hashed or its code compared.
   * @returns `wait`: the guess must not be judged, and the source may come back after that many seconds. `counted`: judge
   *   it. If it is right, give `bucket` as `forgives` to the write that uses it.
   */
  async count(guess: Guess): Promise<GuessOutcome> {
    const counted = await this.#store.countGuess(
      {
        userId: guess.userId ?? null,
        browserHash: guess.browserHash ?? null,
        bucketOf: (isKnown) => bucketOf(guess, isKnown),
      },
      afterGuess,
    )
    if (counted.outcome === 'counted' && counted.failures > FREE) this.#note(guess, counted.failures)
    return counted
  }

  #note({ kind, userId, network }: Guess, failures: number): void {
    // The typed name may be a password in the wrong field, so it is not recorded.
    const details = { kind, network, failures }
    this.#audit.note(this.#audit.event('sign_in.guessed', userId ?? 'unknown', { ...BY_SYSTEM, details }))
  }
}

/** The rule: a guess in a closed source waits, and any other is counted as wrong. */
const afterGuess: GuessRule = (before, now) => {
  // A clock that was ahead may have set ends that lie further off than any rule sets them. They count for nothing.
  const isRemembered = before && now < before.expiresAt && !isAhead(before.expiresAt, now + FORGOTTEN_AFTER_MS)
  const standing = isRemembered ? before : undefined
  if (standing && now < standing.blockedUntil && !isAhead(standing.blockedUntil, now + LONGEST_WAIT_MS))
    return { outcome: 'wait', until: standing.blockedUntil }
  const failures = (standing?.failures ?? 0) + 1
  const blockedUntil = now + waitAfter(failures)
  return { outcome: 'counted', counted: { failures, blockedUntil, expiresAt: now + FORGOTTEN_AFTER_MS } }
}

/** Milliseconds for which a source is closed after a number of failures: 0, then a second, doubled up to a minute. */
const waitAfter = (failures: number): number =>
  failures < FREE ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (failures - FREE), LONGEST_WAIT_MS)

/** The digest tells nobody which names were tried. */
function bucketOf({ kind, userId, name, network, browserHash }: Guess, isKnown: boolean): GuessRecord['bucket'] {
  const person = userId === undefined ? `name ${canonicalName(name)}` : `user ${userId}`
  // A code is guessed by somebody who has passed the password: from any network, strangers share one source.
  const stranger = kind === 'code' ? 'strangers' : `network ${network}`
  const source = isKnown ? `browser ${browserHash}` : stranger
  return hash('sha256', `signet guess\n${kind}\n${person}\n${source}`, 'base64url')
}
