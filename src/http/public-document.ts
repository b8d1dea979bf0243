/** Documents that anybody may read and keep: metadata, key sets, the feed, the description and its page. */
import { header } from '../ground/shape.ts'
import type { HeaderList, Reply } from './reply.ts'
import type { Call } from './route.ts'

/** Headers of a document, for the description. From `ETag` it follows that 304 is answered too. */
export const CACHED = {
  ETag: header('Give it back in `If-None-Match`.'),
  'Cache-Control': header('How long it may be kept.'),
}

export interface PublicDocument {
  body: string | Buffer
  etag: string
}

/** Answers a document, or 304 where the caller has it already (RFC 9110 §13.1.2). */
export function answerDocument(
  call: Pick<Call, 'header'>,
  { body, etag }: PublicDocument,
  { cacheControl, type = 'application/json', headers = [] }: Terms,
): Reply {
  const kept = ['Cache-Control', cacheControl, 'ETag', etag, ...headers]
  if (hasAlready(call.header('if-none-match'), etag)) return { status: 304, headers: kept }
  return { status: 200, headers: [...kept, 'Content-Type', type], body }
}

interface Terms {
  cacheControl: string
  type?: string
  headers?: HeaderList
}

/** Whether `If-None-Match` names this document. */
const hasAlready = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined && ifNoneMatch.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
