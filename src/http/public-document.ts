/** Documents that anybody may read, from any origin: metadata, key set, feed. */
import type { Context } from 'hono'
import { setHeader } from './headers.ts'
import type { Env } from './rooms.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** Answers a document, or 304 where the caller has it already (RFC 9110 §13.1.2). */
export function answerPublic(
  c: Context<Env>,
  document: { body: string; etag: string },
  cacheControl: string,
): Response {
  setHeader(c, 'Cache-Control', cacheControl)
  setHeader(c, 'ETag', document.etag)
  setHeader(c, 'Access-Control-Allow-Origin', '*')
  if (hasAlready(c.req.header('if-none-match'), document.etag)) return c.body(null, 304)
  return c.body(document.body, 200, JSON_TYPE)
}

const hasAlready = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined && ifNoneMatch.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
