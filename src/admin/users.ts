/** /admin/api/users: the persons for whom trusted backends have asked grants. Disabling one is a blacklist entry. */
import type { Blacklist } from '../blacklist/match.ts'
import type { Revocation } from '../blacklist/revocation.ts'
import { MOST_NAME_CHARACTERS } from '../blacklist/wire.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { notFound } from '../ground/errors.ts'
import { looksSecret } from '../ground/looks-secret.ts'
import { answerOf } from '../ground/shape.ts'
import { subjectView, USER } from '../grants/wire.ts'
import { scope } from '../http/access.ts'
import { json } from '../http/reply.ts'
import { answerPage, pageOf, paging, readPage } from '../http/page.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import type { Store } from '../store/store.ts'
import { idParam } from './id.ts'

interface Needs {
  store: Store
  clients: ClientDirectory
  blacklist: Blacklist
  revocation: Revocation
}

export const usersApi = (needs: Needs): Route[] => {
  const persons = personsOf(needs)
  return [listUsers(needs, persons), readUser(persons), disableUser(needs, persons), enableUser(needs, persons)]
}

type Persons = ReturnType<typeof personsOf>

function personsOf({ store, clients, blacklist }: Needs) {
  const refusing = (sub: string) => blacklist.findRefusing('sub', sub)?.id
  const view = (summary: Parameters<typeof subjectView>[0]) => subjectView(summary, refusing(summary.sub))
  const requireKnown = async (sub: string): Promise<void> => {
    if (refusing(sub) === undefined && !(await store.findSubject(sub))) throw notFound('this user')
  }
  return {
    view,
    requireKnown,
    describe: async (sub: string): Promise<object> => {
      const summary = await store.findSubject(sub)
      return view(summary ?? { sub, grants: 0, liveGrants: 0, lastGrantAt: null })
    },
    /**
     * A denial needs no record of a person: a person who only got access tokens has none. The id of a client is no
     * person's `sub`.
     */
    requireDeniable: async (sub: string): Promise<void> => {
      const isNoName = sub.length > MOST_NAME_CHARACTERS || looksSecret(sub) || clients.find(sub) !== undefined
      if (isNoName) await requireKnown(sub)
    },
  }
}

const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Users' }
const ONE = {
  ...SHARED,
  params: idParam('A `sub`; one that is `.` or `..` has no place in a path: use POST /blacklist', 'ada'),
}
const DISABLED = {
  ...USER,
  example: { ...USER.example, status: 'disabled', blacklist_entry: '019a6e3d-11aa-7b0e-8c1d-2f3a4b5c6d7e' },
}

const listUsers = ({ store }: Needs, { view }: Persons) =>
  route(
    {
      get: '/admin/api/users',
      ...SHARED,
      query: paging('sub'),
      id: 'listUsers',
      says: 'List the persons for whom grants were asked',
      answers: { 200: pageOf('A page of persons.', USER) },
      refuses: ['invalid_request'],
    },
    async (call) => {
      const page = readPage(call)
      return answerPage(call, page, await store.listSubjects(page), ({ sub }) => sub, view)
    },
  )

const readUser = ({ requireKnown, describe }: Persons) =>
  route(
    {
      get: '/admin/api/users/:id',
      ...ONE,
      id: 'readUser',
      says: 'Read a person',
      answers: { 200: answerOf('The person.', USER) },
      refuses: [404],
    },
    async ({ params: { id: sub } }) => {
      await requireKnown(sub)
      return json(await describe(sub))
    },
  )

const disableUser = ({ revocation }: Needs, { requireDeniable, describe }: Persons) =>
  route(
    {
      post: '/admin/api/users/:id/disable',
      ...ONE,
      id: 'disableUser',
      says: 'Disable a person',
      tells:
        'By a blacklist entry: issued tokens are denied and no new ones are issued, until it is lifted. It needs no grant. A client is no person: 404.',
      answers: { 200: answerOf('The person as it is now.', DISABLED) },
      refuses: [404],
    },
    async ({ params: { id: sub }, actor }) => {
      await requireDeniable(sub)
      await revocation.disableUser(sub, actor)
      return json(await describe(sub))
    },
  )

const enableUser = ({ revocation }: Needs, { requireKnown, describe }: Persons) =>
  route(
    {
      post: '/admin/api/users/:id/enable',
      ...ONE,
      id: 'enableUser',
      says: 'Enable a person',
      tells: 'Lifts every blacklist entry that refuses the person new tokens. Grants that were ended stay ended.',
      answers: { 200: answerOf('The person as it is now.', USER) },
      refuses: [404],
    },
    async ({ params: { id: sub }, actor }) => {
      await requireKnown(sub)
      await revocation.enableUser(sub, actor)
      return json(await describe(sub))
    },
  )
