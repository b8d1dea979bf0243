/** /admin/api/keys */
import * as z from 'zod'
import { toIso } from '../clock.ts'
import { conflict } from '../errors.ts'
import { actorOf } from '../http/actor.ts'
import { parseBody } from '../http/parse-body.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { keyView } from '../keys/key-view.ts'
import { idOf } from './id.ts'

const rotationSchema = z.strictObject({ alg: z.enum(['ES256', 'RS256']), emergency: z.boolean() }).partial()

export function keysApi({ keys, revocation }: Rooms) {
  const list: Handler = async (c) => c.json((await keys.list()).map(keyView))

  const rotate: Handler = async (c) => {
    const { alg, emergency = false } = c.req.header('content-type') ? await parseBody(c, rotationSchema) : {}
    for (const each of alg ? [alg] : SIGNING_ALGORITHMS) {
      const rotated = await keys.rotate(each, emergency ? 'emergency' : 'requested', actorOf(c))
      if (rotated.outcome === 'refused') {
        throw conflict(
          `${each}: ${rotated.reason}${rotated.safeFrom === null ? '' : `; safe from ${toIso(rotated.safeFrom)}`}`,
        )
      }
    }
    return c.json((await keys.list()).map(keyView))
  }

  const revoke: Handler = async (c) => {
    await revocation.revokeKey(idOf(c), actorOf(c))
    return c.json((await keys.list()).map(keyView))
  }

  return { list, rotate, revoke }
}
