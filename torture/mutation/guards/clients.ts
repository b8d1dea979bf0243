/** Who asks: secrets, assertions, registered methods, and what a registration may say. */
import { edit, guardsIn, layered, type Guard } from '../guard.ts'

const authentication = guardsIn('src/clients/authentication.ts', 'client-authentication')
const secret = guardsIn('src/clients/secret.ts', 'client-authentication')
const assertion = guardsIn('src/clients/assertion.ts', 'client-authentication')
const record = guardsIn('src/clients/client.ts', 'admin-api')
const key = guardsIn('src/clients/assertion-key.ts', 'client-authentication')
const claims = guardsIn('src/clients/claims.ts', 'token-endpoint')
const queue = guardsIn('src/clients/password-queue.ts', 'client-authentication')

export const CLIENT_GUARDS: Guard[] = [
  authentication(
    'client_id beside an assertion is that of the assertion',
    'if (presented.clientId !== undefined && presented.clientId !== issuer)',
    'if (false)',
  ),
  authentication(
    'a disabled client proves nothing by its secret or name',
    "if (client.disabledAt !== null) throw refusal('the client is disabled')",
    '',
  ),
  authentication(
    'a disabled client proves nothing by an assertion',
    "if (disabledAt !== null) return 'the client is disabled'",
    '',
    'guards',
  ),
  authentication('the registered method alone', 'if (registered === method) return', 'return'),
  authentication(
    'a confidential client has to prove itself',
    "if (!isPublicClient(client)) throw refusal('a confidential client sent no credentials')",
    '',
    'revocation',
    'client-authentication',
  ),
  authentication(
    'the grants that a client is registered for',
    'if (client.grantTypes.includes(grantType)) return',
    'return',
    'token-endpoint',
  ),
  authentication(
    'a secret in the place of a name stays out of the log',
    'withoutSecrets(clientId).slice(0, 128)',
    'clientId.slice(0, 128)',
    'bad-requests',
  ),
  secret(
    'a generated secret is compared',
    "if (timingSafeEqual(digest, Buffer.from(secret.digest, 'base64url'))) found = secret",
    'found = secret',
  ),
  secret(
    'a brought secret is compared',
    '.run(lane, () => argon2.verify(secret.digest, presented))',
    '.run(lane, () => argon2.verify(secret.digest, presented).then(() => true))',
  ),
  secret('an old secret ends', 'expiresAt === null || expiresAt > now', 'true'),
  layered(
    'a brought secret is long enough',
    [
      edit('src/clients/secret.ts', 'secret.length < LEAST_BROUGHT || ', ''),
      edit('src/apply.ts', 'secret.length < 32 || ', ''),
    ],
    'guards',
  ),
  queue(
    'argon2id in bounded number',
    'if (!this.#makeRoom(lane)) return',
    'if (false) return',
    'client-authentication',
    'faults-of-other-issuers',
  ),
  layered(
    'the listed algorithms alone',
    [
      edit('src/clients/assertion.ts', 'algorithms: [...ASSERTION_ALGORITHMS],', ''),
      edit(
        'src/clients/assertion.ts',
        'decoyFor(alg as (typeof ASSERTION_ALGORITHMS)[number])',
        "decoyFor((/^[RP]S/.test(alg ?? '') ? 'RS256' : alg) as (typeof ASSERTION_ALGORITHMS)[number])",
      ),
    ],
    'client-authentication',
  ),
  assertion('sub of an assertion', 'subject: clientId,', ''),
  assertion('aud of an assertion', 'if (claims.aud !== issuer) return', 'if (false) return'),
  assertion('exp of an assertion', 'if ((claims.exp ?? 0) <= now) return', 'if (false) return'),
  assertion(
    'exp of an assertion is near',
    'if ((claims.exp ?? 0) > now + MOST_LIFETIME + MOST_AHEAD) return',
    'if (false) return',
  ),
  assertion('iat of an assertion', 'if ((claims.iat ?? 0) > now + MOST_AHEAD) return', 'if (false) return'),
  layered(
    'jti of an assertion',
    [
      edit('src/clients/assertion.ts', "requiredClaims: ['exp', 'jti', 'aud'],", ''),
      edit(
        'src/clients/assertion.ts',
        "if (typeof claims.jti !== 'string' || claims.jti === '' || claims.jti.length > 256)",
        'if (false)',
      ),
    ],
    'client-authentication',
    'faults-of-other-issuers',
  ),
  assertion(
    'typ of an assertion',
    "if (typ !== undefined && !['jwt', 'client-authentication+jwt'].includes(typ.toLowerCase()))",
    'if (false)',
  ),
  assertion('an assertion is good once', "outcome === 'fresh' ?", 'true ?'),
  assertion(
    'an assertion of more than 16 KB',
    'if (assertion.length > MOST_CHARACTERS) return undefined',
    '',
    'bad-requests',
  ),
  record('ids that belong to the issuer', " || clientId.startsWith('signet:')", ''),
  record(
    'a public client gets nothing in its own name',
    "if (isPublicClient(client) && grantTypes.some((grant) => grant !== 'refresh_token'))",
    'if (false)',
    'token-endpoint',
  ),
  record(
    'a private key in a registration',
    'if (PRIVATE_MEMBERS.some((member) => member in key))',
    'if (false)',
    'admin-api',
    'client-authentication',
  ),
  record('a refresh token in a client’s own name', ' && sub !== clientId)', ')', 'subject-grant'),
  key('a key for encryption', "if (use !== undefined && use !== 'sig') return", 'if (false) return'),
  key('a key that cannot be read', 'if (!key) return', 'if (!key) return undefined\n  if (false) return'),
  key('an RSA key of few bits', 'return bits < LEAST_RSA_BITS ?', 'return false ?'),
  key(
    'a key for another algorithm',
    'if (alg !== undefined && !algorithms.some((each) => each === alg))',
    'if (false)',
  ),
  claims(
    'claims of the protocol cannot be set',
    'if (isProtocolClaim(name)) return',
    'if (false) return',
    'admin-api',
    'token-endpoint',
  ),
  claims('claims nested deep', 'if (isDeeper(claims, MOST_CLAIM_LEVELS)) return', 'if (false) return'),
  claims(
    'claims of many bytes',
    'return bytes > MOST_CLAIM_BYTES ?',
    'return false ?',
    'subject-grant',
    'token-endpoint',
  ),
]
