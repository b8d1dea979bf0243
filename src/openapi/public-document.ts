/** Answers that anybody may read and keep for a while (http/public-document.ts). */
import { header, type Answer, type Parameter } from './operation.ts'

const KEPT = {
  ETag: header('Give it back in `If-None-Match`.'),
  'Cache-Control': header('How long it may be kept.'),
}

const CACHE_HEADERS = {
  ...KEPT,
  'Access-Control-Allow-Origin': header('`*`: any page may read it.'),
}

export const IF_NONE_MATCH: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  description: 'The entity tag of what the caller has; 304 where that is still right (RFC 9110 §13.1.2).',
  schema: { type: 'string' },
}

/** The document, or 304 for those who have it. */
export const cacheable = (answer: Answer, headers: Answer['headers'] = CACHE_HEADERS): Record<string, Answer> => ({
  200: { ...answer, headers: { ...headers, ...answer.headers } },
  304: { description: 'The caller has it already.', headers },
})

/** The same of a page, which no other page reads. */
export const cacheablePage = (answer: Answer): Record<string, Answer> =>
  cacheable(answer, { ...KEPT, 'Content-Security-Policy': header('What the page may load and do.') })
