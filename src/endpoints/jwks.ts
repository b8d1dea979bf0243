/** GET /.well-known/jwks.json and /jwks/{resource} (RFC 7517 §5), cacheable by whoever verifies. */
import { notFound } from '../ground/errors.ts'
import { ringOf } from '../resources/resource.ts'
import { answerPublic } from '../http/public-document.ts'
import type { Handler, Rooms } from '../http/rooms.ts'

export const jwks = ({ keys, readers, store, config, limits }: Rooms): Handler => {
  const cacheControl = `public, max-age=${config.jwksMaxAgeSeconds}, must-revalidate`
  const answer: Handler = (c) => {
    const document = keys.jwks()
    const { network } = limits.callerOf(c.env.incoming)
    readers.note({ userAgent: c.req.header('user-agent'), network }, document.knowsUntil)
    return answerPublic(c, document, cacheControl)
  }
  return (c) => {
    // Another process may sign with a key that it has just been given.
    const news = store.catchUp()
    return news ? news.then(() => answer(c)) : answer(c)
  }
}

/** The keys of one resource: its own where it has some, else the issuer's. */
export const resourceJwks = ({ keys, resources, store, config }: Rooms): Handler => {
  const cacheControl = `public, max-age=${config.jwksMaxAgeSeconds}, must-revalidate`
  return async (c) => {
    await store.catchUp()
    const resource = resources.find(c.req.param('resource') ?? '')
    if (!resource) throw notFound('this resource')
    const id = ringOf(resource)
    await keys.ensure(id)
    return answerPublic(c, keys.jwks(id.ring), cacheControl)
  }
}
