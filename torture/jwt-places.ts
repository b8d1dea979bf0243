/** Every place over HTTP that takes a JWT, with a token that it would accept, and the form of its refusal. */
import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { Caller, type Answer } from './caller.ts'
import type { Model } from './jwt-bombs.ts'
import { MEMBERS, type Place } from './place.ts'

export interface JwtPlace {
  name: string
  model: Model
  send(token: string): Promise<Answer>
  isRefused(answer: Answer): boolean
}

const ISSUER = 'http://localhost'
/** A little less than the largest body, header, assertion and proof that Signet reads. */
const ROOM = { body: 64_000, header: 15_000, assertion: 16_000, proof: 8000 }

export async function jwtPlaces(url: string, place: Place): Promise<JwtPlace[]> {
  const app = new Caller(url, place.app)
  const anybody = new Caller(url)
  const issued = await app.accessToken()
  const operators = await new Caller(url, place.operator).accessToken()
  const signer = keyPair()
  await register(anybody, operators, signer.jwk)
  const question = (path: string) => (token: string) => app.send(path, { form: { token } })
  const isRefused = ({ status }: Answer) => status >= 400 && status < 500
  return [
    {
      name: '/introspect',
      model: modelOf(issued, ROOM.body),
      send: question('/introspect'),
      isRefused: (answer) => isRefused(answer) || answer.text === '{"active":false}',
    },
    // RFC 7009 §2.2: an invalid token counts as revoked.
    {
      name: '/revoke',
      model: modelOf(issued, ROOM.body),
      send: question('/revoke'),
      isRefused: (answer) => isRefused(answer) || (answer.status === 200 && answer.text === ''),
    },
    {
      name: 'Bearer',
      model: modelOf(operators, ROOM.header),
      send: (token) => anybody.send('/admin/api/keys', { headers: { authorization: `Bearer ${token}` } }),
      isRefused,
    },
    {
      name: 'client_assertion',
      model: assertionModel(signer.privateKey),
      send: (token) => assert(anybody, token),
      isRefused,
    },
    {
      name: 'DPoP proof',
      model: proofModel(keyPair()),
      send: (dpop) => app.send('/token', { headers: { dpop }, form: { grant_type: 'client_credentials' } }),
      isRefused,
    },
  ]
}

/** Header and claims of an issued token, with an invalid signature. */
export function modelOf(issued: string, room: number): Model {
  const [header = '', claims = ''] = issued
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString().slice(1, -1))
  return { header, claims, checked: 'aud', time: 'exp', room, sign: () => 'A'.repeat(86) }
}

const assertionModel = (key: KeyObject): Model => ({
  header: '"alg":"ES256"',
  claims: `${membersOf({ iss: 'signer', sub: 'signer', aud: ISSUER, exp: now() + 300 })},"jti":"${randomUUID()}"`,
  checked: 'aud',
  time: 'exp',
  room: ROOM.assertion,
  sign: (input) => signed(input, key),
})

const proofModel = ({ jwk, privateKey }: KeyPair): Model => ({
  header: membersOf({ typ: 'dpop+jwt', alg: 'ES256', jwk }),
  claims: membersOf({ jti: randomUUID(), htm: 'POST', htu: `${ISSUER}/token`, iat: now() }),
  checked: 'htu',
  time: 'iat',
  room: ROOM.proof,
  sign: (input) => signed(input, privateKey),
})

const assert = (caller: Caller, assertion: string): Promise<Answer> =>
  caller.send('/token', {
    form: {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    },
  })

async function register(caller: Caller, token: string, jwk: object): Promise<void> {
  const answer = await caller.send('/admin/api/clients', {
    headers: { authorization: `Bearer ${token}` },
    json: { client_id: 'signer', ...MEMBERS, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } },
  })
  if (answer.status !== 201) throw new Error(`no client that signs: ${answer.status} ${answer.text}`)
}

interface KeyPair {
  jwk: object
  privateKey: KeyObject
}

function keyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { jwk: publicKey.export({ format: 'jwk' }), privateKey }
}

const signed = (input: string, key: KeyObject): string =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')

const now = (): number => Math.floor(Date.now() / 1000)
const membersOf = (object: object): string => JSON.stringify(object).slice(1, -1)
