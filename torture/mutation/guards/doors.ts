/** What the endpoints refuse: foreign eyes, low tokens, bodies and parameters that nobody means. */
import { guardsIn, type Guard } from '../guard.ts'

const introspection = guardsIn('src/endpoints/introspect.ts', 'revocation')
const revocation = guardsIn('src/endpoints/revoke.ts', 'revocation')
const blacklist = guardsIn('src/endpoints/blacklist.ts', 'blacklist')
const token = guardsIn('src/endpoints/token.ts', 'token-endpoint')
const bearer = guardsIn('src/http/bearer.ts', 'admin-api')
const credentials = guardsIn('src/http/client-auth.ts', 'bad-requests')
const body = guardsIn('src/http/form.ts', 'bad-requests')
const routes = guardsIn('src/app.ts', 'admin-api')
const keys = guardsIn('src/admin/keys.ts', 'key-rotation')

export const DOOR_GUARDS: Guard[] = [
  introspection('introspection by a public client', 'if (isPublicClient(client))', 'if (false)'),
  introspection(
    'introspection of a foreign access token',
    'if (state.active && isFor(client, state.claims))',
    'if (state.active)',
  ),
  introspection(
    'introspection of a foreign refresh token',
    'if (state.active && state.grant.clientId === client.clientId)',
    'if (state.active)',
    'revocation',
    'guards',
  ),
  revocation(
    'revocation of a foreign refresh token',
    'if (state.grant?.clientId === client.clientId)',
    'if (state.grant)',
  ),
  revocation(
    'revocation of a foreign access token',
    'if (state.claims?.client_id === client.clientId)',
    'if (state.claims)',
  ),
  blacklist(
    'an entry that is over before it begins',
    "if (typeof expiresAt === 'number' && expiresAt <= rooms.store.now())",
    'if (false)',
  ),
  token('another grant at /refresh', "if (grantType !== 'refresh_token')", 'if (false)'),
  token('a proof counts', 'if (proof === undefined) return undefined', 'return undefined', 'proof-of-possession'),
  bearer(
    'a token that is denied, at the admin API',
    'if (!state.active) throw',
    'if (!state.active && !state.claims) throw',
    'admin-api',
    'guards',
  ),
  bearer(
    'a token for another audience, at the admin API',
    'if (![state.claims.aud].flat().includes(issuer)) throw',
    'if (false) throw',
  ),
  bearer('a bound token as plain Bearer', 'if (state.claims.cnf) throw', 'if (false) throw', 'proof-of-possession'),
  bearer('the scope of the admin API', 'if (!granted.includes(scope) && !granted.includes(ADMIN_SCOPE))', 'if (false)'),
  routes(
    'the blacklist is not all of administration',
    'const admin = requireScope(rooms, ADMIN_SCOPE)',
    'const admin = requireScope(rooms, BLACKLIST_SCOPE)',
    'blacklist',
    'admin-api',
  ),
  routes('the key rotation asks who comes', "'/admin/api/keys/rotate', admin, ", "'/admin/api/keys/rotate', "),
  routes(
    'lifting an entry asks who comes',
    "'/blacklist/:id', blacklister, liftEntry",
    "'/blacklist/:id', liftEntry",
    'blacklist',
  ),
  keys(
    'a refused rotation leaves nothing half done',
    'requirePromotion(ring.alg, await keys.forecast(ring, mode))',
    'void ring',
  ),
  credentials('one way to authenticate', 'if (methods.length > 1)', 'if (false)'),
  credentials(
    'the type of an assertion',
    'if (assertionType !== ASSERTION_TYPE)',
    'if (false)',
    'client-authentication',
  ),
  credentials(
    'client_id differs from the user of Basic',
    'if (parameterId !== undefined && parameterId !== clientId)',
    'if (false)',
  ),
  credentials('strict base64', "bytes.toString('base64') === encoded && isUtf8(bytes)", 'isUtf8(bytes)', 'guards'),
  body('a parameter sent twice', "if (length > 1 && known[name] === 'once') throw", 'if (false) throw'),
  body('another media type than a form', "if (mediaType(c) !== 'application/x-www-form-urlencoded')", 'if (false)'),
  body('another media type than JSON', "if (mediaType(c) !== 'application/json') throw", 'if (false) throw', 'guards'),
  body('a hundred parameters', 'if (pairs > MOST_PAIRS) throw', 'if (false) throw'),
  body(
    'a body that says it is too large',
    "if (Number(c.req.header('content-length') ?? 0) > MOST_BODY_BYTES) return Promise.reject(tooLarge())",
    '',
  ),
  body(
    'a body that does not say how large it is',
    'if (bytes <= MOST_BODY_BYTES) return void chunks.push(chunk)',
    'return void chunks.push(chunk)',
    'faults-of-other-issuers',
  ),
  guardsIn('src/http/on-error.ts', 'bad-requests')(
    'a 401 says how to authenticate',
    "if (error.code === 'invalid_client' && error.status === 401)",
    'if (false)',
  ),
  guardsIn('src/http/on-error.ts', 'bad-requests', 'guards')(
    'characters that an error may hold',
    ".replace(/[^\\x20-\\x21\\x23-\\x5B\\x5D-\\x7E]/g, '?')",
    '',
  ),
  guardsIn('src/http/request-log.ts', 'bad-requests')(
    'a refusal is not stored',
    "outgoing.setHeader('Cache-Control', 'no-store')",
    '',
  ),
  guardsIn('src/http/send.ts', 'token-endpoint')(
    'a token answer is not stored',
    "'Cache-Control', 'no-store', 'Pragma', 'no-cache', ",
    '',
  ),
  guardsIn('src/admin/users.ts', 'secrets-stay-secret')('a secret in the place of a sub', ' || looksSecret(sub)', ''),
  guardsIn('src/server.ts', 'bad-requests')(
    'headers of more than 16 KB',
    'maxHeaderSize: 16_384',
    'maxHeaderSize: 1_048_576',
  ),
]
