/** `/admin/api/clients` */
import * as z from 'zod'
import { secretRotationSchema } from '../admin/clients.ts'
import { AUTH_METHODS, GRANT_TYPES } from '../clients/client.ts'
import { clientChangeSchema, clientRegistrationSchema, type clientMetadata } from '../clients/wire.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import { done, id, json, jsonBody, LOCATION, ref, withScope, type Paths } from './operation.ts'
import { optionalPaging, page } from './paging.ts'
import { BEARER_BODY_REFUSALS, BEARER_REFUSALS, CONFLICT, NOT_FOUND, refused } from './refusals.ts'

const seconds = z.int().min(0)

const secret = z.object({
  id: z.string().meta({ description: 'Id of the secret, which is not the secret.' }),
  kind: z
    .enum(['generated', 'brought'])
    .meta({ description: '`generated` here, or `brought` by an operator in the declarative file.' }),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable().meta({ description: 'When this secret ends; `null` for never.' }),
  last_used_at: z.iso.datetime().nullable().meta({ description: 'When it authenticated last, within a minute or so.' }),
})

const client = z.object({
  client_id: z.string(),
  client_secret: z.string().exactOptional(),
  client_secret_expires_at: z.int().exactOptional(),
  client_name: z.string().nullable(),
  grant_types: z.array(z.enum(GRANT_TYPES)),
  scope: z.string(),
  resources: z.array(z.string()),
  redirect_uris: z.array(z.string()),
  token_endpoint_auth_method: z.enum(AUTH_METHODS),
  jwks: z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().exactOptional() })) }).nullable(),
  access_token_ttl: seconds.nullable(),
  refresh_token_ttl: seconds.nullable(),
  refresh_token_idle_ttl: seconds.nullable(),
  refresh_grace: seconds.nullable(),
  claims: z.record(z.string(), z.unknown()),
  allowed_claims: z.array(z.string()),
  status: z.enum(['enabled', 'disabled']),
  secrets: z.array(secret).meta({ description: 'The secrets that are good now, or were until lately.' }),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  disabled_at: z.iso.datetime().nullable(),
}) satisfies z.ZodType<ReturnType<typeof clientMetadata>>

export const clientSchemas = {
  Client: client,
  ClientRegistration: clientRegistrationSchema,
  ClientChange: clientChangeSchema,
  SecretRotation: secretRotationSchema,
}

const EXAMPLE = {
  client_id: 'billing',
  client_name: 'Billing',
  grant_types: ['client_credentials', 'refresh_token'],
  scope: 'orders:read',
  resources: ['https://orders.example.com'],
  redirect_uris: [],
  token_endpoint_auth_method: 'client_secret_basic',
  jwks: null,
  access_token_ttl: null,
  refresh_token_ttl: null,
  refresh_token_idle_ttl: null,
  refresh_grace: null,
  claims: {},
  allowed_claims: [],
  status: 'enabled',
  secrets: [
    {
      id: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
      kind: 'generated',
      created_at: '2026-01-31T12:00:00.000Z',
      expires_at: null,
      last_used_at: null,
    },
  ],
  created_at: '2026-01-31T12:00:00.000Z',
  updated_at: '2026-01-31T12:00:00.000Z',
  disabled_at: null,
} satisfies z.output<typeof client>

const WITH_SECRET = { ...EXAMPLE, client_secret: 'sgs_…', client_secret_expires_at: 0 } satisfies z.output<
  typeof client
>

const shared = { tags: ['Clients'] as [string], security: withScope(ADMIN_SCOPE) }
const CLIENT_ID = id('A `client_id`', 'billing')

export const clientPaths: Paths = {
  '/admin/api/clients': {
    get: {
      ...shared,
      operationId: 'listClients',
      summary: 'List all clients',
      parameters: optionalPaging('`client_id`'),
      responses: {
        200: page('Every client, or a page of them.', 'Client', EXAMPLE),
        ...refused('invalid_request'),
        ...BEARER_REFUSALS,
      },
    },
    post: {
      ...shared,
      operationId: 'createClient',
      summary: 'Register a client',
      description: 'A client that authenticates by a secret is given one, in this answer alone.',
      requestBody: jsonBody(ref('ClientRegistration'), {
        client_id: 'billing',
        client_name: 'Billing',
        grant_types: ['client_credentials', 'refresh_token'],
        scope: 'orders:read',
        resources: ['https://orders.example.com'],
      }),
      responses: {
        201: json('Registered.', ref('Client'), WITH_SECRET, LOCATION),
        ...refused('invalid_client_metadata', 'invalid_request'),
        ...CONFLICT,
        ...BEARER_BODY_REFUSALS,
      },
    },
  },
  '/admin/api/clients/{id}': {
    get: {
      ...shared,
      operationId: 'readClient',
      summary: 'Read a client',
      parameters: [CLIENT_ID],
      responses: { 200: json('The client.', ref('Client'), EXAMPLE), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
    patch: {
      ...shared,
      operationId: 'updateClient',
      summary: 'Change a client',
      description: 'Absent members stay as they are. A client that now needs a secret and has none is given one.',
      parameters: [CLIENT_ID],
      requestBody: jsonBody(ref('ClientChange'), { scope: 'orders:read orders:write', access_token_ttl: '10m' }),
      responses: {
        200: json('The client as it is now.', ref('Client'), { ...EXAMPLE, access_token_ttl: 600 }),
        ...refused('invalid_client_metadata', 'invalid_request'),
        ...NOT_FOUND,
        ...BEARER_BODY_REFUSALS,
      },
    },
    delete: {
      ...shared,
      operationId: 'deleteClient',
      summary: 'Delete a client',
      description: 'Its grants and secrets go with it, and its live tokens are denied, here and downstream.',
      parameters: [CLIENT_ID],
      responses: { 204: done('Deleted.'), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
  },
  '/admin/api/clients/{id}/rotate-secret': {
    post: {
      ...shared,
      operationId: 'rotateClientSecret',
      summary: 'Give a client another secret',
      description: 'The ones before it end after the overlap, a day unless said otherwise. `0` ends them at once.',
      parameters: [CLIENT_ID],
      requestBody: jsonBody(ref('SecretRotation'), { overlap: '1h' }, false),
      responses: {
        201: json('The client, with the new secret.', ref('Client'), WITH_SECRET),
        ...refused('invalid_request'),
        ...NOT_FOUND,
        ...BEARER_BODY_REFUSALS,
      },
    },
  },
  '/admin/api/clients/{id}/disable': {
    post: {
      ...shared,
      operationId: 'disableClient',
      summary: 'Disable a client',
      description: 'It is refused everything and its live tokens are denied, here and downstream, until it is enabled.',
      parameters: [CLIENT_ID],
      responses: {
        200: json('The client as it is now.', ref('Client'), {
          ...EXAMPLE,
          status: 'disabled',
          disabled_at: '2026-02-01T08:00:00.000Z',
        }),
        ...NOT_FOUND,
        ...BEARER_REFUSALS,
      },
    },
  },
  '/admin/api/clients/{id}/enable': {
    post: {
      ...shared,
      operationId: 'enableClient',
      summary: 'Enable a client',
      parameters: [CLIENT_ID],
      responses: { 200: json('The client as it is now.', ref('Client'), EXAMPLE), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
  },
}
