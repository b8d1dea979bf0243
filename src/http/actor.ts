/** Who acts through the API: whoever authentication found behind the credentials, never a name from a body or the log. */
import type { Context } from 'hono'
import type { Actor } from '../audit.ts'
import type { Env } from './rooms.ts'

export function actorOf(c: Context<Env>): Actor {
  const { actor } = c.env
  if (!actor) throw new Error('nobody has authenticated for this act')
  return actor
}
