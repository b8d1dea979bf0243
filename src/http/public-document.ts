/** Documents that anybody may read, from any origin: metadata, key set, feed. */
import type { Context } from 'hono'
import type { Env } from './rooms.ts'
import { send } from './send.ts'

/** Answers a document, or 304 where the caller has it already (RFC 9110 §13.1.2). */
export function answerPublic(
  c: Context<Env>,
  { body, etag }: { body: string; etag: string },
  cacheControl: string,
): Response {
  const headers = ['Cache-Control', cacheControl, 'ETag', etag, 'Access-Control-Allow-Origin', '*']
  if (hasAlready(c.req.header('if-none-match'), etag)) return send(c, 304, headers, '')
  return send(c, 200, [...headers, 'Content-Type', 'application/json'], body)
}

/** Whether `If-None-Match` names this document. */
export const hasAlready = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined && ifNoneMatch.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
