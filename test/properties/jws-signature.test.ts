/**
 * ECDSA signatures come back from DER as they went in, whatever their numbers look like.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { assert, property, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { derSignature, joseSignature } from '../../src/keys/algorithms.ts'

test('r || s to DER and back is the same signature', () => {
  const half = uint8Array({ minLength: 32, maxLength: 32 })
  assert(
    property(half, half, (r, s) => {
      const signature = Buffer.concat([r, s])
      expect(joseSignature(derSignature(signature))).toEqual(signature)
    }),
  )
})

test.each([0x00, 0x01, 0x7f, 0x80, 0xff])(
  'numbers that begin with byte %i keep their sign and their length',
  (byte) => {
    const signature = Buffer.alloc(64, 0x11)
    signature[0] = byte
    signature[32] = byte
    signature[33] = byte
    expect(joseSignature(derSignature(signature))).toEqual(signature)
  },
)
