/** Access tokens in the form of RFC 9068, made with `node:crypto` alone, for sides that make none themselves. */
import { randomUUID, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { signEcdsa } from './ecdsa.ts'
import { ISSUER, LIFETIME_SECONDS, SCOPE, type Algorithm } from './terms.ts'

const signInPool = promisify(sign)

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

interface Subject {
  clientId: string
  sub: string
  aud: string
  /** Only a token of a refresh has it. */
  sid?: string | undefined
}

/** The signing input: header and claims, encoded. */
export function signingInput(alg: Algorithm, { clientId, sub, aud, sid }: Subject): string {
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    iss: ISSUER,
    sub,
    aud,
    client_id: clientId,
    iat,
    exp: iat + LIFETIME_SECONDS,
    jti: randomUUID(),
    scope: SCOPE,
    sid,
  }
  return `${segment({ alg, typ: 'at+jwt', kid: alg })}.${segment(claims)}`
}

/** ES256 at once: it takes less time than going to another thread and back. */
export const signEs256 = (input: string, key: KeyObject): string =>
  `${input}.${signEcdsa(input, key).toString('base64url')}`

/** RS256 in the thread pool, where all cores can work on it. */
export const signRs256 = async (input: string, key: KeyObject): Promise<string> =>
  `${input}.${(await signInPool('RSA-SHA256', Buffer.from(input), key)).toString('base64url')}`
