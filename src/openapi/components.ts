/** The named schemas of the description: shapes of responses, and the zod schemas that check requests. */
import type { JsonSchema } from '../ground/shape.ts'
import { MEMBERS } from './members.ts'
import type { Components } from './operation.ts'

export function componentSchemas({ shapes, bodies }: Components): Record<string, unknown> {
  const checked = [...bodies].map(([name, schema]) => [name, schema.describeInput(dropNoise)] as const)
  const described = [...shapes].map(([name, { schema }]) => [name, schema] as const)
  return Object.fromEntries([...described, ...checked].map(([name, schema]) => [name, explain(schema)]))
}

function dropNoise(schema: JsonSchema): void {
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
