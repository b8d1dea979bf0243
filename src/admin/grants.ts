/** /admin/api/grants */
import { notFound } from '../ground/errors.ts'
import { grantView } from '../grants/wire.ts'
import { actorOf } from '../http/actor.ts'
import { answerPage, readPage } from '../http/page.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { idOf } from './id.ts'

export function grantsApi({ store, revocation }: Rooms) {
  const list: Handler = async (c) => {
    const page = readPage(c)
    const filter = { clientId: c.req.query('client_id') || undefined, sub: c.req.query('sub') || undefined }
    const grants = await store.listGrants(filter, page)
    return answerPage(
      c,
      page,
      grants,
      ({ sid }) => sid,
      (grant) => grantView(grant, store.now()),
    )
  }

  const read: Handler = async (c) => {
    const grant = await store.findGrant(idOf(c))
    if (!grant) throw notFound('this grant')
    return c.json(grantView(grant, store.now()))
  }

  const end: Handler = async (c) => {
    const outcome = await revocation.endGrant(idOf(c), actorOf(c))
    if (outcome === 'unknown') throw notFound('this grant')
    return c.body(null, 204)
  }

  return { list, read, end }
}
