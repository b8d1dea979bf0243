/** Signs claims that the caller may make several times, because a key may have to be made ready first. */
import { fromSeconds } from '../ground/clock.ts'
import { Unavailable } from '../ground/errors.ts'
import type { RingId } from '../store/records/key.ts'
import type { KeyRing } from './key-ring.ts'

const MOST_ATTEMPTS = 8

/** Claims, and the ring whose active key signs them. `iat` and, where the token ends, `exp` are in seconds. */
export interface Unsigned {
  ring: RingId
  claims: { iat: number; exp?: number }
}

/**
 * @param make the claims as they are at the moment of signing; it may throw
 * @returns a compact JWS
 * @throws Unavailable where no key can sign now
 */
export async function signNow(
  keys: Pick<KeyRing, 'trySign' | 'makeReady'>,
  typ: string,
  make: () => Unsigned,
): Promise<string> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const { ring, claims } = make()
    const signing = keys.trySign(ring, typ, claims)
    if (signing) return signing
    const { iat, exp = iat } = claims
    await keys.makeReady(ring, fromSeconds(exp), fromSeconds(exp - iat))
  }
  throw new Unavailable('no key was ready to sign')
}
