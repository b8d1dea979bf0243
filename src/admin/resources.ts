/** /admin/api/resources */
import { conflict, invalidRequest } from '../ground/errors.ts'
import { answerOf, createdOf, nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { created, done, json } from '../http/reply.ts'
import { basePath } from '../http/endpoint-url.ts'
import { answerSorted, optionalPaging, pageOf } from '../http/page.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import { describeHolders, type ResourceRegistry } from '../resources/registration.ts'
import {
  RESOURCE,
  resourceChangeSchema,
  resourceMetadata,
  resourceRegistrationSchema,
  toResourceChange,
} from '../resources/wire.ts'
import { idOf, idParam } from './id.ts'

interface Needs {
  issuer: string
  resourceRegistry: ResourceRegistry
}

const PATH = '/admin/api/resources'

export const resourcesApi = (needs: Needs): Route[] => [
  listResources(needs),
  createResource(needs),
  readResource(needs),
  updateResource(needs),
  deleteResource(needs),
]

const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Resources' }
const ONE = { ...SHARED, params: idParam('A resource', 'https%3A%2F%2Forders.example.com') }

const listResources = ({ resourceRegistry: registry }: Needs) =>
  route(
    {
      get: PATH,
      ...SHARED,
      query: optionalPaging('id'),
      id: 'listResources',
      says: 'List all resources',
      answers: { 200: pageOf('Every resource, or a page of them.', RESOURCE) },
      refuses: ['invalid_request'],
    },
    async (call) => answerSorted(call, await registry.list(), ({ id }) => id, resourceMetadata),
  )

const createResource = ({ issuer, resourceRegistry: registry }: Needs) =>
  route(
    {
      post: PATH,
      ...SHARED,
      body: resourceRegistrationSchema,
      example: { id: 'https://orders.example.com', ttl: '10m', scope: 'orders:read orders:write' },
      id: 'createResource',
      says: 'Register a resource',
      answers: { 201: createdOf('Registered.', RESOURCE) },
      refuses: ['invalid_request', 409],
    },
    async ({ body: { id, ...metadata }, actor }) => {
      const resource = await registry.create(id, toResourceChange(metadata), actor)
      return created(resourceMetadata(resource), `${basePath(issuer)}${PATH}/${encodeURIComponent(id)}`)
    },
  )

const readResource = ({ resourceRegistry: registry }: Needs) =>
  route(
    {
      get: `${PATH}/:id`,
      ...ONE,
      id: 'readResource',
      says: 'Read a resource',
      answers: { 200: answerOf('The resource.', RESOURCE) },
      refuses: [404],
    },
    async (call) => json(resourceMetadata(await registry.get(idOf(call)))),
  )

const updateResource = ({ resourceRegistry: registry }: Needs) =>
  route(
    {
      patch: `${PATH}/:id`,
      ...ONE,
      body: resourceChangeSchema,
      example: { ttl: '5m' },
      id: 'updateResource',
      says: 'Change a resource',
      tells: 'Absent members stay as they are.',
      answers: {
        200: answerOf('The resource as it is now.', { ...RESOURCE, example: { ...RESOURCE.example, ttl: 300 } }),
      },
      refuses: ['invalid_request', 404, 409],
    },
    async (call) => json(resourceMetadata(await registry.update(idOf(call), toResourceChange(call.body), call.actor))),
  )

/** @throws OAuthError `invalid_request` for anything but `true` and `false` */
function readForce({ force }: { force?: string }): boolean {
  if (force === undefined || force === 'true' || force === 'false') return force === 'true'
  throw invalidRequest('force is true or false')
}

const deleteResource = ({ resourceRegistry: registry }: Needs) =>
  route(
    {
      delete: `${PATH}/:id`,
      ...ONE,
      id: 'deleteResource',
      says: 'Delete a resource',
      tells:
        'Its tokens are inactive at introspection, even if it is created anew; verifiers that check alone see them end with `exp`. A resource on the list of a client stays, unless `force` takes it off: 409 names the clients.',
      query: {
        force: { says: '`true`: take it off the lists of the clients that have it.', schema: { type: 'boolean' } },
      },
      answers: { 204: nothing('Deleted.') },
      refuses: ['invalid_request', 404, 409],
    },
    async (call) => {
      const { outcome, holders } = await registry.delete(idOf(call), call.actor, { force: readForce(call.query) })
      if (outcome === 'deleted') return done()
      throw conflict(`${describeHolders(idOf(call), holders)}; ?force=true takes it off their lists`)
    },
  )
