/** /admin/api/groups */
import { notFound } from '../ground/errors.ts'
import { answerOf, createdOf, nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { basePath } from '../http/endpoint-url.ts'
import { created, done, json } from '../http/reply.ts'
import { answerSorted, optionalPaging, pageOf } from '../http/page.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { GroupRegistry } from '../users/group.ts'
import type { UserRegistry } from '../users/registration.ts'
import { GROUP, groupChangeSchema, groupCreationSchema, groupView, membersSchema } from '../users/group-wire.ts'
import { idOf, idParam } from './id.ts'

interface Needs {
  issuer: string
  groupRegistry: GroupRegistry
  userRegistry: UserRegistry
}

const PATH = '/admin/api/groups'

export const groupsApi = (needs: Needs): Route[] => [
  listGroups(needs),
  createGroup(needs),
  readGroup(needs),
  updateGroup(needs),
  deleteGroup(needs),
  addMembers(needs),
  removeMembers(needs),
]

const READING = { access: scope(READ_SCOPE), tag: 'Groups' }
const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Groups' }
const PARAMS = { params: idParam('A group', 'engineering') }
const MEMBERS = {
  body: membersSchema,
  example: { users: ['ada', 'grace'] },
  answers: { 200: answerOf('The group as it is now.', GROUP) },
  refuses: ['invalid_request', 404] as const,
}

const listGroups = ({ groupRegistry: registry }: Needs) =>
  route(
    {
      get: PATH,
      ...READING,
      query: optionalPaging('name'),
      id: 'listGroups',
      says: 'List all groups',
      answers: { 200: pageOf('Every group, or a page of them.', GROUP) },
      refuses: ['invalid_request'],
    },
    async (call) => answerSorted(call, await registry.list(), ({ name }) => name, groupView),
  )

const createGroup = ({ issuer, groupRegistry: registry }: Needs) =>
  route(
    {
      post: PATH,
      ...SHARED,
      body: groupCreationSchema,
      example: { name: 'engineering', roles: ['editor'], permissions: ['orders.write'] },
      id: 'createGroup',
      says: 'Create a group',
      answers: { 201: createdOf('Created.', GROUP) },
      refuses: ['invalid_request', 409],
    },
    async ({ body: { name, ...metadata }, actor }) => {
      const group = await registry.create(name, metadata, actor)
      return created(groupView(group), `${basePath(issuer)}${PATH}/${encodeURIComponent(group.name)}`)
    },
  )

const readGroup = ({ groupRegistry: registry }: Needs) =>
  route(
    {
      get: `${PATH}/:id`,
      ...READING,
      ...PARAMS,
      id: 'readGroup',
      says: 'Read a group',
      answers: { 200: answerOf('The group.', GROUP) },
      refuses: [404],
    },
    async (call) => json(groupView(await registry.get(idOf(call)))),
  )

const updateGroup = ({ groupRegistry: registry }: Needs) =>
  route(
    {
      patch: `${PATH}/:id`,
      ...SHARED,
      ...PARAMS,
      body: groupChangeSchema,
      example: { roles: ['editor', 'reviewer'] },
      id: 'updateGroup',
      says: 'Change a group',
      tells: 'Absent members stay as they are. It takes effect at the next refresh of each member.',
      answers: {
        200: answerOf('The group as it is now.', {
          ...GROUP,
          example: { ...GROUP.example, roles: ['editor', 'reviewer'] },
        }),
      },
      refuses: ['invalid_request', 404],
    },
    async (call) => json(groupView(await registry.update(idOf(call), call.body, call.actor))),
  )

const deleteGroup = ({ groupRegistry: registry }: Needs) =>
  route(
    {
      delete: `${PATH}/:id`,
      ...SHARED,
      ...PARAMS,
      id: 'deleteGroup',
      says: 'Delete a group',
      tells: 'Its members stay. The built-in group stays too: 409.',
      answers: { 204: nothing('Deleted.') },
      refuses: [404, 409],
    },
    async (call) => {
      await registry.delete(idOf(call), call.actor)
      return done()
    },
  )

const addMembers = ({ groupRegistry: registry, userRegistry }: Needs) =>
  route(
    { post: `${PATH}/:id/add`, ...SHARED, ...PARAMS, ...MEMBERS, id: 'addMembers', says: 'Add users to a group' },
    async (call) =>
      json(groupView(await registry.add(idOf(call), await idsOf(call.body.users, userRegistry), call.actor))),
  )

const removeMembers = ({ groupRegistry: registry, userRegistry }: Needs) =>
  route(
    {
      post: `${PATH}/:id/remove`,
      ...SHARED,
      ...PARAMS,
      ...MEMBERS,
      id: 'removeMembers',
      says: 'Take users out of a group',
      tells: 'It takes effect at the next refresh; a permission for Signet itself is gone at once.',
    },
    async (call) =>
      json(groupView(await registry.remove(idOf(call), await idsOf(call.body.users, userRegistry), call.actor))),
  )

/** @param names ids, user names or addresses @throws OAuthError 404 */
async function idsOf(names: string[], registry: Pick<UserRegistry, 'findNamed'>): Promise<string[]> {
  const ids: string[] = []
  for (const name of names) {
    const person = await registry.findNamed(name)
    if (!person) throw notFound(`a user called ${JSON.stringify(name)}`)
    ids.push(person.user.id)
  }
  return ids
}
