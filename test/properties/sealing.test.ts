/**
 * What seals private keys agrees with the library's JWE, and opens nothing that was changed.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { randomBytes } from 'node:crypto'
import { assert, asyncProperty, integer, jsonValue, property, uint8Array } from 'fast-check'
import { CompactEncrypt, calculateJwkThumbprint, compactDecrypt, type CompactJWEHeaderParameters } from 'jose'
import { expect, test } from 'vitest'
import { generateSigningKey } from '../../src/keys/algorithms.ts'
import { sealJson, unsealJson } from '../../src/keys/sealing.ts'

const key = Buffer.from('kQ2r6vNfT0cE8wYb1mHsX4zJ7uLpD3aG'.slice(0, 32))
const sealed = sealJson({ kty: 'EC', d: 'AAECAwQF' }, key, 'k1')

const byLibrary = (value: unknown, under: Buffer, header: Partial<CompactJWEHeaderParameters> = {}) =>
  new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader({ alg: 'A256GCMKW', enc: 'A256GCM', kid: 'k1', ...header })
    .encrypt(under)

test('the library opens a seal, and a seal of the library is opened', async () => {
  const keys = uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
  await assert(
    asyncProperty(keys, jsonValue(), async (any, value) => {
      const written: unknown = JSON.parse(JSON.stringify(value))
      const { plaintext, protectedHeader } = await compactDecrypt(sealJson(value, any, 'k1'), any)
      expect(JSON.parse(Buffer.from(plaintext).toString())).toEqual(written)
      expect(protectedHeader).toMatchObject({ alg: 'A256GCMKW', enc: 'A256GCM', kid: 'k1' })
      expect(unsealJson(await byLibrary(value, any), any)).toEqual(written)
    }),
  )
})

test('no two seals of a value share a key, a nonce or a text', () => {
  const parts = Array.from({ length: 100 }, () => sealJson('same', key, 'k1').split('.')).flat()
  expect(new Set(parts).size).toBe(500)
})

test('a seal that was changed at any letter is not opened', () => {
  assert(
    property(integer({ min: 0, max: sealed.length - 1 }), integer({ min: 0, max: 127 }), (at, code) => {
      const letter = String.fromCharCode(code)
      if (letter === sealed[at]) return
      expect(() => unsealJson(sealed.slice(0, at) + letter + sealed.slice(at + 1), key)).toThrow()
    }),
    { numRuns: 2000 },
  )
  for (const each of ['', 'x', sealed.slice(0, -1), `${sealed}.`, `${sealed}A`, `${sealed}=`, sealed.replace('.', '')])
    expect(() => unsealJson(each, key), each).toThrow()
})

test('another key, another algorithm and an unknown extension are refused', async () => {
  expect(() => unsealJson(sealed, randomBytes(32))).toThrow()
  const others = [{ enc: 'A128GCM' }, { enc: 'A256CBC-HS512' }, { alg: 'A256KW' }, { alg: 'dir' }]
  for (const header of others) {
    const other = await byLibrary({}, key, header)
    expect(() => unsealJson(other, key), JSON.stringify(header)).toThrow()
  }
  for (const header of [{ crit: ['b64'], b64: true }, { zip: 'DEF' }]) {
    const [, ...rest] = sealed.split('.')
    const made = JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString())
    const changed = Buffer.from(JSON.stringify({ ...made, ...header })).toString('base64url')
    expect(() => unsealJson([changed, ...rest].join('.'), key), JSON.stringify(header)).toThrow('header')
  }
})

test('a key is named by its algorithm and its thumbprint of RFC 7638', async () => {
  for (const alg of ['ES256', 'RS256'] as const) {
    const { kid, publicJwk } = await generateSigningKey(alg)
    expect(kid).toBe(`${alg.toLowerCase()}-${(await calculateJwkThumbprint(publicJwk)).slice(0, 22)}`)
  }
})
