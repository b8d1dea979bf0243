/** Response headers on the hot path. */
import type { Context } from 'hono'
import type { Env } from './rooms.ts'

/**
 * Sets a header of the response to come. On Node it goes straight to the outgoing message: a web `Headers` object
 * for each response costs more than everything else that an answer from memory needs.
 */
export function setHeader(c: Context<Env>, name: string, value: string): void {
  c.env.outgoing.setHeader(name, value)
}
