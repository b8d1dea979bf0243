/** From the zod schemas that check to the JSON Schemas that describe (OpenAPI 3.1 §4.8.7). */
import * as z from 'zod'
import { MEMBERS } from './members.ts'
import type { JsonSchema } from './operation.ts'

/** @param named what becomes `#/components/schemas/NAME`; where one holds another it refers to it */
export function componentsOf(named: Record<string, z.ZodType>): Record<string, unknown> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    // What comes over the wire, before it is made into ours. Answers look the same from both sides, and are left
    // open: a member that is added to one must break nobody.
    io: 'input',
    // A preprocessed value has no type of its own; what it is turned into has.
    unrepresentable: 'any',
    override: ({ jsonSchema }) => dropNoise(jsonSchema),
  })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _dialect, $id: _place, ...schema }]) => [id, explain(schema)]),
  )
}

function dropNoise(schema: JsonSchema): void {
  // A format says it better than its expression does.
  if (schema.format === 'date-time') delete schema.pattern
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
}

/** Says of each member what it means, wherever its schema does not say it. */
function explain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(explain)
  if (!isObject(value)) return value
  const inner = Object.entries(value).map(([key, each]) => [
    key,
    key === 'properties' ? explainMembers(each) : explain(each),
  ])
  return Object.fromEntries(inner)
}

function explainMembers(properties: unknown): unknown {
  if (!isObject(properties)) return properties
  const members = Object.entries(properties).map(([name, schema]) => [name, withMeaning(name, explain(schema))])
  return Object.fromEntries(members)
}

const withMeaning = (name: string, schema: unknown): unknown =>
  isObject(schema) && MEMBERS[name] !== undefined ? { description: MEMBERS[name], ...schema } : schema

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
