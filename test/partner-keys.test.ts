/** Key sets of partners, as they publish them: keys that serve are registered, others are ignored, and private ones refused. */
import { generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import type { Answer } from './support/client.ts'
import { signet } from './support/process.ts'
import { fresh, refusal, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()

const jwkOf = (key: KeyObject): JWK => key.export({ format: 'jwk' })
const ec = (namedCurve: string) => jwkOf(generateKeyPairSync('ec', { namedCurve }).publicKey)
/** Made beside the issuer: it shares the event loop of this process, and refuses requests while the loop stands still. */
const rsa = async (modulusLength: number, publicExponent = 65_537): Promise<JWK> =>
  jwkOf((await promisify(generateKeyPair)('rsa', { modulusLength, publicExponent })).publicKey)
const RSA = await rsa(2048)
const SHORT_RSA = await rsa(1024)

const SIGNING: JWK = { ...ec('P-256'), kid: 'sig', use: 'sig', alg: 'ES256' }
const ENCRYPTION: JWK = { ...RSA, kid: 'enc', use: 'enc', alg: 'RSA-OAEP-256' }
const base64url = (bytes: Buffer) => bytes.toString('base64url')

const register = (keys: object[]): Promise<Answer> =>
  issuer().operator.call('POST', '/admin/api/clients', {
    client_id: fresh('partner'),
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys },
  })

const kids = ({ body }: Answer): string[] => body.jwks.keys.map(({ kid }: JWK) => kid)

describe('beside a key for signatures', () => {
  test.each<[string, object]>([
    ['a key for encryption', ENCRYPTION],
    ['a key of an unknown kind', { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq', pub: 'AAAA' }],
    ['a key without a kind', { kid: 'none' }],
    ['a key whose kind is no text', { kid: 'none', kty: 5 }],
    ['a curve that no assertion uses', { ...ec('secp256k1'), kid: 'k1' }],
    ['an algorithm that no assertion uses', { ...RSA, kid: 'rs512', alg: 'RS512' }],
    ['a key for other operations', { ...ec('P-256'), kid: 'derive', key_ops: ['deriveKey'] }],
    ['an RSA key that is too short', { ...SHORT_RSA, kid: 'short' }],
    ['a key that cannot be read', { kty: 'EC', crv: 'P-256', kid: 'broken', x: 'AA', y: 'AA' }],
  ])('%s is ignored', async (_, other) => {
    for (const keys of [
      [SIGNING, other],
      [other, SIGNING],
    ]) {
      const answer = await register(keys)
      expect([answer.status, kids(answer)]).toEqual([201, ['sig']])
    }
  })

  test.each<[string, object]>([
    [
      'a private key for encryption',
      { ...jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey), use: 'enc' },
    ],
    ['a private member of an unknown kind', { kty: 'AKP', kid: 'pq', d: 'AAAA' }],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac' }],
  ])('%s refuses the whole set', async (_, other) => {
    const answer = await register([SIGNING, other])
    expect(refusal(answer)).toBe('400 invalid_client_metadata')
    expect(answer.body.error_description).toContain('private members')
  })

  test('two keys that serve under one kid are refused, and one kid for a signing and an ignored key is not', async () => {
    expect(refusal(await register([SIGNING, { ...ec('P-256'), kid: 'sig' }]))).toBe('400 invalid_client_metadata')
    expect(kids(await register([SIGNING, { ...ENCRYPTION, kid: 'sig' }]))).toEqual(['sig'])
  })
})

test('a set in which no key serves is refused, with the reason of the first', async () => {
  const answer = await register([ENCRYPTION, { kty: 'AKP' }])
  expect(refusal(answer)).toBe('400 invalid_client_metadata')
  expect(answer.body.error_description).toMatch(/jwks: use is/)
})

test('the members that verifying reads are kept, and no others', async () => {
  const junk = { x5c: ['MIIB'], 'x5t#S256': 'AAAA', note: 'n'.repeat(2000), nested: { a: [1] } }
  const { body } = await register([{ ...SIGNING, ...junk }])
  expect(body.jwks).toEqual({ keys: [SIGNING] })
})

describe('an RSA key', () => {
  const even = Buffer.from(RSA.n ?? '', 'base64url')
  test.each<[string, object]>([
    [
      'of 8192 bits',
      { ...RSA, n: base64url(Buffer.concat([Buffer.from([0xc1]), Buffer.alloc(1022, 7), Buffer.from([1])])) },
    ],
    [
      'of 4104 bits',
      { ...RSA, n: base64url(Buffer.concat([Buffer.from([0xc1]), Buffer.alloc(511, 7), Buffer.from([1])])) },
    ],
    ['of a million bits', { ...RSA, n: 'A'.repeat(40_000) }],
    ['with an exponent as long as the modulus', { ...RSA, e: base64url(even) }],
    ['with the exponent 2^32 + 1', { ...RSA, e: base64url(Buffer.from([1, 0, 0, 0, 1])) }],
    ['with the exponent 1', { ...RSA, e: 'AQ' }],
    ['with an even exponent', { ...RSA, e: 'AQAA' }],
    ['without an exponent', { kty: 'RSA', n: RSA.n }],
  ])('%s is refused', async (_, key) => {
    expect(refusal(await register([key]))).toBe('400 invalid_client_metadata')
  })

  test.each([
    [2048, 3],
    [3072, 65_537],
    [4096, 65_537],
  ])('of %i bits with the exponent %i is taken', async (bits, exponent) => {
    expect((await register([await rsa(bits, exponent)])).status).toBe(201)
  })
})

test('the command line and the declarative file read key sets in the same way', async () => {
  const file = join(issuer().folder, 'partner.json')
  const create = (text: string) => {
    writeFileSync(file, text)
    const command = ['client', 'create', '--auth-method', 'private_key_jwt', '--jwks', file, '--json']
    return signet(command, issuer().env)
  }
  const taken = await create(JSON.stringify({ keys: [SIGNING, ENCRYPTION] }))
  expect([taken.code, JSON.parse(taken.stdout).jwks.keys]).toEqual([0, [SIGNING]])
  const refused = await create(JSON.stringify({ keys: [ENCRYPTION] }))
  expect([refused.code, refused.stdout]).toEqual([2, ''])
  expect(refused.stderr).toContain('--jwks: use is "sig"')
  const deep = await create(`{"keys":[{"junk":${'['.repeat(5000)}${']'.repeat(5000)}}]}`)
  expect(deep.stderr).toContain('nested deeper than 32 levels')

  const yaml = join(issuer().folder, 'partner.yaml')
  writeFileSync(
    yaml,
    `clients:\n  - client_id: declared-partner\n    token_endpoint_auth_method: private_key_jwt\n    jwks: ${JSON.stringify({ keys: [ENCRYPTION, SIGNING] })}\n`,
  )
  expect((await signet(['apply', yaml], issuer().env)).code).toBe(0)
  expect(kids(await issuer().operator.call('GET', '/admin/api/clients/declared-partner'))).toEqual(['sig'])
})
