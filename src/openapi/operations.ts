/** What operators and their tools ask: health, and this description */
import * as z from 'zod'
import { id, json, PUBLIC, ref, type Answer, type Content, type Paths } from './operation.ts'
import { cacheable, cacheablePage, IF_NONE_MATCH } from './public-document.ts'
import { COMMON_REFUSALS, errorSchema, NOT_FOUND, OUTAGES } from './refusals.ts'

const liveness = z.object({ status: z.literal('alive') })
const readiness = z.object({ status: z.enum(['ready', 'stopping']) })

export const operationSchemas = { Liveness: liveness, Readiness: readiness }

const shared = { tags: ['Operation'] as [string], security: PUBLIC }

const file = (description: string, types: Record<string, Content>): Answer => ({ description, content: types })

/** While it stops it says so; an outage is told as everywhere. */
const UNREADY: Answer = {
  ...COMMON_REFUSALS.Unavailable,
  description: 'It does not: it stops, or its database does not answer.',
  content: {
    'application/json': {
      schema: { anyOf: [ref('Readiness'), errorSchema('temporarily_unavailable')] },
      example: { status: 'stopping' },
    },
  },
}

export const operationPaths: Paths = {
  '/livez': {
    get: {
      ...shared,
      operationId: 'readLiveness',
      summary: 'Whether the process turns',
      responses: { 200: json('It does.', ref('Liveness'), { status: 'alive' }) },
    },
  },
  '/readyz': {
    get: {
      ...shared,
      operationId: 'readReadiness',
      summary: 'Whether it takes traffic',
      responses: {
        200: json('It does, and its database answers.', ref('Readiness'), { status: 'ready' }),
        ...OUTAGES,
        503: UNREADY,
      },
    },
  },
  '/openapi.json': {
    get: {
      ...shared,
      operationId: 'readOpenapi',
      summary: 'This description',
      parameters: [IF_NONE_MATCH],
      responses: cacheable(file('An OpenAPI 3.1 document.', { 'application/json': { schema: { type: 'object' } } })),
    },
  },
  '/docs': {
    get: {
      ...shared,
      operationId: 'readDocs',
      summary: 'This description as a page, to read and to try out',
      parameters: [IF_NONE_MATCH],
      responses: cacheablePage(file('The page.', { 'text/html': { schema: { type: 'string' } } })),
    },
  },
  '/docs/{file}': {
    get: {
      ...shared,
      operationId: 'readDocsFile',
      summary: 'A file of that page',
      parameters: [id('Its name', 'swagger-ui.css', 'file'), IF_NONE_MATCH],
      responses: {
        ...cacheablePage(
          file('The file.', {
            'text/css': { schema: { type: 'string' } },
            'text/javascript': { schema: { type: 'string' } },
          }),
        ),
        ...NOT_FOUND,
      },
    },
  },
}
