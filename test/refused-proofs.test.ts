/**
 * A request that is refused anyway writes nothing: a proof of possession is used up by what it brought, so that nobody
 * fills the disk in the name of a public client, which anybody can name.
 */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { tokens } from './support/admin.ts'
import { basic, request, type Answer, type Credentials } from './support/client.ts'
import { withAnotherSecret } from './support/forgery.ts'
import { refusal, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = await exportJWK(publicKey)

const proofFor = (path: string): Promise<string> =>
  new SignJWT({ jti: crypto.randomUUID(), htm: 'POST', htu: issuer().issuer + path })
    .setIssuedAt(Math.floor(issuer().clock.now() / 1000))
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .sign(privateKey)

/** A client that anybody can name. */
const publicClient = async (): Promise<string> =>
  (await registered(issuer(), { token_endpoint_auth_method: 'none', grant_types: ['refresh_token'] })).clientId

const grantOf = async (client: Credentials): Promise<string> =>
  (await tokens(issuer(), client, { scope: 'a offline_access' })).refresh_token ?? ''

const sendAsNamed = (dpop: string, clientId: string, form: Record<string, string>, path = '/token'): Promise<Answer> =>
  request(issuer().url + path, { headers: { dpop }, form: { client_id: clientId, ...form } })

/** A request that is right, by a client that authenticates. */
const sendRight = async (dpop: string, client: Credentials, refreshToken: string, path = '/token'): Promise<Answer> =>
  request(issuer().url + path, {
    headers: { ...basic(client), dpop },
    form: { grant_type: 'refresh_token', refresh_token: refreshToken },
  })

const refreshing = (refresh_token: string) => ({ grant_type: 'refresh_token', refresh_token })

/** Each is refused; it is given a refresh token that is good, of another client. */
const REFUSED: [string, (token: string) => Record<string, string>][] = [
  ['a made-up refresh token', () => refreshing('x')],
  ['no refresh token', () => ({ grant_type: 'refresh_token' })],
  ['a mangled refresh token', (token) => refreshing(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)],
  ['a forged refresh token', (token) => refreshing(withAnotherSecret(issuer(), token))],
  ['the refresh token of another client', refreshing],
  ['a grant type that it has not got', () => ({ grant_type: 'client_credentials' })],
  ['an unknown grant type', () => ({ grant_type: 'password' })],
  ['a scope that nobody has', (token) => ({ ...refreshing(token), scope: 'root' })],
]

test.each(REFUSED)('a proof that a public client sent with %s is not used up', async (_, formOf) => {
  const client = await registered(issuer())
  const token = await grantOf(client)
  const proof = await proofFor('/token')
  const refused = await sendAsNamed(proof, await publicClient(), formOf(token))
  expect(refused.status).toBe(400)
  expect(refused.body.error).not.toBe('invalid_dpop_proof')
  const answer = await sendRight(proof, client, token)
  expect([answer.status, answer.body.token_type]).toEqual([200, 'DPoP'])
})

test('the same holds at /refresh', async () => {
  const client = await registered(issuer())
  const token = await grantOf(client)
  const proof = await proofFor('/refresh')
  expect((await sendAsNamed(proof, await publicClient(), { refresh_token: 'x' }, '/refresh')).status).toBe(400)
  expect((await sendRight(proof, client, token, '/refresh')).status).toBe(200)
})

test('a proof that brought tokens is used up, whatever it is sent with', async () => {
  const client = await registered(issuer())
  const proof = await proofFor('/token')
  const first = await sendRight(proof, client, await grantOf(client))
  expect(first.status).toBe(200)
  const newest = first.body.refresh_token as string
  expect(refusal(await sendRight(proof, client, newest))).toBe('400 invalid_dpop_proof')
  expect(refusal(await sendRight(proof, client, await grantOf(client)))).toBe('400 invalid_dpop_proof')
  expect((await sendRight(await proofFor('/token'), client, newest)).status).toBe(200)
})

test('two requests at once with one proof bring tokens once, and the other refresh token is not used up', async () => {
  const client = await registered(issuer())
  const held = [await grantOf(client), await grantOf(client)]
  const proof = await proofFor('/token')
  const answers = await Promise.all(held.map((token) => sendRight(proof, client, token)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400])
  const left = held[answers.findIndex(({ status }) => status === 400)] ?? ''
  expect((await sendRight(await proofFor('/token'), client, left)).status).toBe(200)
})
