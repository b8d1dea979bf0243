/** Describes a route as an operation of OpenAPI 3.1 (§4.8.10). Everything is read from the route itself. */
import type { Schema } from '../ground/schema.ts'
import { header, type AnswerShape, type HeaderShape, type JsonSchema, type Shape } from '../ground/shape.ts'
import type { About, QueryParameter, Route } from '../http/route.ts'
import { formBody } from './form-body.ts'
import { refusalsOf } from './refusals.ts'

export interface Operation {
  operationId: string
  tags: [string]
  summary: string
  description?: string
  security: Record<string, string[]>[]
  parameters?: object[]
  requestBody?: object
  responses: Record<string, object>
}

/** Named schemas that the operations refer to. */
export interface Components {
  shapes: Map<string, Shape>
  bodies: Map<string, Schema>
}

export function describeRoute(route: Route, components: Components): Operation {
  const { about } = route
  const parameters = parametersOf(about)
  const requestBody = bodyOf(route, components)
  return {
    tags: [about.tag],
    security: securityOf(route),
    operationId: about.id,
    summary: about.says,
    ...(about.tells !== undefined && { description: about.tells }),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: responsesOf(route, components),
  }
}

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

/** The ways to authenticate. Parameters of a form that authenticate are nothing that a security scheme can say. */
function securityOf({ access }: Route): Operation['security'] {
  switch (access.kind) {
    case 'scope':
      return [{ oauth2: [access.scope ?? ''] }, { bearer: [access.scope ?? ''] }]
    case 'holder':
      return [{ access_token: [] }]
    case 'client':
      return [{ client_secret_basic: [] }, {}]
    case 'scraper':
      // Without a configured token, this machine may look.
      return [{ metrics_token: [] }, {}]
    case 'public':
    case 'page':
      return []
  }
}

const IF_NONE_MATCH = {
  'If-None-Match': {
    says: 'The entity tag of the caller’s copy; 304 where that is still right (RFC 9110 §13.1.2).',
  },
}

const isCached = ({ answers }: About): boolean => answers[200]?.headers?.ETag !== undefined

function parametersOf(about: About): object[] {
  const inPath = Object.entries(about.params ?? {}).map(([name, { says, example }]) => ({
    name,
    in: 'path',
    required: true,
    description: says,
    schema: { type: 'string' },
    example,
  }))
  const listed = (place: 'query' | 'header', known: Readonly<Record<string, QueryParameter>> = {}) =>
    Object.entries(known).map(([name, { says, schema = { type: 'string' } }]) => ({
      name,
      in: place,
      description: says,
      schema,
    }))
  const headers = { ...about.headers, ...(isCached(about) && IF_NONE_MATCH) }
  return [...inPath, ...listed('query', about.query), ...listed('header', headers)]
}

function bodyOf(route: Route, { bodies }: Components): object | undefined {
  if (route.form) return formBody(route)
  if (!route.body) return undefined
  const name = route.body.zod.meta()?.id
  if (name === undefined) throw new Error(`the body of ${route.about.id} has no name`)
  bodies.set(name, route.body)
  const content = { 'application/json': { schema: ref(name), example: route.about.example } }
  return { required: !route.isBodyOptional, content }
}

function responsesOf(route: Route, components: Components): Record<string, object> {
  const { about, access } = route
  const more: Record<string, HeaderShape> = access.isCrossOrigin
    ? { 'Access-Control-Allow-Origin': header('`*`: any page may read it.') }
    : {}
  const kept = about.answers[200]?.headers
  const described: Record<string, AnswerShape | string> = {
    ...refusalsOf(route),
    ...(kept && isCached(about) && { 304: { says: 'The caller has it already.', headers: alwaysOf(kept) } }),
    ...about.answers,
  }
  return Object.fromEntries(
    Object.entries(described).map(([status, answer]) => {
      if (typeof answer === 'string') return [status, { $ref: `#/components/responses/${answer}` }]
      const isDocument = status === '200' || status === '304'
      return [status, describeAnswer(answer, components, isDocument ? more : {})]
    }),
  )
}

const alwaysOf = (headers: Record<string, HeaderShape>): Record<string, HeaderShape> =>
  Object.fromEntries(Object.entries(headers).filter(([, { required }]) => required))

/** Every response carries a request id. */
export function describeAnswer(
  { says, content, headers }: AnswerShape,
  { shapes }: Pick<Components, 'shapes'>,
  more: Record<string, HeaderShape> = {},
): object {
  const media = Object.entries(content ?? {}).map(([type, { shape, schema, isList, example }]) => {
    if (!shape) return [type, { schema, ...(example !== undefined && { example }) }]
    if (!shapes.has(shape.name)) shapes.set(shape.name, shape)
    const one = ref(shape.name)
    const value = isList
      ? { schema: { type: 'array', items: one }, example: [shape.example] }
      : { schema: one, example: shape.example }
    return [type, value]
  })
  return {
    description: says,
    headers: { ...headers, ...more, 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } },
    ...(content && { content: Object.fromEntries(media) }),
  }
}
