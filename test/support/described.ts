/**
 * The description of the service: finds its operations, and compares real responses with it. The schemas are open, so
 * that clients ignore unknown members; the tests close them, so that no member goes undocumented.
 */
import { expect } from 'vitest'
import * as z from 'zod'
import { request, type Answer } from './client.ts'

export type Json = Record<string, any> // tests look into it and expect

export interface Described {
  document: Json
  operations: DescribedOperation[]
  /** Makes a check of values from a schema of the document. */
  check(schema: Json): z.ZodType
  deref(value: Json): Json
}

export interface DescribedOperation {
  method: string
  path: string
  operation: Json
}

export async function readDescription(at: { url: string }): Promise<Described> {
  const { status, body: document, text } = await request(`${at.url}/openapi.json`)
  if (status !== 200) throw new Error(text)
  const operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
  const $defs = closed(inDefinitions(document.components.schemas))
  return {
    document,
    operations,
    check: (schema) => z.fromJSONSchema({ ...closed(inDefinitions(schema)), $defs }),
    deref: (value) => dereferenced(document, value),
  }
}

/** zod, which reads JSON Schema here, follows only references to `$defs`. */
const inDefinitions = (value: Json): Json =>
  JSON.parse(JSON.stringify(value).replaceAll('"#/components/schemas/', '"#/$defs/'))

/** The schema, but without members that it does not name. */
function closed(value: any): any {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const inner = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]))
  return inner.type === 'object' && inner.properties && inner.additionalProperties === undefined
    ? { ...inner, additionalProperties: false }
    : inner
}

function dereferenced(document: Json, value: Json): Json {
  if (typeof value.$ref !== 'string') return value
  const found = value.$ref
    .slice(2)
    .split('/')
    .reduce((at: Json | undefined, key: string) => at?.[key], document)
  if (!found) throw new Error(`${value.$ref} leads nowhere`)
  return found
}

/** Fails unless the operation documents the response: its status, required headers, media type and body. */
export function expectDocumented(
  described: Described,
  { method, path, operation }: DescribedOperation,
  answer: Answer,
) {
  const what = `${method} ${path} ${answer.status} ${answer.text.slice(0, 300)}`
  expect(Object.keys(operation.responses), what).toContain(String(answer.status))
  const told = described.deref(operation.responses[answer.status])
  for (const [name, header] of Object.entries<Json>(told.headers ?? {})) {
    if (described.deref(header).required === true) expect(answer.headers.has(name), `${what}: ${name}`).toBe(true)
  }
  if (told.content === undefined) return expect(answer.text, what).toBe('')
  const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
  expect(Object.keys(told.content), what).toContain(type)
  const body = type === 'application/json' ? JSON.parse(answer.text) : answer.text
  const outcome = described.check(told.content[type].schema).safeParse(body)
  expect(outcome.error?.message, what).toBeUndefined()
}
