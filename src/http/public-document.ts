/** Documents that anybody may read, from any origin: metadata, key set, feed. */
import type { Context } from 'hono'
import type { Env } from './rooms.ts'

/** Answers a document, or 304 where the caller has it already (RFC 9110 §13.1.2). */
export function answerPublic(
  c: Context<Env>,
  document: { body: string; etag: string },
  cacheControl: string,
): Response {
  c.header('Cache-Control', cacheControl)
  c.header('ETag', document.etag)
  c.header('Access-Control-Allow-Origin', '*')
  if (hasAlready(c.req.header('if-none-match'), document.etag)) return c.body(null, 304)
  c.header('Content-Type', 'application/json')
  return c.body(document.body)
}

const hasAlready = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined && ifNoneMatch.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
