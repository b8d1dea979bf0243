/**
 * Our HMAC agrees with the library's, whatever key and message.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHmac } from 'node:crypto'
import { assert, property, uint8Array, type IntArrayConstraints } from 'fast-check'
import { expect, test } from 'vitest'
import { Mac } from '../../src/keys/mac.ts'

const bytes = (constraints: IntArrayConstraints) => uint8Array(constraints).map((each) => Buffer.from(each))

test('a MAC is HMAC-SHA-256 of RFC 2104', () => {
  assert(
    property(bytes({ minLength: 32, maxLength: 32 }), bytes({ maxLength: 300 }), (key, message) => {
      expect(new Mac(key).digest(message)).toEqual(createHmac('sha256', key).update(message).digest())
    }),
  )
})

test('a MAC does not remember the message before', () => {
  const mac = new Mac(Buffer.alloc(32, 7))
  const first = mac.digest(Buffer.from('one'))
  expect(mac.digest(Buffer.from('another, and longer'))).not.toEqual(first)
  expect(mac.digest(Buffer.from('one'))).toEqual(first)
})

test('a key of another length is refused', () => {
  expect(() => new Mac(Buffer.alloc(31))).toThrow('32 bytes')
})
