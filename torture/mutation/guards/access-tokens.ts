/** What makes an access token inactive, and what keeps a proof of possession from being somebody else's. */
import { edit, guardsIn, layered, type Guard } from '../guard.ts'

const verify = guardsIn('src/tokens/access-token.ts', 'revocation')
const jws = guardsIn('src/keys/jws.ts', 'revocation')
const state = guardsIn('src/tokens/token-state.ts', 'revocation')
const proof = guardsIn('src/tokens/dpop-proof.ts', 'proof-of-possession')

export const ACCESS_TOKEN_GUARDS: Guard[] = [
  jws('the algorithm is that of the key', ' || key.alg !== alg)', ')', 'guards'),
  jws('a header that must be understood', 'if (header.crit !== undefined) return', 'if (false) return', 'guards'),
  jws(
    'the signature of an access token',
    'if (!isSignedBy(key, `${header64}.${payload64}`, signature64)) return',
    'if (false) return',
  ),
  jws(
    'one signature has one spelling',
    "if (signature.toString('base64url') !== signature64) return false",
    '',
    'guards',
  ),
  layered(
    'one token has one spelling',
    [
      edit('src/keys/jws.ts', "if (signature.toString('base64url') !== signature64) return false", ''),
      edit('src/keys/jws.ts', String.raw`/^([\w-]+)\.([\w-]+)\.([\w-]+)$/`, String.raw`/^([^.]+)\.([^.]+)\.([^.]+)$/`),
    ],
    'revocation',
    'guards',
  ),
  verify('iss is this issuer', 'if (payload.iss !== this.#issuer) return', 'if (false) return', 'guards'),
  verify('exp has not passed', "typeof exp !== 'number' || exp <= now", "typeof exp !== 'number'"),
  verify(
    'typ is that of an access token',
    "if (!['at+jwt', 'JWT'].includes(typ)) return",
    'if (false) return',
    'guards',
  ),
  verify(
    'the own key of a resource speaks for that resource alone',
    'if (key.ring !== SHARED_RING && payload.aud !== key.ring)',
    'if (false)',
    'guards',
  ),
  verify(
    'a token of more than 16 KB',
    'if (token.length > MOST_TOKEN_CHARACTERS) return',
    'if (false) return',
    'guards',
  ),
  layered(
    'a key that was revoked, though its tokens were known',
    [
      edit('src/tokens/access-token.ts', 'if (!key) return', 'if (false) return'),
      edit('src/tokens/token-state.ts', 'findDenying({ ...claims, kid })', 'findDenying(claims)'),
    ],
    'key-rotation',
  ),
  verify(
    'a token is bound to the key that was proved',
    'if (terms.proofKey !== undefined) claims.cnf = { jkt: terms.proofKey }',
    '',
    'proof-of-possession',
  ),
  state(
    'the blacklist denies access tokens',
    'this.#blacklist.findDenying({ ...claims, kid })',
    "this.#blacklist.findDenying({ jti: '', sub: '', client_id: '', iat: 0 })",
  ),
  state(
    'a token whose client is gone',
    'if (claims.client_id !== OPERATOR_CLIENT_ID && !client) return',
    'if (false) return',
    'guards',
  ),
  state('a token whose resource is gone', 'if (!resource) return', 'if (!resource) continue\n      if (false) return'),
  state(
    'a token of a resource that was created anew',
    'if (isForPredecessor(resource, issuedAt(claims))) return',
    'if (false) return',
    'admin-api',
  ),
  state(
    'a refresh token whose resources are gone',
    'if (!grant.resources.some((id) => this.#isOf(grant, id))) return',
    'if (false) return',
    'admin-api',
  ),
  state('a refresh token whose grant was ended', "if (status === 'ended') return", 'if (false) return', 'guards'),
  state('a refresh token whose grant has expired', "if (status === 'expired') return", 'if (false) return'),
  state(
    'a refresh token that has a successor',
    'if (generation !== grant.generation) return',
    'if (false) return',
    'refresh-rotation',
    'properties/refresh-family',
  ),
  proof('htm of a proof', 'if (htm !== method)', 'if (false)'),
  proof(
    'htu of a proof',
    "if (typeof htu !== 'string' || withoutQuery(htu) !== withoutQuery(url))",
    "if (typeof htu !== 'string')",
  ),
  proof(
    'age of a proof',
    "if (typeof iat !== 'number' || Math.abs(now - iat) > WINDOW)",
    "if (typeof iat !== 'number')",
  ),
  proof('jti of a proof', "if (typeof jti !== 'string' || jti === '' || jti.length > 256)", 'if (false)', 'guards'),
  proof('a proof is good once', "if (outcome === 'replayed')", 'if (false)'),
  proof(
    'a proof that tells its private key',
    'if (PRIVATE_MEMBERS.some((member) => member in jwk))',
    'if (false)',
    'guards',
  ),
  proof('typ of a proof', "typ: 'dpop+jwt',", ''),
  proof('a proof of more than 8 KB', 'if (proof.length > MOST_CHARACTERS)', 'if (false)', 'guards'),
]
