/** GET /.well-known/jwks.json (RFC 7517 §5), cacheable by whoever verifies. */
import { answerPublic } from '../http/public-document.ts'
import type { Handler, Rooms } from '../http/rooms.ts'

export const jwks = ({ keys, config }: Rooms): Handler => {
  const cacheControl = `public, max-age=${config.jwksMaxAgeSeconds}, must-revalidate`
  return (c) => answerPublic(c, keys.jwks, cacheControl)
}
