/** /admin/api/consents: what persons have allowed to clients. */
import { invalidRequest } from '../ground/errors.ts'
import { nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { NO_CURSOR, answerPage, narrowing, pageOf, paging, readPage } from '../http/page.ts'
import { done } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { SessionEnds } from '../sessions/ending.ts'
import { CONSENT, consentView } from '../sessions/wire.ts'
import { consentCursor, isConsentCursor } from '../store/records/session.ts'
import type { Store } from '../store/store.ts'
import { USER_QUERY, userIdOf } from './persons.ts'

interface Needs {
  store: Store
  sessionEnds: SessionEnds
}

export const consentsApi = (needs: Needs): Route[] => [listConsents(needs), withdrawConsent(needs)]

const PATH = '/admin/api/consents'
const SHARED = {
  tag: 'Sessions',
  refuses: ['invalid_request', 404] as const,
}

const listConsents = ({ store }: Needs) =>
  route(
    {
      get: PATH,
      access: scope(READ_SCOPE),
      ...SHARED,
      query: { user: USER_QUERY, ...paging('user_id client_id') },
      refuses: ['invalid_request'],
      id: 'listConsents',
      says: 'List consents, by person and client',
      answers: { 200: pageOf('A page of consents.', CONSENT) },
    },
    async (call) => {
      const page = readPage(call)
      if (page.after !== undefined && !isConsentCursor(page.after)) throw invalidRequest(NO_CURSOR)
      const userId = await userIdOf(call.query.user, { store })
      return answerPage(call, page, await store.pageConsents({ userId }, page), consentCursor, consentView)
    },
  )

const withdrawConsent = ({ store, sessionEnds }: Needs) =>
  route(
    {
      delete: PATH,
      access: scope(ADMIN_SCOPE),
      ...SHARED,
      query: { user: narrowing('The person, by `sub`, user name or address.'), client_id: narrowing('The client.') },
      id: 'withdrawConsent',
      says: 'Take a consent back',
      tells: 'The client’s grants for the person end, and its live access tokens are denied, here and downstream.',
      answers: { 204: nothing('Withdrawn.') },
    },
    async ({ query: { user, client_id: clientId }, actor }) => {
      const userId = await userIdOf(user, { store })
      if (userId === undefined || clientId === undefined)
        throw invalidRequest('name both: DELETE /admin/api/consents?user=USER&client_id=ID')
      await sessionEnds.withdraw(userId, clientId, actor)
      return done()
    },
  )
