/** /admin/api/consents: what persons have allowed to clients. */
import { invalidRequest } from '../ground/errors.ts'
import { listOf, nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { done, json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { SessionEnds } from '../sessions/ending.ts'
import { CONSENT, consentView } from '../sessions/wire.ts'
import type { Store } from '../store/store.ts'

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
      query: { user: { says: 'The `sub` of the person.' } },
      refuses: ['invalid_request'],
      id: 'listConsents',
      says: 'List the consents of a person',
      answers: { 200: listOf('The consents.', CONSENT) },
    },
    async ({ query: { user } }) => {
      if (!user) throw invalidRequest('user is missing: GET /admin/api/consents?user=SUB')
      return json((await store.listConsents(user)).map(consentView))
    },
  )

const withdrawConsent = ({ sessionEnds }: Needs) =>
  route(
    {
      delete: PATH,
      access: scope(ADMIN_SCOPE),
      ...SHARED,
      query: { user: { says: 'The `sub` of the person.' }, client_id: { says: 'The client.' } },
      id: 'withdrawConsent',
      says: 'Take a consent back',
      tells: 'The client’s grants for the person end, and its live access tokens are denied, here and downstream.',
      answers: { 204: nothing('Withdrawn.') },
    },
    async ({ query: { user, client_id: clientId }, actor }) => {
      if (!user || !clientId) throw invalidRequest('name both: DELETE /admin/api/consents?user=SUB&client_id=ID')
      await sessionEnds.withdraw(user, clientId, actor)
      return done()
    },
  )
