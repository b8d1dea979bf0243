/** Every place of `/openapi.json` that takes a value: one slot for each parameter of each operation and media type. */

export interface DescribedOperation {
  method: string
  path: string
  /** It needs no credentials. */
  isPublic: boolean
  /** A client calls it, by HTTP Basic or by parameters of the body; else an administrator, by Bearer. */
  isForClients: boolean
}

export interface Slot {
  operation: DescribedOperation
  in: 'query' | 'path' | 'header' | 'form' | 'json'
  name: string
  /** Bodies of good requests, for a slot that is in the body or beside one. */
  examples: Record<string, unknown>[]
  /** The media type of the body, where there is one. */
  mediaType: string | undefined
}

interface Schema {
  $ref?: string
  properties?: Record<string, Schema>
}

interface Content {
  schema: Schema
  example?: Record<string, unknown>
  examples?: Record<string, { value: Record<string, unknown> }>
}

interface Operation {
  security: Record<string, string[]>[]
  parameters?: { name: string; in: 'query' | 'path' | 'header' }[]
  requestBody?: { content: Record<string, Content> }
}

/** The part of OpenAPI 3.1 that is read here; `test/openapi.test.ts` checks the document against the service. */
interface Description {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

const MEDIA_TYPES: Record<string, 'form' | 'json'> = {
  'application/x-www-form-urlencoded': 'form',
  'application/json': 'json',
}

/** Deletions come last, so that the records of the other requests still exist. */
export function slotsOf(text: string): Slot[] {
  const description = JSON.parse(text) as Description // as the interface says
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
  const deletesLast = operations.toSorted((a, b) => Number(a.method === 'delete') - Number(b.method === 'delete'))
  return deletesLast.flatMap(({ method, path, operation }) => slotsIn(method, path, operation, description))
}

function slotsIn(method: string, path: string, operation: Operation, description: Description): Slot[] {
  const { security, parameters = [], requestBody } = operation
  const schemes = security.flatMap((each) => Object.keys(each))
  const described: DescribedOperation = {
    method: method.toUpperCase(),
    path,
    isPublic: schemes.length === 0,
    isForClients: schemes.includes('client_secret_basic'),
  }
  const contents = Object.entries(requestBody?.content ?? {})
  const [first] = contents
  const beside = { operation: described, examples: first ? examplesOf(first[1]) : [], mediaType: first?.[0] }
  const credentials = described.isPublic ? [] : [{ name: 'Authorization', in: 'header' as const }]
  return [
    ...[...parameters, ...credentials].map((each) => ({ ...beside, in: each.in, name: each.name })),
    ...contents.flatMap(([mediaType, content]) =>
      membersOf(content.schema, description).map((name) => ({
        operation: described,
        in: MEDIA_TYPES[mediaType] ?? 'json',
        name,
        examples: examplesOf(content),
        mediaType,
      })),
    ),
  ]
}

const membersOf = (schema: Schema, { components }: Description): string[] => {
  const named = schema.$ref === undefined ? schema : components.schemas[schema.$ref.split('/').at(-1) ?? '']
  return Object.keys(named?.properties ?? {})
}

const examplesOf = ({ example, examples = {} }: Content): Record<string, unknown>[] =>
  example ? [example] : Object.values(examples).map(({ value }) => value)
