/**
 * Shapes of responses, in the words of JSON Schema (the 2020-12 dialect). Shapes describe and check nothing, so
 * they are plain data: a start does not wait for them, and `/openapi.json` is made of them when somebody asks.
 */

export type JsonSchema = Record<string, unknown>

/** A JSON object that has a name among the components of the description. */
export interface Shape<Value = unknown> {
  name: string
  schema: JsonSchema
  example: Value
}

export interface HeaderShape {
  description: string
  /** Whether every such response carries it. */
  required: boolean
  schema: JsonSchema
}

/** A response: what it means, what it holds, and the headers that it carries beside those of every response. */
export interface AnswerShape {
  says: string
  /** By media type. */
  content?: Record<string, { schema?: JsonSchema; shape?: Shape; isList?: boolean; example?: unknown }>
  headers?: Record<string, HeaderShape>
}

const OPTIONAL = Symbol('optional')

/** A member that is there in some responses only. */
export const optional = (schema: JsonSchema): JsonSchema => ({ ...schema, [OPTIONAL]: true })

const isOptional = (schema: JsonSchema): boolean => OPTIONAL in schema

/** A named object. Every member of `Value` has to be described, and no other can be. */
export function shapeOf<Value extends object>(
  name: string,
  members: { [Member in keyof Value]-?: JsonSchema },
  example: Value,
): Shape<Value> {
  const properties: Record<string, JsonSchema> = members
  const required = Object.keys(properties).filter((member) => !isOptional(properties[member] ?? {}))
  return { name, schema: { type: 'object', properties, required }, example }
}

const said = (schema: JsonSchema, says?: string): JsonSchema =>
  says === undefined ? schema : { ...schema, description: says }

/** Without `says`, a member means what members.ts says of its name. */
export const text = (says?: string): JsonSchema => said({ type: 'string' }, says)
export const texts = (says?: string): JsonSchema => said({ type: 'array', items: { type: 'string' } }, says)
export const time = (says?: string): JsonSchema => said({ type: 'string', format: 'date-time' }, says)
export const integer = (says?: string): JsonSchema => said({ type: 'integer' }, says)
export const flag = (says?: string): JsonSchema => said({ type: 'boolean' }, says)
export const anything = (says?: string): JsonSchema => said({ type: 'object', additionalProperties: {} }, says)
export const oneOf = (values: readonly unknown[], says?: string): JsonSchema => said({ enum: values }, says)
export const manyOf = (items: JsonSchema, says?: string): JsonSchema => said({ type: 'array', items }, says)
export const orNull = ({ description, ...schema }: JsonSchema): JsonSchema =>
  said({ anyOf: [schema, { type: 'null' }] }, description as string | undefined) // made by `said` above
export const object = (members: Record<string, JsonSchema>, says?: string): JsonSchema =>
  said(
    {
      type: 'object',
      properties: members,
      required: Object.keys(members).filter((member) => !isOptional(members[member] ?? {})),
    },
    says,
  )

const JSON_TYPE = 'application/json'
const asText: HeaderShape['schema'] = { type: 'string' }

export const header = (description: string, schema: JsonSchema = asText): HeaderShape => ({
  description,
  required: true,
  schema,
})

/** A header that only some of these responses carry. */
export const maybe = (description: string): HeaderShape => ({ ...header(description), required: false })

/** A response in JSON. */
export const answerOf = (says: string, shape: Shape, headers?: Record<string, HeaderShape>): AnswerShape => ({
  says,
  content: { [JSON_TYPE]: { shape } },
  ...(headers && { headers }),
})

/** A list in JSON. */
export const listOf = (says: string, shape: Shape, headers?: Record<string, HeaderShape>): AnswerShape => ({
  says,
  content: { [JSON_TYPE]: { shape, isList: true } },
  ...(headers && { headers }),
})

/** 201, with the path of the new record. */
export const createdOf = (says: string, shape: Shape): AnswerShape =>
  answerOf(says, shape, { Location: header('The path of the new record.') })

/** A response without a body. */
export const nothing = (says: string): AnswerShape => ({ says })

/** A response of other media types. */
export const textOf = (says: string, ...types: string[]): AnswerShape => ({
  says,
  content: Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }])),
})
