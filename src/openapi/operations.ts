/** What operators and their tools ask: health, and this description */
import * as z from 'zod'
import { header, id, json, PUBLIC, ref, type Answer, type Content, type Paths } from './operation.ts'
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

/** Where nothing is configured for scrapers, the machine itself may look. */
const AS_SCRAPER = [{ metrics_token: [] }, {}]

const scrapeRefusal = (code: 'invalid_token' | 'invalid_request', description: string, told: string): Answer => ({
  description,
  content: {
    'application/json': { schema: errorSchema(code), example: { error: code, error_description: told } },
  },
})

const SCRAPE_REFUSALS = {
  401: {
    ...scrapeRefusal(
      'invalid_token',
      'A token is configured, and this is not it.',
      'send the value of SIGNET_METRICS_TOKEN: Authorization: Bearer ...',
    ),
    headers: {
      'WWW-Authenticate': header('A challenge: `Bearer`, with `error="invalid_token"` where a token was sent.'),
    },
  },
  403: scrapeRefusal(
    'invalid_request',
    'No token is configured, and the caller is not this very machine.',
    'without SIGNET_METRICS_TOKEN only this machine may read the metrics of an issuer at localhost',
  ),
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
  '/metrics': {
    get: {
      ...shared,
      security: AS_SCRAPER,
      operationId: 'readMetrics',
      summary: 'What is measured, for Prometheus',
      responses: {
        200: file('Text of exposition format 0.0.4.', { 'text/plain': { schema: { type: 'string' } } }),
        ...SCRAPE_REFUSALS,
        ...OUTAGES,
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
