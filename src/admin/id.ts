/** Ids in the paths of the admin API; percent-encoded there, since ids may be URIs. */
import { notFound } from '../ground/errors.ts'
import { looksSecret } from '../ground/looks-secret.ts'

/** @throws OAuthError 404 for text that looks like a token or secret: nothing has such an id, and no response repeats it. */
export function idOf({ params: { id } }: { params: { id: string } }): string {
  if (looksSecret(id)) throw notFound('what has a token or secret for its id')
  return id
}

/** The path parameter of a record, for the description. */
export const idParam = (says: string, example: string) => ({ id: { says: `${says}, percent-encoded`, example } })
