/** /admin/api/grants */
import type { Revocation } from '../blacklist/revocation.ts'
import { notFound } from '../ground/errors.ts'
import { answerOf, nothing } from '../ground/shape.ts'
import { GRANT, grantView } from '../grants/wire.ts'
import { scope } from '../http/access.ts'
import { done, json } from '../http/reply.ts'
import { answerPage, narrowing, pageOf, paging, readPageOfIds } from '../http/page.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import type { Store } from '../store/store.ts'
import { idOf, idParam } from './id.ts'

interface Needs {
  store: Store
  revocation: Revocation
}

export const grantsApi = (needs: Needs): Route[] => [listGrants(needs), readGrant(needs), endGrant(needs)]

const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Grants' }
const ONE = { ...SHARED, params: idParam('A `sid`', GRANT.example.sid) }

const listGrants = ({ store }: Needs) =>
  route(
    {
      get: '/admin/api/grants',
      ...SHARED,
      query: {
        client_id: narrowing('Of this client alone.'),
        sub: narrowing('Of this subject alone.'),
        session: narrowing('Made in this session alone, by its id.'),
        ...paging('sid'),
      },
      id: 'listGrants',
      says: 'List grants, oldest first',
      answers: { 200: pageOf('A page of grants.', GRANT) },
      refuses: ['invalid_request'],
    },
    async (call) => {
      const page = readPageOfIds(call)
      const { client_id: clientId, sub, session } = call.query
      const filter = { clientId, sub, sessionId: session }
      return answerPage(
        call,
        page,
        await store.listGrants(filter, page),
        ({ sid }) => sid,
        (grant) => grantView(grant, store.now()),
      )
    },
  )

const readGrant = ({ store }: Needs) =>
  route(
    {
      get: '/admin/api/grants/:id',
      ...ONE,
      id: 'readGrant',
      says: 'Read a grant',
      answers: { 200: answerOf('The grant.', GRANT) },
      refuses: [404],
    },
    async (call) => {
      const grant = await store.findGrant(idOf(call))
      if (!grant) throw notFound('this grant')
      return json(grantView(grant, store.now()))
    },
  )

const endGrant = ({ revocation }: Needs) =>
  route(
    {
      delete: '/admin/api/grants/:id',
      ...ONE,
      id: 'endGrant',
      says: 'End a grant',
      tells: 'Its refresh tokens are over for good, its live access tokens are denied, here and downstream.',
      answers: { 204: nothing('Ended, now or before.') },
      refuses: [404],
    },
    async (call) => {
      const outcome = await revocation.endGrant(idOf(call), call.actor)
      if (outcome === 'unknown') throw notFound('this grant')
      return done()
    },
  )
