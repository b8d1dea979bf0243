/** GET /openapi.json: what this service takes and answers, for programs (OpenAPI 3.1). */
import { entityTag } from '../ground/entity-tag.ts'
import { answerPublic } from '../http/public-document.ts'
import type { Handler, Rooms } from '../http/rooms.ts'

/** Loads what makes the document: none of it is needed by a service that nobody asks for it. */
type LoadDescription = () => Promise<{ describeService(issuer: string): object }>

export const openapi = ({ issuer }: Rooms, load: LoadDescription): Handler => {
  let made: Promise<{ body: string; etag: string }> | undefined
  const make = async () => {
    const body = JSON.stringify((await load()).describeService(issuer))
    return { body, etag: entityTag(body) }
  }
  // Asked again each time: after an upgrade nobody should read the old one.
  return async (c) => answerPublic(c, await (made ??= make()), 'public, no-cache')
}
