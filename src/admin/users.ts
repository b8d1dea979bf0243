/** /admin/api/users: the persons who sign in here, and those for whom trusted backends have asked grants. */
import type { Revocation } from '../blacklist/revocation.ts'
import { basePath } from '../http/endpoint-url.ts'
import { answerOf, createdOf, nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { created, done, json } from '../http/reply.ts'
import { answerPage, narrowing, pageOf, paging, readPage } from '../http/page.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { UserRegistry } from '../users/registration.ts'
import { userChangeSchema, userCreationSchema } from '../users/wire.ts'
import { idOf, idParam } from './id.ts'
import { personsOf, USER, type PersonNeeds, type Persons } from './persons.ts'
import { userActs } from './user-acts.ts'

export interface UserNeeds extends PersonNeeds {
  issuer: string
  revocation: Revocation
  userRegistry: UserRegistry
}

export const usersApi = (needs: UserNeeds): Route[] => {
  const persons = personsOf(needs)
  return [
    listUsers(persons),
    createUser(needs, persons),
    readUser(persons),
    updateUser(needs, persons),
    deleteUser(needs, persons),
    disableUser(needs, persons),
    enableUser(needs, persons),
    ...userActs(needs, persons),
  ]
}

const PATH = '/admin/api/users'
const READING = { access: scope(READ_SCOPE), tag: 'Users' }
const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Users' }
const PARAMS = {
  params: idParam(
    'A `sub`, or a user name; one that is both is refused with 409, and one that is `.` or `..` has no place in a path: use POST /blacklist',
    'ada',
  ),
}
const DISABLED = {
  ...USER,
  example: {
    ...USER.example,
    status: 'disabled' as const,
    disabled: true,
    blacklist_entry: '019a6e3d-11aa-7b0e-8c1d-2f3a4b5c6d7e',
  },
}

const listUsers = ({ list, search }: Persons) =>
  route(
    {
      get: PATH,
      ...READING,
      query: {
        search: {
          says: 'Users whose user name, address or name holds this text. An empty field of a form searches nothing.',
        },
        group: narrowing('Users of this group.'),
        ...paging('sub'),
      },
      id: 'listUsers',
      says: 'List users, and the persons for whom grants were asked',
      tells: 'With `search` or `group`, users alone.',
      answers: { 200: pageOf('A page of persons.', USER) },
      refuses: ['invalid_request'],
    },
    async (call) => {
      const page = readPage(call)
      const filter = { search: call.query.search || undefined, group: call.query.group }
      const isFiltered = filter.search !== undefined || filter.group !== undefined
      const found = isFiltered ? await search(filter, page) : await list(page)
      return answerPage(
        call,
        page,
        found,
        ({ sub }) => sub,
        (view) => view,
      )
    },
  )

const createUser = ({ issuer, userRegistry }: UserNeeds, { describeUser }: Persons) =>
  route(
    {
      post: PATH,
      ...SHARED,
      body: userCreationSchema,
      example: {
        username: 'ada',
        email: 'ada@example.com',
        name: 'Ada Lovelace',
        groups: ['engineering'],
        invite: true,
      },
      id: 'createUser',
      says: 'Create a user',
      tells:
        'With `invite`, the answer has `invite_url`, by which the person chooses a password or a passkey; it is shown in this answer alone.',
      answers: { 201: createdOf('Created.', USER) },
      refuses: ['invalid_request', 409],
    },
    async ({ body: { invite = false, ...wanted }, actor }) => {
      const { person, link } = invite
        ? await userRegistry.createInvited(wanted, actor)
        : { person: await userRegistry.create(wanted, actor), link: undefined }
      const view = { ...(await describeUser(person)), ...(link && { invite_url: link.url }) }
      return created(view, `${basePath(issuer)}${PATH}/${encodeURIComponent(person.user.id)}`)
    },
  )

const readUser = ({ requireKnown, findUser, describeUser, describe }: Persons) =>
  route(
    {
      get: `${PATH}/:id`,
      ...READING,
      ...PARAMS,
      id: 'readUser',
      says: 'Read a person',
      answers: { 200: answerOf('The person.', USER) },
      refuses: [404, 409],
    },
    async ({ params: { id: sub } }) => {
      const person = await findUser(sub)
      if (person) return json(await describeUser(person))
      await requireKnown(sub)
      return json(await describe(sub))
    },
  )

const updateUser = ({ userRegistry }: UserNeeds, { requireUser, describeUser }: Persons) =>
  route(
    {
      patch: `${PATH}/:id`,
      ...SHARED,
      ...PARAMS,
      body: userChangeSchema,
      example: { name: 'Ada King', groups: ['engineering', 'press'] },
      id: 'updateUser',
      says: 'Change a user',
      tells: 'Absent members stay as they are, `null` takes one away. An address counts as verified.',
      answers: {
        200: answerOf('The user as it is now.', { ...USER, example: { ...USER.example, name: 'Ada King' } }),
      },
      refuses: ['invalid_request', 404, 409],
    },
    async (call) => {
      const { user } = await requireUser(idOf(call))
      return json(await describeUser(await userRegistry.update(user.id, call.body, call.actor)))
    },
  )

const deleteUser = ({ userRegistry }: UserNeeds, { requireUser }: Persons) =>
  route(
    {
      delete: `${PATH}/:id`,
      ...SHARED,
      ...PARAMS,
      id: 'deleteUser',
      says: 'Delete a user',
      tells:
        'Sessions and grants go too, and live tokens are denied, here and downstream. The id is never given again.',
      answers: { 204: nothing('Deleted.') },
      refuses: [404, 409],
    },
    async (call) => {
      const { user } = await requireUser(idOf(call))
      await userRegistry.delete(user.id, call.actor)
      return done()
    },
  )

const disableUser = (
  { revocation, userRegistry }: UserNeeds,
  { requireDeniable, findUser, describeUser, describe }: Persons,
) =>
  route(
    {
      post: `${PATH}/:id/disable`,
      ...SHARED,
      ...PARAMS,
      id: 'disableUser',
      says: 'Disable a person',
      tells:
        'By a blacklist entry: issued tokens are denied and no new ones are issued, until the person is enabled. Sessions end. It needs no account and no grant. A client is no person: 404.',
      answers: { 200: answerOf('The person as it is now.', DISABLED) },
      refuses: [404, 409],
    },
    async ({ params: { id: sub }, actor }) => {
      const person = await findUser(sub)
      if (person) return json(await describeUser(await userRegistry.disable(person.user.id, actor)))
      await requireDeniable(sub)
      await revocation.disableUser(sub, actor)
      return json(await describe(sub))
    },
  )

const enableUser = (
  { revocation, userRegistry }: UserNeeds,
  { requireKnown, findUser, describeUser, describe }: Persons,
) =>
  route(
    {
      post: `${PATH}/:id/enable`,
      ...SHARED,
      ...PARAMS,
      id: 'enableUser',
      says: 'Enable a person',
      tells:
        'Lifts what disabling the person made. An entry that was posted stands: `blacklist_entry` names it, and `DELETE /blacklist/{id}` lifts it. Grants that were ended stay ended.',
      answers: { 200: answerOf('The person as it is now.', USER) },
      refuses: [404, 409],
    },
    async ({ params: { id: sub }, actor }) => {
      const person = await findUser(sub)
      if (person) return json(await describeUser(await userRegistry.enable(person.user.id, actor)))
      await requireKnown(sub)
      await revocation.enableUser(sub, actor)
      return json(await describe(sub))
    },
  )
