/** What makes an access token inactive, and what keeps a proof of possession from being somebody else's. */
import { guardsIn, type Guard } from '../guard.ts'

const verify = guardsIn('src/tokens/access-token.ts', 'revocation')
const state = guardsIn('src/tokens/token-state.ts', 'revocation')
const proof = guardsIn('src/tokens/dpop-proof.ts', 'proof-of-possession')

export const ACCESS_TOKEN_GUARDS: Guard[] = [
  verify('the algorithm is that of the key', 'if (!key || key.alg !== header.alg) throw', 'if (!key) throw', 'guards'),
  verify('iss is this issuer', '{ issuer: this.#issuer, algorithms', '{ algorithms', 'guards'),
  verify('exp has not passed', 'currentDate: new Date(this.#clock.now())', 'currentDate: new Date(0)'),
  verify(
    'typ is that of an access token',
    "if (!['at+jwt', 'JWT'].includes(protectedHeader.typ ?? ''))",
    'if (false)',
    'guards',
  ),
  verify(
    'the own key of a resource speaks for that resource alone',
    'if (ring !== SHARED_RING && payload.aud !== ring)',
    'if (false)',
    'guards',
  ),
  verify('a token of more than 16 KB', 'if (token.length > MOST_TOKEN_CHARACTERS)', 'if (false)', 'guards'),
  verify('one token has one spelling', 'if (!COMPACT_JWS.test(token))', 'if (false)'),
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
  state('a refresh token whose grant was ended', "if (status === 'ended') return", 'if (false) return'),
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
  proof('jti of a proof', "if (typeof jti !== 'string' || jti === '' || jti.length > 256)", 'if (false)'),
  proof('a proof is good once', "if (outcome === 'replayed')", 'if (false)'),
  proof('a proof that tells its private key', 'if (PRIVATE_MEMBERS.some((member) => member in jwk))', 'if (false)'),
  proof('typ of a proof', "typ: 'dpop+jwt',", ''),
  proof('a proof of more than 8 KB', 'if (proof.length > MOST_CHARACTERS)', 'if (false)'),
]
