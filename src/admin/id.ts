/** The id in a path of the admin API; percent-encoded there, since ids may be URIs. */
import type { Context } from 'hono'
import type { Env } from '../http/rooms.ts'

export const idOf = (c: Context<Env>): string => c.req.param('id') ?? ''
