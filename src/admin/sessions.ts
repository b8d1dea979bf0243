/** /admin/api/sessions: the sign-ins of persons in their browsers. */
import { notFound } from '../ground/errors.ts'
import { answerOf, nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { answerPage, pageOf, paging, readPageOfIds } from '../http/page.ts'
import { done, json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { SessionEnds } from '../sessions/ending.ts'
import { SESSION, sessionView } from '../sessions/wire.ts'
import { isLiveSession } from '../store/records/session.ts'
import type { Store } from '../store/store.ts'
import { idOf, idParam } from './id.ts'
import { USER_QUERY, userIdOf } from './persons.ts'

interface Needs {
  store: Store
  sessionEnds: SessionEnds
}

export const sessionsApi = (needs: Needs): Route[] => [listSessions(needs), readSession(needs), endSession(needs)]

const TAG = { tag: 'Sessions' }
const ID = { params: idParam('The id of a session, `sid` in ID tokens', SESSION.example.id) }

const listSessions = ({ store }: Needs) =>
  route(
    {
      get: '/admin/api/sessions',
      access: scope(READ_SCOPE),
      ...TAG,
      query: { user: USER_QUERY, ...paging('id') },
      id: 'listSessions',
      says: 'List live sessions',
      answers: { 200: pageOf('A page of sessions.', SESSION) },
      refuses: ['invalid_request'],
    },
    async (call) => {
      const page = readPageOfIds(call)
      const userId = await userIdOf(call.query.user, { store })
      const sessions = await store.listSessions({ userId }, page)
      return answerPage(call, page, sessions, ({ id }) => id, sessionView)
    },
  )

const readSession = ({ store }: Needs) =>
  route(
    {
      get: '/admin/api/sessions/:id',
      access: scope(READ_SCOPE),
      ...TAG,
      ...ID,
      id: 'readSession',
      says: 'Read a live session',
      tells: 'Its grants: `GET /admin/api/grants?session=ID`.',
      answers: { 200: answerOf('The session.', SESSION) },
      refuses: [404],
    },
    async (call) => {
      const found = await store.findSessionById(idOf(call))
      if (!found || !isLiveSession(found.session, store.now())) throw notFound('this session')
      return json(sessionView({ ...found.session, clients: await store.listSessionClients(found.session.id) }))
    },
  )

const endSession = ({ sessionEnds }: Needs) =>
  route(
    {
      delete: '/admin/api/sessions/:id',
      access: scope(ADMIN_SCOPE),
      ...TAG,
      ...ID,
      id: 'endSession',
      says: 'End a session',
      tells:
        'Every grant that was made in it ends, its live access tokens are denied, here and downstream, and its clients are told by back-channel logout.',
      answers: { 204: nothing('Ended, now or before.') },
      refuses: [404],
    },
    async (call) => {
      await sessionEnds.end(idOf(call), call.actor)
      return done()
    },
  )
