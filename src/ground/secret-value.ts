/** Secrets that a browser or a client brings back: cookies, codes and links. The database knows their hashes alone. */
import { hash, randomFillSync } from 'node:crypto'

/** A call for random bytes takes 5 to 20 µs, however few they are. So they are fetched for many values at once. */
const ahead = Buffer.alloc(4096)
let taken = ahead.length

/** So many random bytes in base64url. @param bytes at most 4096 */
export function randomText(bytes: number): string {
  if (taken + bytes > ahead.length) {
    randomFillSync(ahead)
    taken = 0
  }
  const piece = ahead.subarray(taken, taken + bytes)
  taken += bytes
  const text = piece.toString('base64url')
  // No value stays here after it was given away.
  piece.fill(0)
  return text
}

/** 256 random bits in base64url. */
export const newSecretValue = (): string => randomText(32)

/** As the database keeps the secret of a cookie, a code or a link: SHA-256 in base64url. */
export const hashOf = (secret: string): string => hash('sha256', secret, 'base64url')
