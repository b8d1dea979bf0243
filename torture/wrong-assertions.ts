/** Requests for a token with client assertions (RFC 7523 §2.2) that a stranger's key has signed. */
import { SignJWT, generateKeyPair, type CryptoKey } from 'jose'
import { postForm } from './wrong-secrets.ts'

const EACH = 200
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Many, each with a `jti` of its own. @param clientId whose they claim to be @param issuer the `aud` */
export async function wrongAssertionRequests(clientId: () => string, issuer: string): Promise<string[]> {
  const { privateKey } = await generateKeyPair('ES256')
  return Promise.all(Array.from({ length: EACH }, () => wrongAssertionRequest(clientId(), issuer, privateKey)))
}

async function wrongAssertionRequest(clientId: string, issuer: string, key: CryptoKey): Promise<string> {
  const assertion = await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(key)
  const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, client_assertion: assertion }
  return postForm('/token', new URLSearchParams(form).toString())
}
