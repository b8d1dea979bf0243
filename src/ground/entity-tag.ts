/** Entity tags of documents (RFC 9110 §8.8.3). */
import { createHash } from 'node:crypto'

/** A strong tag: different bodies have different tags. */
export const entityTag = (body: string): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
