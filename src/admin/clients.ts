/** /admin/api/clients */
import type { ClientRegistry } from '../clients/registration.ts'
import {
  CLIENT,
  clientChangeSchema,
  clientMetadata,
  clientRegistrationSchema,
  rotatedMetadata,
  toClientChange,
} from '../clients/wire.ts'
import { MOST_LEAVING } from '../clients/secret-overlap.ts'
import { durationSchema } from '../clients/field-schemas.ts'
import { schemaOf } from '../ground/schema.ts'
import { answerOf, createdOf, nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { created, done, json } from '../http/reply.ts'
import { basePath } from '../http/endpoint-url.ts'
import { answerSorted, optionalPaging, pageOf } from '../http/page.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import { idOf, idParam } from './id.ts'

const secretRotationSchema = schemaOf((z) =>
  z.strictObject({ overlap: durationSchema.zod }).partial().meta({ id: 'SecretRotation' }),
)

interface Needs {
  issuer: string
  clientRegistry: ClientRegistry
}

const PATH = '/admin/api/clients'

export const clientsApi = (needs: Needs): Route[] => [
  listClients(needs),
  createClient(needs),
  readClient(needs),
  updateClient(needs),
  deleteClient(needs),
  rotateClientSecret(needs),
  disableClient(needs),
  enableClient(needs),
]

const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Clients' }
const ONE = { ...SHARED, params: idParam('A `client_id`', 'billing') }
/** A client with its new secret. */
const SHOWN = { ...CLIENT, example: { ...CLIENT.example, client_secret: 'sgs_…', client_secret_expires_at: 0 } }
const ROTATED = { ...CLIENT, example: { ...SHOWN.example, ended_secrets: [] } }

const listClients = ({ clientRegistry: registry }: Needs) =>
  route(
    {
      get: PATH,
      ...SHARED,
      query: optionalPaging('client_id'),
      id: 'listClients',
      says: 'List all clients',
      answers: { 200: pageOf('Every client, or a page of them.', CLIENT) },
      refuses: ['invalid_request'],
    },
    async (call) =>
      answerSorted(
        call,
        await registry.list(),
        ({ clientId }) => clientId,
        (client) => clientMetadata(client),
      ),
  )

const createClient = ({ issuer, clientRegistry: registry }: Needs) =>
  route(
    {
      post: PATH,
      ...SHARED,
      body: clientRegistrationSchema,
      bodyRefusal: 'invalid_client_metadata',
      example: {
        client_id: 'billing',
        client_name: 'Billing',
        grant_types: ['client_credentials', 'refresh_token'],
        scope: 'orders:read',
        resources: ['https://orders.example.com'],
      },
      id: 'createClient',
      says: 'Register a client',
      tells:
        'A client that authenticates by a secret is given one, in this answer alone. The id of a new client is no person’s any more: live grants of a person with that `sub` end, and `ended_grants` says how many. A user with that id is disabled, and `disabled_user` says so.',
      answers: { 201: createdOf('Registered.', SHOWN) },
      refuses: ['invalid_client_metadata', 'invalid_request', 409],
    },
    async ({ body: { client_id: clientId, ...metadata }, actor }) => {
      const { client, secret, endedGrants, isUserDisabled } = await registry.create(
        { clientId, ...toClientChange(metadata) },
        actor,
      )
      const location = `${basePath(issuer)}${PATH}/${encodeURIComponent(client.clientId)}`
      const told = {
        ...(endedGrants > 0 && { ended_grants: endedGrants }),
        ...(isUserDisabled && { disabled_user: true }),
      }
      return created({ ...clientMetadata(client, secret), ...told }, location)
    },
  )

const readClient = ({ clientRegistry: registry }: Needs) =>
  route(
    {
      get: `${PATH}/:id`,
      ...ONE,
      id: 'readClient',
      says: 'Read a client',
      answers: { 200: answerOf('The client.', CLIENT) },
      refuses: [404],
    },
    async (call) => json(clientMetadata(await registry.get(idOf(call)))),
  )

const updateClient = ({ clientRegistry: registry }: Needs) =>
  route(
    {
      patch: `${PATH}/:id`,
      ...ONE,
      body: clientChangeSchema,
      bodyRefusal: 'invalid_client_metadata',
      example: { scope: 'orders:read orders:write', access_token_ttl: '10m' },
      id: 'updateClient',
      says: 'Change a client',
      tells: 'Absent members stay as they are. A client that now needs a secret and has none is given one.',
      answers: {
        200: answerOf('The client as it is now.', {
          ...CLIENT,
          example: { ...CLIENT.example, access_token_ttl: 600 },
        }),
      },
      refuses: ['invalid_client_metadata', 'invalid_request', 404],
    },
    async (call) => {
      const { client, secret } = await registry.update(idOf(call), toClientChange(call.body), call.actor)
      return json(clientMetadata(client, secret))
    },
  )

const deleteClient = ({ clientRegistry: registry }: Needs) =>
  route(
    {
      delete: `${PATH}/:id`,
      ...ONE,
      id: 'deleteClient',
      says: 'Delete a client',
      tells: 'Its grants and secrets go with it, and its live tokens are denied, here and downstream.',
      answers: { 204: nothing('Deleted.') },
      refuses: [404],
    },
    async (call) => {
      await registry.delete(idOf(call), call.actor)
      return done()
    },
  )

const rotateClientSecret = ({ clientRegistry: registry }: Needs) =>
  route(
    {
      post: `${PATH}/:id/rotate-secret`,
      ...ONE,
      body: secretRotationSchema,
      isBodyOptional: true,
      example: { overlap: '1h' },
      id: 'rotateClientSecret',
      says: 'Give a client another secret',
      tells: `Its earlier secrets end after the overlap, a day unless said otherwise. \`0\` ends them at once. At most ${MOST_LEAVING} of them are good at the same time; \`ended_secrets\` are those that ended with this request.`,
      answers: { 201: answerOf('The client, with the new secret.', ROTATED) },
      refuses: ['invalid_request', 404],
    },
    async (call) => {
      const { client, secret, endedSecrets } = await registry.rotateSecret(idOf(call), call.actor, call.body.overlap)
      return json(rotatedMetadata(client, secret, endedSecrets), 201)
    },
  )

const disableClient = ({ clientRegistry: registry }: Needs) =>
  route(
    {
      post: `${PATH}/:id/disable`,
      ...ONE,
      id: 'disableClient',
      says: 'Disable a client',
      tells: 'It is refused everything and its live tokens are denied, here and downstream, until it is enabled.',
      answers: {
        200: answerOf('The client as it is now.', { ...CLIENT, example: { ...CLIENT.example, status: 'disabled' } }),
      },
      refuses: [404],
    },
    async (call) => json(clientMetadata(await registry.disable(idOf(call), call.actor))),
  )

const enableClient = ({ clientRegistry: registry }: Needs) =>
  route(
    {
      post: `${PATH}/:id/enable`,
      ...ONE,
      id: 'enableClient',
      says: 'Enable a client',
      answers: { 200: answerOf('The client as it is now.', CLIENT) },
      refuses: [404],
    },
    async (call) => json(clientMetadata(await registry.enable(idOf(call), call.actor))),
  )
