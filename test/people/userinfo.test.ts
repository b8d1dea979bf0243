/** /userinfo: the claims of the person behind an access token. */
import { createRemoteJWKSet, generateKeyPair, jwtVerify, type CryptoKey } from 'jose'
import { describe, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { bearer, claimsOf, post, request, type Answer } from '../support/client.ts'
import { refresh, tokens as serviceTokens } from '../support/admin.ts'
import { addClient, addUser, codeForm, signIn, tokensOf } from '../support/codes.ts'
import { proofOf } from '../support/proofs.ts'
import { storeOf } from '../support/people.ts'
import { registered, resource, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()
let store: Store

async function signedIn(metadata: Record<string, unknown> = {}, query: Record<string, string | undefined> = {}) {
  store = await storeOf(issuer())
  const client = await addClient(issuer(), metadata)
  const person = await addUser(store)
  return { client, person, tokens: await tokensOf(issuer(), client, person, query) }
}

const ask = (token: string, path = '/userinfo'): Promise<Answer> =>
  request(issuer().url + path, { headers: bearer(token) })

test('by GET, by POST with the header, and by POST with the token in the form, the answer is the same', async () => {
  const { person, tokens } = await signedIn()
  const { access_token: token } = tokens
  const url = `${issuer().url}/userinfo`
  const answers = [
    await ask(token),
    await request(url, { method: 'POST', headers: bearer(token) }),
    await request(url, { form: {}, headers: bearer(token) }),
    await request(url, { form: { access_token: token } }),
    await request(url, { headers: { authorization: `bearer ${token}` } }),
  ]
  for (const { status, body, headers, text } of answers) {
    expect(status, text).toBe(200)
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual(answers[0]?.body)
  }
  expect(answers[0]?.body).toMatchObject({ sub: person.id, email: person.email, email_verified: true, groups: [] })
  expect(answers[0]?.body.sub).toBe(claimsOf(tokens.id_token).sub)
  expect(typeof answers[0]?.body.updated_at).toBe('number')
})

test('any live access token of a grant with openid will do, whatever it is for', async () => {
  const api = await resource(issuer(), { typ: 'JWT', alg: 'RS256' })
  const { person, tokens } = await signedIn({ resources: [api] })
  expect(claimsOf(tokens.access_token).aud).toBe(api)
  expect((await ask(tokens.access_token)).body.sub).toBe(person.id)
})

test('the claims are those of the scope, of the request and of the map', async () => {
  const { person, tokens } = await signedIn(
    { claim_map: { login: 'username' } },
    { scope: 'openid', claims: JSON.stringify({ userinfo: { name: { essential: true }, email: null } }) },
  )
  const { body } = await ask(tokens.access_token)
  expect(body).toEqual({ sub: person.id, email: person.email, login: person.username })
})

test('they are fresh', async () => {
  const { person, tokens } = await signedIn()
  await store.changeUser(person.id, (_, now) => ({
    user: { name: 'Another Name', updatedAt: now },
    mayChangeMembers: () => {},
    deny: () => {
      throw new Error('nothing is denied')
    },
    event: { ...EVENT, at: now },
  }))
  expect((await ask(tokens.access_token)).body.name).toBe('Another Name')
})

const EVENT = {
  id: '00000000-0000-7000-8000-000000000001',
  actorKind: 'system' as const,
  actor: 'system',
  action: 'test.act',
  target: 'test',
  requestId: null,
  details: {},
}

test('a token that was narrowed to no openid tells nothing but sub', async () => {
  const { client, person, tokens } = await signedIn({ claim_map: { login: 'username' } })
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, scope: 'email' }
  const { body } = await post(issuer(), '/token', form, client)
  expect(body.scope).toBe('email')
  expect((await ask(body.access_token)).body).toEqual({ sub: person.id })
})

describe('refused', () => {
  const challengeOf = ({ headers }: Answer) => headers.get('www-authenticate')

  test('without a token: a bare challenge', async () => {
    const answer = await request(`${issuer().url}/userinfo`)
    expect(answer.status).toBe(401)
    expect(challengeOf(answer)).toBe('Bearer realm="signet"')
  })

  test('a token that is none, and tokens of other kinds', async () => {
    const { tokens, client } = await signedIn()
    const { refresh_token, id_token } = tokens
    for (const token of ['x', refresh_token, id_token, client.secret]) {
      const answer = await ask(token)
      expect(answer.status).toBe(401)
      expect(answer.body.error).toBe('invalid_token')
      expect(challengeOf(answer)).toBe('Bearer realm="signet", error="invalid_token"')
    }
  })

  test('a token in the query', async () => {
    const { tokens } = await signedIn()
    expect((await request(`${issuer().url}/userinfo?access_token=${tokens.access_token}`)).status).toBe(401)
  })

  test('a token twice', async () => {
    const { access_token } = (await signedIn()).tokens
    const answer = await request(`${issuer().url}/userinfo`, { form: { access_token }, headers: bearer(access_token) })
    expect(`${answer.status} ${answer.body.error}`).toBe('400 invalid_request')
  })

  test('a token of a service, and of a sign-in without openid', async () => {
    const service = await registered(issuer())
    const { access_token } = await serviceTokens(issuer(), service)
    const answer = await ask(access_token ?? '')
    expect(`${answer.status} ${answer.body.error}`).toBe('403 insufficient_scope')
    expect(challengeOf(answer)).toBe('Bearer realm="signet", error="insufficient_scope", scope="openid"')
  })

  test('an expired and a revoked token', async () => {
    const { client, tokens } = await signedIn()
    await post(issuer(), '/revoke', { token: tokens.access_token }, client)
    expect((await ask(tokens.access_token)).status).toBe(401)
    const { body } = await refresh(issuer(), client, tokens.refresh_token)
    expect((await ask(body.access_token)).status).toBe(200)
    issuer().clock.advance(16 * 60)
    expect((await ask(body.access_token)).status).toBe(401)
  })

  test('the token of a person who was denied, until the denial is lifted', async () => {
    const { client, person, tokens } = await signedIn()
    const { body } = await issuer().operator.call('POST', '/blacklist', { sub: person.id })
    expect((await ask(tokens.access_token)).status).toBe(401)
    await issuer().operator.call('DELETE', `/blacklist/${body.id}`)
    const { body: state } = await post(issuer(), '/introspect', { token: tokens.access_token }, client)
    expect(state.active).toBe(true)
    expect((await ask(tokens.access_token)).body.sub).toBe(person.id)
  })

  test('the token of a client that was disabled, until it is enabled', async () => {
    const { client, person, tokens } = await signedIn()
    await issuer().operator.call('POST', `/admin/api/clients/${client.clientId}/disable`)
    expect((await ask(tokens.access_token)).status).toBe(401)
    await issuer().operator.call('POST', `/admin/api/clients/${client.clientId}/enable`)
    expect((await ask(tokens.access_token)).body.sub).toBe(person.id)
  })
})

test.each(['RS256', 'ES256'])('a client that asks for %s gets a JWT', async (alg) => {
  const { client, person, tokens } = await signedIn({ userinfo_signed_response_alg: alg })
  const { text, headers, status } = await ask(tokens.access_token)
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('application/jwt')
  const keys = createRemoteJWKSet(new URL(`${issuer().url}/.well-known/jwks.json`))
  const { payload, protectedHeader } = await jwtVerify(text, keys, {
    issuer: issuer().issuer,
    audience: client.clientId,
    currentDate: new Date(issuer().clock.now()),
  })
  expect(protectedHeader.alg).toBe(alg)
  expect(payload).toMatchObject({ sub: person.id, email: person.email })
  // Nothing takes it for an ID token, which has to end (OIDC Core §2).
  expect(payload).not.toHaveProperty('exp')
})

describe('a token that is bound to a key', () => {
  const url = () => `${issuer().url}/userinfo`
  let key: { privateKey: CryptoKey; publicKey: CryptoKey }

  const bound = async () => {
    store = await storeOf(issuer())
    key = await generateKeyPair('ES256', { extractable: true })
    const client = await addClient(issuer(), { dpop_bound_access_tokens: true })
    const { code } = await signIn(issuer(), client, await addUser(store))
    const dpop = await proofOf(issuer(), key, { htm: 'POST', path: '/token' })
    const { body, text } = await request(`${issuer().url}/token`, {
      form: codeForm(code),
      headers: { dpop, ...basicOf(client) },
    })
    expect(body.token_type, text).toBe('DPoP')
    return { client, token: String(body.access_token) }
  }
  const basicOf = ({ clientId, secret }: { clientId: string; secret: string }) => ({
    authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
  })

  test('comes with a proof of that key for this request', async () => {
    const { token } = await bound()
    const proof = () => proofOf(issuer(), key, { htm: 'GET', path: '/userinfo', accessToken: token })
    const good = await request(url(), { headers: { authorization: `DPoP ${token}`, dpop: await proof() } })
    expect(good.status, good.text).toBe(200)
    const lower = await request(url(), { headers: { authorization: `dpop ${token}`, dpop: await proof() } })
    expect(lower.status).toBe(200)
  })

  test('is refused as plain Bearer, without a proof, and with one for something else', async () => {
    const { token } = await bound()
    const dpop = { authorization: `DPoP ${token}` }
    const other = await generateKeyPair('ES256', { extractable: true })
    const terms = { htm: 'GET', path: '/userinfo', accessToken: token }
    const used = await proofOf(issuer(), key, terms)
    expect((await request(url(), { headers: { ...dpop, dpop: used } })).status).toBe(200)
    const bad = [
      { authorization: `Bearer ${token}` },
      dpop,
      { ...dpop, dpop: used },
      { ...dpop, dpop: await proofOf(issuer(), other, terms) },
      { ...dpop, dpop: await proofOf(issuer(), key, { ...terms, htm: 'POST' }) },
      { ...dpop, dpop: await proofOf(issuer(), key, { ...terms, path: '/token' }) },
      { ...dpop, dpop: await proofOf(issuer(), key, { ...terms, accessToken: undefined }) },
      { ...dpop, dpop: await proofOf(issuer(), key, { ...terms, accessToken: 'another' }) },
    ]
    for (const headers of bad) {
      const answer = await request(url(), { headers })
      expect(answer.status, answer.text).toBe(401)
      expect(answer.headers.get('www-authenticate')).toMatch(
        /^DPoP realm="signet", error="invalid_(token|dpop_proof)".*algs="/,
      )
    }
  })

  test('a client that is registered so gets no token without a proof', async () => {
    const { client } = await bound()
    const { code } = await signIn(issuer(), client, await addUser(store))
    const answer = await post(issuer(), '/token', codeForm(code), client)
    expect(`${answer.status} ${answer.body.error}`).toBe('400 invalid_dpop_proof')
  })

  test('a plain token does not come with scheme DPoP', async () => {
    const { access_token } = (await signedIn()).tokens
    expect((await request(url(), { headers: { authorization: `DPoP ${access_token}` } })).status).toBe(401)
  })
})
