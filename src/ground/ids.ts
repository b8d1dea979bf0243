/** Identifiers that sort by their time of creation (UUID version 7, RFC 9562 §5.7). */
import { randomUUID } from 'node:crypto'
import type { Instant } from './clock.ts'

/** A new identifier: 48 bits of time in milliseconds and 74 random bits. It is hard to guess, but not secret. */
export function timeOrderedId(now: Instant): string {
  // Node keeps random bytes ahead for `randomUUID`. Asking the system for 16 bytes each time costs ten times as much.
  const random = randomUUID()
  // A clock that was moved can show a part of a millisecond.
  const time = Math.floor(now).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}

/** The 16 bytes of an identifier in UUID form. */
export const idToBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')

/** The UUID form of 16 bytes. */
export function idFromBytes(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
