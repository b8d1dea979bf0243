/** /admin/api/keys */
import * as z from 'zod'
import { toIso } from '../ground/clock.ts'
import { conflict, notFound } from '../ground/errors.ts'
import { actorOf } from '../http/actor.ts'
import { parseBody } from '../http/parse-body.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { listKeyViews } from '../keys/wire.ts'
import type { PromotionOutcome } from '../store/store.ts'
import { idOf } from './id.ts'

export const keyRotationSchema = z
  .strictObject({
    alg: z.enum(['ES256', 'RS256']),
    emergency: z.boolean(),
    resource: z.string().max(512, { abort: true }),
  })
  .partial()

export function keysApi(rooms: Rooms) {
  const { keys, revocation } = rooms
  const list: Handler = async (c) => c.json(await listKeyViews(rooms))

  const rotate: Handler = async (c) => {
    const {
      alg,
      emergency = false,
      resource,
    } = c.req.header('content-type') ? await parseBody(c, keyRotationSchema) : {}
    const mode = emergency ? 'emergency' : 'requested'
    const rings = keys.ringsOf({ alg, resource })
    if (rings.length === 0) throw notFound('a ring of keys by this name')
    // Asked of all before the first rotates, so that a refusal leaves nothing half done.
    for (const ring of rings) requirePromotion(ring.alg, await keys.forecast(ring, mode))
    for (const ring of rings) requirePromotion(ring.alg, await keys.rotate(ring, mode, actorOf(c)))
    return c.json(await listKeyViews(rooms))
  }

  const revoke: Handler = async (c) => {
    await revocation.revokeKey(idOf(c), actorOf(c))
    return c.json(await listKeyViews(rooms))
  }

  return { list, rotate, revoke }
}

/** @throws OAuthError 409 with the time from which a rotation is safe. */
function requirePromotion(alg: string, answer: PromotionOutcome | undefined): void {
  if (answer?.outcome !== 'refused') return
  throw conflict(`${alg}: ${answer.reason}${answer.safeFrom === null ? '' : `; safe from ${toIso(answer.safeFrom)}`}`)
}
