/** The rotation of refresh tokens: who may use one, once, for how long, and what a second use ends. */
import { guardsIn, type Guard } from '../guard.ts'

const rule = guardsIn('src/tokens/refresh-rotation.ts', 'refresh-rotation')
const form = guardsIn('src/tokens/refresh-token.ts', 'revocation', 'refresh-rotation')
const use = guardsIn('src/grant-types/refresh-token.ts', 'refresh-rotation')
const life = guardsIn('src/grants/grant.ts', 'refresh-rotation')

export const REFRESH_TOKEN_GUARDS: Guard[] = [
  rule(
    'the grace ends',
    'if (isPredecessor && now < grant.rotatedAt + fromSeconds(graceSeconds)) return',
    'if (isPredecessor) return',
  ),
  rule(
    'the grace is for the direct predecessor alone',
    'const isPredecessor = presented === grant.generation - 1',
    'const isPredecessor = presented < grant.generation',
  ),
  use(
    'reuse ends the family',
    "if (decision === 'reuse') return endReused(grant, client.clientId, requestId, rooms, now)",
    "if (decision === 'reuse') throw unknownToken('it was used before')",
  ),
  use(
    'reuse denies the access tokens of the family',
    "deny: denyLiveGrant(grant, reason, 'system', now)",
    'deny: null',
  ),
  use('a refresh token is its client’s', 'if (grant.clientId !== client.clientId) throw', 'if (false) throw'),
  use('a resource that the grant lacks', 'if (requested.some((id) => !grant.resources.includes(id)))', 'if (false)'),
  use('a resource that the client has lost', 'if (dropped) throw', 'if (false) throw'),
  use('resources that took another shape since', 'requireOneShape(resources)', '', 'own-keys'),
  use(
    'a grant for a resource that was created anew',
    'if (isForPredecessor(resource, grant.createdAt))',
    'if (false)',
    'admin-api',
  ),
  form('the MAC of a refresh token', '!timingSafeEqual(macOf(body, familyKey), bytes.subarray(BODY_BYTES))', 'false'),
  form(
    'one refresh token has one spelling',
    "if (REFRESH_TOKEN_PREFIX + bytes.toString('base64url') !== token) return undefined",
    '',
    'revocation',
    'refresh-rotation',
    'guards',
  ),
  form(
    'the master key alone makes no refresh token',
    "timingSafeEqual(token.familySecret, Buffer.from(grant.familySecret, 'base64url'))",
    'true',
    'guards',
  ),
  life('the absolute end of a family', 'grant.expiresAt <= now ||', 'false ||'),
  life('the idle end of a family', '(grant.idleExpiresAt !== null && grant.idleExpiresAt <= now)', 'false'),
]
