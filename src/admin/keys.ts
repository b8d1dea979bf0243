/** /admin/api/keys */
import type { Revocation } from '../blacklist/revocation.ts'
import { toIso } from '../ground/clock.ts'
import { conflict, notFound } from '../ground/errors.ts'
import { schemaOf } from '../ground/schema.ts'
import { listOf } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { KeyReaders } from '../keys/readers.ts'
import type { KeyRotation } from '../keys/rotation.ts'
import { KEY, listKeyViews } from '../keys/wire.ts'
import { ADMIN_SCOPE, MOST_RESOURCE_ID_CHARACTERS } from '../resources/resource.ts'
import type { PromotionOutcome } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import { idOf, idParam } from './id.ts'

const keyRotationSchema = schemaOf((z) =>
  z
    .strictObject({
      alg: z.enum(['ES256', 'RS256']),
      emergency: z.boolean(),
      resource: z.string().max(MOST_RESOURCE_ID_CHARACTERS, { abort: true }),
    })
    .partial()
    .meta({ id: 'KeyRotation' }),
)

interface Needs {
  store: Store
  keys: KeyRing
  rotation: KeyRotation
  readers: KeyReaders
  revocation: Revocation
}

export const keysApi = (needs: Needs): Route[] => [listKeys(needs), rotateKeys(needs), revokeKey(needs)]

const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Keys' }
const AS_IT_IS = { 200: listOf('Every key as it is now.', KEY) }

const listKeys = (needs: Needs) =>
  route(
    {
      get: '/admin/api/keys',
      ...SHARED,
      id: 'listKeys',
      says: 'List all signing keys',
      answers: { 200: listOf('Every key.', KEY) },
    },
    async () => json(await listKeyViews(needs)),
  )

const rotateKeys = (needs: Needs) =>
  route(
    {
      post: '/admin/api/keys/rotate',
      ...SHARED,
      body: keyRotationSchema,
      isBodyOptional: true,
      example: { alg: 'ES256', emergency: true },
      id: 'rotateKeys',
      says: 'Rotate signing keys now',
      tells:
        '`next` becomes `active`, `active` becomes `retiring`, a new `next` stands. Of the issuer’s rings, or of the own ring of `resource`; of one algorithm alone with `alg`. Refused, with the time from which it is safe, while a `next` key is too young; `emergency` goes ahead.',
      answers: AS_IT_IS,
      refuses: ['invalid_request', 404, 409],
    },
    async ({ body: { alg, emergency = false, resource }, actor }) => {
      const mode = emergency ? 'emergency' : 'requested'
      const rings = needs.keys.ringsOf({ alg, resource })
      if (rings.length === 0) throw notFound('a ring of keys by this name')
      // All rings are asked before the first one rotates, so that a refusal leaves nothing half done.
      for (const ring of rings) requirePromotion(ring.alg, await needs.rotation.forecast(ring, mode))
      for (const ring of rings) requirePromotion(ring.alg, await needs.rotation.rotate(ring, mode, actor))
      return json(await listKeyViews(needs))
    },
  )

const revokeKey = (needs: Needs) =>
  route(
    {
      post: '/admin/api/keys/:id/revoke',
      ...SHARED,
      params: idParam('A `kid`', 'es256-3q2-7wEjRWeJq83vASNFZw'),
      id: 'revokeKey',
      says: 'Revoke a compromised signing key',
      tells:
        'Out of the key set at once, a fresh `active` key in its place; its tokens are refused here and by every follower of the feed. A verifier that only caches the key set accepts tokens of the revoked key, forged ones too, until `max-age` is over, and refuses those of the fresh one for as long where it has been published for less.',
      answers: AS_IT_IS,
      refuses: [404, 409],
    },
    async (call) => {
      await needs.revocation.revokeKey(idOf(call), call.actor)
      return json(await listKeyViews(needs))
    },
  )

/** @throws OAuthError 409 with the time from which a rotation is safe. */
function requirePromotion(alg: string, answer: PromotionOutcome | undefined): void {
  if (answer?.outcome !== 'refused') return
  throw conflict(`${alg}: ${answer.reason}${answer.safeFrom === null ? '' : `; safe from ${toIso(answer.safeFrom)}`}`)
}
