/** JSON bodies of the admin API, checked against a schema. */
import type { Context } from 'hono'
import type * as z from 'zod'
import { invalidRequest, type OAuthError } from '../ground/errors.ts'
import { readJsonObject } from './form.ts'
import type { Env } from './rooms.ts'

/** @throws OAuthError made by `refusal`. It names the first member at fault and what is accepted. */
export async function parseBody<Schema extends z.ZodType>(
  c: Context<Env>,
  schema: Schema,
  refusal: (description: string) => OAuthError = invalidRequest,
): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(await readJsonObject(c, refusal))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw refusal(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'not accepted'}`)
}
