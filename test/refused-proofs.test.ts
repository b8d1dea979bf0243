/**
 * A request that is refused anyway writes nothing: a proof of possession is used up by what it brought, so that nobody
 * fills the disk in the name of a public client, which anybody can name.
 */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { request, type Answer, type Credentials } from './support/client.ts'
import { withAnotherSecret } from './support/forgery.ts'
import { change, fresh, refusal, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = await exportJWK(publicKey)

const proofFor = (path: string): Promise<string> =>
  new SignJWT({ jti: crypto.randomUUID(), htm: 'POST', htu: issuer().issuer + path })
    .setIssuedAt(Math.floor(issuer().clock.now() / 1000))
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .sign(privateKey)

/** A public client with a refresh token that it was given while it was none. */
async function publicClient(): Promise<{ clientId: string; token: string }> {
  const client: Credentials = await registered(issuer())
  const { refresh_token: token = '' } = await tokensOf(client)
  await change(issuer(), client, { token_endpoint_auth_method: 'none', grant_types: ['refresh_token'] })
  return { clientId: client.clientId, token }
}

const tokensOf = async (client: Credentials): Promise<Record<string, string>> => {
  const form = { grant_type: 'client_credentials', scope: 'a offline_access' }
  const answer = await request(`${issuer().url}/token`, {
    headers: { authorization: `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}` },
    form,
  })
  return answer.body
}

const send = (dpop: string, form: Record<string, string>, path = '/token'): Promise<Answer> =>
  request(issuer().url + path, { headers: { dpop }, form: { grant_type: 'refresh_token', ...form } })

/** Each is refused; the same proof is then sent with what is right. */
const REFUSED: [string, (client: { clientId: string; token: string }) => Promise<Record<string, string>>][] = [
  ['a made-up refresh token', async () => ({ refresh_token: 'x' })],
  ['no refresh token', async () => ({})],
  [
    'a mangled refresh token',
    async ({ token }) => ({ refresh_token: `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}` }),
  ],
  ['a forged refresh token', async ({ token }) => ({ refresh_token: withAnotherSecret(issuer(), token) })],
  [
    'the refresh token of another client',
    async () => ({ refresh_token: (await tokensOf(await registered(issuer()))).refresh_token ?? '' }),
  ],
  ['another grant type', async () => ({ grant_type: 'client_credentials' })],
  ['an unknown grant type', async () => ({ grant_type: 'password' })],
]

test.each(REFUSED)('a public client that was refused with %s can send its proof again', async (_, formOf) => {
  const client = await publicClient()
  const proof = await proofFor('/token')
  const refused = await send(proof, { client_id: client.clientId, ...(await formOf(client)) })
  expect(refused.status).toBe(400)
  expect(refused.body.error).not.toBe('invalid_dpop_proof')
  const good = { client_id: client.clientId, refresh_token: client.token }
  const answer = await send(proof, good)
  expect([answer.status, answer.body.token_type]).toEqual([200, 'DPoP'])
})

test('a proof that brought tokens is used up, whatever it is sent with', async () => {
  const client = await publicClient()
  const proof = await proofFor('/token')
  const first = await send(proof, { client_id: client.clientId, refresh_token: client.token })
  expect(first.status).toBe(200)
  const again = await send(proof, { client_id: client.clientId, refresh_token: first.body.refresh_token })
  expect(refusal(again)).toBe('400 invalid_dpop_proof')
  const good = { client_id: client.clientId, refresh_token: first.body.refresh_token }
  expect((await send(await proofFor('/token'), good)).status).toBe(200)
})

test('two requests at once with one proof bring tokens once', async () => {
  const [one, two] = [await publicClient(), await publicClient()]
  const proof = await proofFor('/token')
  const answers = await Promise.all(
    [one, two].map(({ clientId, token }) => send(proof, { client_id: clientId, refresh_token: token })),
  )
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400])
  const index = answers.findIndex(({ status }) => status === 400)
  const left = [one, two][index]
  const good = { client_id: left?.clientId ?? '', refresh_token: left?.token ?? '' }
  expect((await send(await proofFor('/token'), good)).status, 'the refresh token was not used up').toBe(200)
})

test('the same holds at /refresh', async () => {
  const client = await publicClient()
  const proof = await proofFor('/refresh')
  expect((await send(proof, { client_id: client.clientId, refresh_token: fresh('x') }, '/refresh')).status).toBe(400)
  const good = { client_id: client.clientId, refresh_token: client.token }
  expect((await send(proof, good, '/refresh')).status).toBe(200)
})
