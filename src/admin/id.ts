/** The id in a path of the admin API; percent-encoded there, since ids may be URIs. */
import type { Context } from 'hono'
import { notFound } from '../ground/errors.ts'
import type { Env } from '../http/rooms.ts'
import { looksSecret } from '../ground/looks-secret.ts'

/** @throws OAuthError 404 for what looks like a token or secret: nothing has such an id, and no answer repeats it. */
export function idOf(c: Context<Env>): string {
  const id = c.req.param('id') ?? ''
  if (looksSecret(id)) throw notFound('what has a token or secret for its id')
  return id
}

/** A person's `sub`, in the place of an id: whatever a backend calls a person, so no look of it is refused. */
export const subOf = (c: Context<Env>): string => c.req.param('id') ?? ''
