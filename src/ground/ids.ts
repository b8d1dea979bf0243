/** Identifiers that sort by their time of creation (UUID version 7, RFC 9562 §5.7). */
import { randomBytes } from 'node:crypto'
import type { Instant } from './clock.ts'

/** A new identifier: 48 bits of time in milliseconds and 74 random bits. It is hard to guess, but not secret. */
export function timeOrderedId(now: Instant): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  return idFromBytes(bytes)
}

/** The 16 bytes of an identifier in UUID form. */
export const idToBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')

/** The UUID form of 16 bytes. */
export function idFromBytes(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
