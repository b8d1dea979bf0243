/**
 * The words in which an operation is described (OpenAPI 3.1 §4.8.10), and short ways to say what most of them say.
 * Schemas are named by their place among the components; document.ts puts those there.
 */

/** A JSON Schema of the 2020-12 dialect. */
export type JsonSchema = Record<string, unknown>

export interface Parameter {
  name: string
  in: 'query' | 'path' | 'header'
  description: string
  required?: boolean
  schema: JsonSchema
  example?: unknown
}

export interface Header {
  description: string
  /** Whether every such answer carries it. */
  required: boolean
  schema: JsonSchema
}

/** What one media type holds. */
export interface Content {
  schema: JsonSchema
  example?: unknown
  examples?: Record<string, { summary: string; value: unknown }>
}

export interface Answer {
  description: string
  headers?: Record<string, Header>
  content?: Record<string, Content>
}

/** One of the answers that many operations have in common (refusals.ts). */
export interface AnswerRef {
  $ref: string
}

export interface RequestBody {
  description?: string
  required: boolean
  content: Record<string, Content>
}

export interface Operation {
  operationId: string
  tags: [string]
  summary: string
  description?: string
  security: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: RequestBody
  responses: Record<string, Answer | AnswerRef>
}

/** Operations by path and lower-case method. `{id}` stands for a part of the path. */
export type Paths = Record<string, Partial<Record<'get' | 'post' | 'patch' | 'delete', Operation>>>

export const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

export const listOf = (name: string): JsonSchema => ({ type: 'array', items: ref(name) })

const text: JsonSchema = { type: 'string' }

export const header = (description: string, schema: JsonSchema = text): Header => ({
  description,
  required: true,
  schema,
})

/** A header that only some of these answers carry. */
export const maybe = (description: string): Header => ({ ...header(description), required: false })

/** An answer in JSON. */
export const json = (
  description: string,
  schema: JsonSchema,
  example: unknown,
  headers?: Record<string, Header>,
): Answer => ({ description, ...(headers && { headers }), content: { 'application/json': { schema, example } } })

/** 204: done, and nothing to say. */
export const done = (description: string): Answer => ({ description })

export const jsonBody = (schema: JsonSchema, example: unknown, required = true): RequestBody => ({
  required,
  content: { 'application/json': { schema, example } },
})

export const query = (name: string, description: string, schema: JsonSchema = text): Parameter => ({
  name,
  in: 'query',
  description,
  schema,
})

/** The `{id}` of a path. Ids may be URIs, so a slash in one is percent-encoded. */
export const id = (description: string, example: string, name = 'id'): Parameter => ({
  name,
  in: 'path',
  required: true,
  description: `${description}, percent-encoded`,
  schema: text,
  example,
})

/** Where what was just made is found. */
export const LOCATION = { Location: header('The path of what was made.') }

// ------------------------------------------------------------------ who may call

/** Anybody. */
export const PUBLIC: Operation['security'] = []

/** A client: by HTTP Basic, or by parameters of the body (which no security scheme of OpenAPI can say). */
export const AS_CLIENT: Operation['security'] = [{ client_secret_basic: [] }, {}]

/** A Bearer access token for the issuer with this scope: fetched from `/token`, or one that the caller has. */
export const withScope = (scope: string): Operation['security'] => [{ oauth2: [scope] }, { bearer: [scope] }]
