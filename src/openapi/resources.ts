/** `/admin/api/resources` */
import * as z from 'zod'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import { resourceChangeSchema, resourceRegistrationSchema, type resourceMetadata } from '../resources/wire.ts'
import { done, id, json, jsonBody, LOCATION, ref, withScope, type Paths } from './operation.ts'
import { optionalPaging, page } from './paging.ts'
import { BEARER_BODY_REFUSALS, BEARER_REFUSALS, CONFLICT, NOT_FOUND, refused } from './refusals.ts'

const resource = z.object({
  id: z.string().meta({ description: 'Becomes `aud`: an absolute URI, or a plain name.' }),
  alg: z.enum(['ES256', 'RS256']),
  ttl: z.int().min(1).nullable(),
  scope: z
    .string()
    .nullable()
    .meta({ description: 'Scope values that it knows; `null` for whatever its clients are registered for.' }),
  typ: z.enum(['at+jwt', 'JWT']),
  claims: z.record(z.string(), z.unknown()),
  own_keys: z.boolean(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
}) satisfies z.ZodType<ReturnType<typeof resourceMetadata>>

export const resourceSchemas = {
  Resource: resource,
  ResourceRegistration: resourceRegistrationSchema,
  ResourceChange: resourceChangeSchema,
}

const EXAMPLE = {
  id: 'https://orders.example.com',
  alg: 'ES256',
  ttl: 600,
  scope: 'orders:read orders:write',
  typ: 'at+jwt',
  claims: {},
  own_keys: false,
  created_at: '2026-01-31T12:00:00.000Z',
  updated_at: '2026-01-31T12:00:00.000Z',
} satisfies z.output<typeof resource>

const shared = { tags: ['Resources'] as [string], security: withScope(ADMIN_SCOPE) }
const RESOURCE_ID = id('A resource', 'https%3A%2F%2Forders.example.com')

export const resourcePaths: Paths = {
  '/admin/api/resources': {
    get: {
      ...shared,
      operationId: 'listResources',
      summary: 'List all resources',
      parameters: optionalPaging('`id`'),
      responses: {
        200: page('Every resource, or a page of them.', 'Resource', EXAMPLE),
        ...refused('invalid_request'),
        ...BEARER_REFUSALS,
      },
    },
    post: {
      ...shared,
      operationId: 'createResource',
      summary: 'Register a resource',
      requestBody: jsonBody(ref('ResourceRegistration'), {
        id: 'https://orders.example.com',
        ttl: '10m',
        scope: 'orders:read orders:write',
      }),
      responses: {
        201: json('Registered.', ref('Resource'), EXAMPLE, LOCATION),
        ...refused('invalid_request'),
        ...CONFLICT,
        ...BEARER_BODY_REFUSALS,
      },
    },
  },
  '/admin/api/resources/{id}': {
    get: {
      ...shared,
      operationId: 'readResource',
      summary: 'Read a resource',
      parameters: [RESOURCE_ID],
      responses: { 200: json('The resource.', ref('Resource'), EXAMPLE), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
    patch: {
      ...shared,
      operationId: 'updateResource',
      summary: 'Change a resource',
      description: 'Absent members stay as they are.',
      parameters: [RESOURCE_ID],
      requestBody: jsonBody(ref('ResourceChange'), { ttl: '5m' }),
      responses: {
        200: json('The resource as it is now.', ref('Resource'), { ...EXAMPLE, ttl: 300 }),
        ...refused('invalid_request'),
        ...NOT_FOUND,
        ...BEARER_BODY_REFUSALS,
      },
    },
    delete: {
      ...shared,
      operationId: 'deleteResource',
      summary: 'Delete a resource',
      description:
        'Its tokens are inactive at introspection, even if it is created anew; verifiers that check alone see them end with `exp`.',
      parameters: [RESOURCE_ID],
      responses: { 204: done('Deleted.'), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
  },
}
