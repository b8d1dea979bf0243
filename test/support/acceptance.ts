/**
 * The parties that may accept a token: the issuer at introspection, a verifier that has followed the blacklist all
 * along, and a verifier that starts only now. They never accept a denied token for as long as it lives.
 */
import { onTestFinished } from 'vitest'
import { createTokenVerifier, type TokenError, type TokenVerifier } from '../../verifiers/node/src/index.ts'
import { isActive } from './admin.ts'
import { claimsOf, type Credentials } from './client.ts'
import type { TestClock } from './issuer.ts'

export interface Place {
  url: string
  issuer: string
  clock: TestClock
}

export interface Acceptors {
  /** The parties that accept the token now, by name. */
  of(token: string): Promise<string[]>
  /** The parties that accept the token at some instant from now until it expires. Moves the clock to its last seconds. */
  everOf(token: string): Promise<string[]>
}

export const EVERYBODY = ['introspection', 'follower', 'newcomer']

/** Not content with what the issuer said before: every verdict asks for the news. */
const UP_TO_DATE = { revocations: { maxStalenessSeconds: 0, whenStale: 'closed' } } as const

/** A verifier for whatever audience, that follows the blacklist; closed when the test ends. */
export function followerOf({ issuer, clock }: Pick<Place, 'issuer' | 'clock'>): TokenVerifier {
  const verifier = createTokenVerifier({ issuer, anyAudience: true, clock, revocations: true, name: 'follower' })
  onTestFinished(() => verifier.close())
  return verifier
}

/** Whether a verifier that starts only now accepts the token. */
export async function newcomerAccepts(at: Pick<Place, 'issuer' | 'clock'>, token: string): Promise<boolean> {
  const newcomer = followerOf(at)
  try {
    return await accepts(newcomer, token)
  } finally {
    await newcomer.close()
  }
}

/** Refusals that say nothing of a denial fail the test; a proof of possession is asked for after the denials. */
export async function accepts(verifier: TokenVerifier, token: string): Promise<boolean> {
  try {
    await verifier.verifyToken(token, UP_TO_DATE)
    return true
  } catch (error) {
    const { code } = error as TokenError // another error has no code, and is thrown on
    if (code === 'token_revoked' || code === 'token_expired' || code === 'unknown_key') return false
    if (code === 'wrong_type' && claimsOf(token).cnf !== undefined) return true
    throw error
  }
}

/** @param observer a client that has the tokens' audience as its resource, so that introspection shows it the tokens */
export function acceptorsOf(at: Place, observer: Credentials): Acceptors {
  const follower = followerOf(at)
  const of = async (token: string) => {
    const found: string[] = []
    if (await isActive(at, observer, token)) found.push('introspection')
    if (await accepts(follower, token)) found.push('follower')
    if (await newcomerAccepts(at, token)) found.push('newcomer')
    return found
  }
  return {
    of,
    async everOf(token) {
      const found = new Set(await of(token))
      const last = claimsOf(token).exp - 5
      const step = (last - at.clock.now() / 1000) / 6
      for (let each = 0; each < 6; each++) {
        at.clock.advance(Math.max(step, 0))
        for (const name of await of(token)) found.add(name)
      }
      return [...found]
    },
  }
}
