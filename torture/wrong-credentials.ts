/** Requests for a token by secrets that are wrong, and by assertions that a stranger's key has signed (RFC 7523 §2.2). */
import { SignJWT, generateKeyPair, type CryptoKey } from 'jose'
import type { Credentials } from './caller.ts'
import { lettersOf, type Random } from './random.ts'

const GUESSES = 500

/** @param kind `generated` secrets have the prefix of Signet's own; `brought` secrets have none and cost argon2id */
export function wrongSecretRequests(random: Random, kind: 'generated' | 'brought', victims: Credentials[]): string[] {
  return Array.from({ length: GUESSES }, () => {
    const { clientId } = random.pick(victims)
    const guess = (kind === 'generated' ? 'sgs_' : '') + lettersOf(random, 43)
    return tokenRequest({ clientId, secret: guess }, `X-Forwarded-For: 198.51.100.${random.between(1, 255)}\r\n`)
  })
}

/** The bytes of `POST /token` by `client_credentials`. */
export function tokenRequest({ clientId, secret }: Credentials, headers = ''): string {
  const authorization = `Authorization: Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}\r\n`
  return postForm('/token', 'grant_type=client_credentials', authorization + headers)
}

/** The bytes of a request that posts a form. @param headers each with its line end */
function postForm(path: string, body: string, headers = ''): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
    `${headers}\r\n${body}`,
  ].join('\r\n')
}

const EACH = 200
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Many assertions, each with a `jti` of its own. @param clientId the client that they name @param issuer their `aud` */
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
