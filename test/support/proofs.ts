/** DPoP proofs (RFC 9449 §4.2) of tests. */
import { hash } from 'node:crypto'
import { SignJWT, exportJWK, type CryptoKey } from 'jose'
import type { TestIssuer } from './issuer.ts'

/** @param terms.path of the endpoint; `accessToken` where the proof goes with one */
export async function proofOf(
  issuer: TestIssuer,
  { privateKey, publicKey }: { privateKey: CryptoKey; publicKey: CryptoKey },
  { htm, path, accessToken }: { htm: string; path: string; accessToken?: string | undefined },
): Promise<string> {
  const { kty, crv, x, y } = await exportJWK(publicKey)
  const claims = {
    htm,
    htu: issuer.issuer + path,
    iat: Math.floor(issuer.clock.now() / 1000),
    jti: crypto.randomUUID(),
    ...(accessToken !== undefined && { ath: hash('sha256', accessToken, 'base64url') }),
  }
  // Sound: the members of an EC key, which `exportJWK` types as optional.
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } as never })
    .sign(privateKey)
}
