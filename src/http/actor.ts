/** Who acts through the API, for the audit trail: the client behind the token, never a name from the body. */
import type { Context } from 'hono'
import type { Actor } from '../audit.ts'
import type { Env } from './rooms.ts'

export function actorOf(c: Context<Env>): Actor {
  const { client_id: clientId, request_id: requestId } = c.env.facts
  return { actor: clientId ?? 'unknown', requestId }
}
