/** GET /openapi.json: what this service takes and answers, for programs (OpenAPI 3.1). */
import { entityTag } from '../ground/entity-tag.ts'
import { DESCRIPTION } from '../http/access.ts'
import { answerDocument, CACHED, type PublicDocument } from '../http/public-document.ts'
import { route } from '../http/route.ts'

/** Makes the document. Its code is loaded at the first request for it: most services never need it. */
type Describe = () => Promise<object>

export const openapi = (describe: Describe) => {
  let made: Promise<PublicDocument> | undefined
  const make = async () => {
    const body = JSON.stringify(await describe())
    return { body, etag: entityTag(body) }
  }
  return route(
    {
      get: '/openapi.json',
      access: DESCRIPTION,
      id: 'readOpenapi',
      tag: 'Operation',
      says: 'This description',
      answers: {
        200: {
          says: 'An OpenAPI 3.1 document.',
          content: { 'application/json': { schema: { type: 'object' } } },
          headers: CACHED,
        },
      },
    },
    // Caches ask again each time: after an upgrade nobody should read the old document.
    async (call) => answerDocument(call, await (made ??= make()), { cacheControl: 'public, no-cache' }),
  )
}
