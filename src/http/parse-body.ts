/** JSON bodies of the admin API, checked against a schema. */
import type * as z from 'zod'
import { invalidRequest, type OAuthError } from '../ground/errors.ts'
import type { Schema } from '../ground/schema.ts'
import type { RefusalOf } from './form.ts'

/** How a member of ours is written. A text of another form may be a secret, and is not repeated. */
const MEMBER_NAME = /^[a-z]{1,20}(?:_[a-z]{1,20}){0,4}$/

/** @throws OAuthError made by `refusal`. It names the first member at fault and what is accepted. */
export function parseBody<Built extends z.ZodType>(
  body: Record<string, unknown>,
  schema: Schema<Built>,
  refusal: RefusalOf = invalidRequest,
): z.output<Built> {
  const parsed = schema.zod.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  if (issue?.code === 'unrecognized_keys' && issue.message.startsWith('Unrecognized'))
    throw refuseUnknown(issue, refusal)
  throw refusal(`${placeOf(issue?.path ?? [])}: ${issue?.message ?? 'not accepted'}`)
}

/** The place of a fault. A name inside of a record is the caller's own, and may be anything. */
const placeOf = (path: readonly PropertyKey[]): string =>
  path.map((part) => (typeof part === 'number' || MEMBER_NAME.test(String(part)) ? String(part) : '*')).join('.') ||
  'body'

/** The caller reads the name that it sent; the log does not, because nobody knows it. */
function refuseUnknown({ keys, path }: z.core.$ZodIssueUnrecognizedKeys, refusal: RefusalOf): OAuthError {
  const [name = ''] = keys
  const place = placeOf(path)
  const reason = `${place}: a member is not known`
  return refusal(MEMBER_NAME.test(name) ? `${place}: member ${name} is not known` : reason, { reason })
}
