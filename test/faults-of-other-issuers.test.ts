/**
 * Faults that broke other issuers, each attacked here once, over HTTP, under its own name. What they belong to
 * is tested at length in the file of its behaviour.
 */
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { SignJWT, exportJWK, exportSPKI, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { BEHIND_PROXY } from '../harness/network.ts'
import { SUBJECT_GRANT, introspect, isActive, refresh, startReplica, tokens, until } from './support/admin.ts'
import {
  basic,
  bearer,
  claimsOf,
  headerOf,
  post,
  request,
  untilNoticed,
  type Answer,
  type Credentials,
} from './support/client.ts'
import { API, ask, assertionOf, refusal, registered, resource, shareWithApi, startWithApi } from './support/shared.ts'

const issuer = shareWithApi()

const OFFLINE = { scope: 'a offline_access' }
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = await exportJWK(publicKey)

/** A backend of persons; a used refresh token has no grace. */
const backend = (at = issuer()) =>
  registered(at, { grant_types: ['client_credentials', 'refresh_token', SUBJECT_GRANT], refresh_grace: 0 })

const forPerson = (client: Credentials, subject: string, at: { url: string } = issuer()) =>
  tokens(at, client, { grant_type: SUBJECT_GRANT, subject, ...OFFLINE })

/** A client that signs, with the one key of this file. */
const signing = (at = issuer()) =>
  registered(at, { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } })

const present = (client_assertion: string, path = '/token', at: { url: string } = issuer(), headers = {}) =>
  request(at.url + path, {
    headers,
    form: {
      grant_type: 'client_credentials',
      token: 'x',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
    },
  })

const countOf = (answers: Answer[], outcome: string): number =>
  answers.filter((answer) => (answer.status === 200 ? '200' : refusal(answer)) === outcome).length

// ------------------------------------------------------------------ refresh tokens

test('rotation not atomic: of fifty parallel uses at two processes one wins, and no two tokens live', async () => {
  const own = await startWithApi()
  const replica = await startReplica(own)
  const client = await backend(own)
  const { refresh_token: token = '' } = await forPerson(client, 'ada', own)
  await untilNoticed(() => ask(replica, client))
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => refresh(index % 2 ? own : replica, client, token)),
  )
  expect([countOf(answers, '200'), countOf(answers, '400 invalid_grant')]).toEqual([1, 49])
  // The others were reuse, so the winner's token is dead as well.
  const winner = answers.find(({ status }) => status === 200)?.body
  expect(refusal(await refresh(own, client, winner?.refresh_token))).toBe('400 invalid_grant')
})

test('rotated token valid again after restart', async () => {
  const own = await startWithApi()
  const client = await backend(own)
  const { refresh_token: used = '' } = await forPerson(client, 'ada', own)
  const { refresh_token: successor } = (await refresh(own, client, used)).body
  const again = await own.restart()
  expect(refusal(await refresh(again, client, used))).toBe('400 invalid_grant')
  expect(refusal(await refresh(again, client, successor))).toBe('400 invalid_grant')
})

test('refresh token redeemable by another client', async () => {
  const [owner, thief] = [await backend(), await backend()]
  const { refresh_token: token = '' } = await forPerson(owner, 'ada')
  for (const path of ['/token', '/refresh']) {
    const form = { grant_type: 'refresh_token', refresh_token: token }
    expect(refusal(await post(issuer(), path, form, thief))).toBe('400 invalid_grant')
    // Named as its owner, authenticated as himself.
    expect((await post(issuer(), path, { ...form, client_id: owner.clientId }, thief)).status).toBe(400)
  }
  expect((await refresh(issuer(), owner, token)).status).toBe(200)
})

test('truncated opaque token accepted', async () => {
  const client = await backend()
  const { refresh_token: token = '' } = await forPerson(client, 'ada')
  const cut = [
    ...Array.from({ length: token.length }, (_, length) => token.slice(0, length)),
    ...Array.from({ length: 8 }, (_, from) => token.slice(from + 1)),
  ].filter((each) => each !== '')
  const answers = await Promise.all(cut.map((each) => introspect(issuer(), client, each)))
  expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['{"active":false}']))
  const refreshed = await Promise.all(cut.map((each) => refresh(issuer(), client, each)))
  expect(countOf(refreshed, '400 invalid_grant')).toBe(cut.length)
  for (const each of cut.slice(-12)) await post(issuer(), '/revoke', { token: each }, client)
  expect((await refresh(issuer(), client, token)).status).toBe(200)
})

// ------------------------------------------------------------------ who may have tokens

/** A way to ask for each grant type; `held` is a refresh token of client and person from before. */
const ASKING: Record<string, (client: Credentials, person: string, held: string) => Promise<Answer>> = {
  client_credentials: (client) => ask(issuer(), client),
  refresh_token: (client, _, held) => refresh(issuer(), client, held),
  [SUBJECT_GRANT]: (client, subject) => post(issuer(), '/token', { grant_type: SUBJECT_GRANT, subject }, client),
}

const operator = (method: string, path: string, json?: object) => issuer().operator.call(method, path, json)

const TURNS: [string, (client: Credentials, person: string) => Promise<Answer>][] = [
  ['disabled user', (_, person) => operator('POST', `/admin/api/users/${person}/disable`)],
  ['user on the blacklist', (_, person) => operator('POST', '/blacklist', { sub: person })],
  ['disabled client', ({ clientId }) => operator('POST', `/admin/api/clients/${clientId}/disable`)],
  ['client on the blacklist', ({ clientId }) => operator('POST', '/blacklist', { client_id: clientId })],
  ['deleted client', ({ clientId }) => operator('DELETE', `/admin/api/clients/${clientId}`)],
]

test.each(TURNS)('%s still served by one grant', async (what, turn) => {
  const { grant_types_supported } = (await request(`${issuer().url}/.well-known/openid-configuration`)).body
  // The grant of a person who signs in is tested in people/authorization-code.test.ts, with the same turns.
  const known = [...Object.keys(ASKING), 'authorization_code'].toSorted()
  expect(known, 'a new grant type needs a row here').toEqual(grant_types_supported.toSorted())
  const person = `person-${crypto.randomUUID()}`
  const client = await backend()
  const before = await forPerson(client, person)
  expect((await turn(client, person)).status).toBeLessThan(300)
  for (const [grant, asking] of Object.entries(ASKING)) {
    // A service has nothing to do with the person.
    const concerns = what.includes('client') || grant !== 'client_credentials'
    const { status, text } = await asking(client, person, before.refresh_token ?? '')
    expect(status === 200, `${grant}: ${text}`).toBe(!concerns)
  }
  const reader = await registered(issuer())
  expect(await isActive(issuer(), reader, before.access_token ?? '')).toBe(false)
})

test('second not-before ignored: of two blacklist entries the end of one leaves the other', async () => {
  const [client, reader] = [await backend(), await registered(issuer())]
  const isLive = (token: string) => isActive(issuer(), reader, token)
  const isServed = async (subject: string) =>
    (await post(issuer(), '/token', { grant_type: SUBJECT_GRANT, subject }, client)).status === 200
  const feed = async () => (await request(`${issuer().url}/blacklist/feed`)).body.entries as { id: string }[]

  for (const [first, second] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const sub = `person-${crypto.randomUUID()}`
    const { access_token: token = '' } = await forPerson(client, sub)
    const entries = [
      await operator('POST', '/blacklist', { sub, reason: 'earlier' }),
      await operator('POST', '/blacklist', { sub, expires_at: Math.floor(issuer().clock.now() / 1000) + 3600 }),
    ].map(({ body }) => String(body.id))
    await operator('DELETE', `/blacklist/${entries[first]}`)
    expect([await isLive(token), await isServed(sub)]).toEqual([false, false])
    expect((await feed()).map(({ id }) => id).filter((id) => entries.includes(id))).toEqual([entries[second]])
    await operator('DELETE', `/blacklist/${entries[second]}`)
    expect([await isLive(token), await isServed(sub)]).toEqual([true, true])
  }

  // Either entry may end by itself: the earlier or the later.
  for (const ends of [
    [30, 3600],
    [3600, 30],
    [30, null],
    [null, 30],
  ]) {
    const sub = `person-${crypto.randomUUID()}`
    const { access_token: token = '' } = await forPerson(client, sub)
    const now = Math.floor(issuer().clock.now() / 1000)
    for (const end of ends) await operator('POST', '/blacklist', { sub, expires_at: end && now + end })
    issuer().clock.advance(31)
    expect([await isLive(token), await isServed(sub)]).toEqual([false, false])
  }
})

test('introspection that ignores the caller’s audience', async () => {
  const [mine, other] = [await resource(issuer()), await resource(issuer())]
  const client = await registered(issuer(), { resources: [mine] })
  const { access_token: token = '', refresh_token: held = '' } = await tokens(issuer(), client, OFFLINE)
  const [reader, stranger] = [
    await registered(issuer(), { resources: [mine] }),
    await registered(issuer(), { resources: [other] }),
  ]
  expect(await isActive(issuer(), reader, token)).toBe(true)
  for (const each of [token, held]) expect((await introspect(issuer(), stranger, each)).text).toBe('{"active":false}')
  const hinted = { token, resource: mine, audience: mine, token_type_hint: 'access_token' }
  expect((await post(issuer(), '/introspect', hinted, stranger)).text).toBe('{"active":false}')
})

// ------------------------------------------------------------------ assertions and proofs

test.each(['exp', 'aud', 'jti'])('assertion without %s accepted', async (claim) => {
  const { clientId } = await signing()
  expect((await present(await assertionOf(clientId, issuer(), privateKey))).status).toBe(200)
  const without = await assertionOf(clientId, issuer(), privateKey, { claims: { [claim]: undefined } })
  expect(refusal(await present(without))).toBe('401 invalid_client')
})

test('jti replay of a client assertion: at the same endpoint, at another, and at another process', async () => {
  const replica = await startReplica(issuer())
  const { clientId } = await signing()
  await until(
    async () => (await present(await assertionOf(clientId, issuer(), privateKey), '/token', replica)).status === 200,
  )
  const assertion = await assertionOf(clientId, issuer(), privateKey)
  expect((await present(assertion)).status).toBe(200)
  for (const path of ['/token', '/introspect', '/revoke'])
    expect(refusal(await present(assertion, path))).toBe('401 invalid_client')
  expect(refusal(await present(assertion, '/token', replica))).toBe('401 invalid_client')
})

test('one-time objects of different kinds sharing a key space: a jti of an assertion and of a proof', async () => {
  const { clientId } = await signing()
  const jti = crypto.randomUUID()
  const proofOf = (id: string) =>
    new SignJWT({ jti: id, iat: Math.floor(issuer().clock.now() / 1000), htm: 'POST', htu: `${issuer().issuer}/token` })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(privateKey)
  const assertion = await assertionOf(clientId, issuer(), privateKey, { claims: { jti } })
  const dpop = await proofOf(jti)
  // Same jti, same key, one request: neither spends the other.
  expect((await present(assertion, '/token', issuer(), { dpop })).body.token_type).toBe('DPoP')
  // And each is spent, whatever goes beside it.
  const spent = await present(assertion, '/token', issuer(), { dpop: await proofOf(crypto.randomUUID()) })
  expect(refusal(spent)).toBe('401 invalid_client')
  const fresh = await assertionOf(clientId, issuer(), privateKey)
  expect(refusal(await present(fresh, '/token', issuer(), { dpop }))).toBe('400 invalid_dpop_proof')
  // Each kind is never taken for the other.
  const standing = await assertionOf(clientId, issuer(), privateKey, { header: { typ: 'dpop+jwt', jwk } })
  expect(refusal(await present(standing))).toBe('401 invalid_client')
})

test('unknown crit accepted', async () => {
  const { clientId } = await signing()
  const now = Math.floor(issuer().clock.now() / 1000)
  const claims = { iss: clientId, sub: clientId, aud: issuer().issuer, exp: now + 60, jti: crypto.randomUUID() }
  const critical = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', crit: ['urn:example:must'], 'urn:example:must': true })
    .sign(privateKey, { crit: { 'urn:example:must': true } })
  expect(refusal(await present(critical))).toBe('401 invalid_client')
})

/** Checks that a forged token in the issuer's own name opens nothing. */
async function expectOpensNothing(forged: string): Promise<void> {
  expect(refusal(await request(`${issuer().url}/admin/api/clients`, { headers: bearer(forged) }))).toBe(
    '401 invalid_token',
  )
  expect((await introspect(issuer(), issuer().operator.credentials, forged)).text).toBe('{"active":false}')
}

test('embedded jwk or jku followed, for assertions and for access tokens', async () => {
  const attacker = await generateKeyPair('ES256', { extractable: true })
  const own = { ...(await exportJWK(attacker.publicKey)), kid: 'mine', alg: 'ES256', use: 'sig' }
  let fetched = 0
  const server = createServer((_, answer) => {
    fetched += 1
    answer.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [own] }))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((listening) => server.once('listening', listening))
  const { port } = server.address() as AddressInfo // bound to a TCP port
  const url = `http://127.0.0.1:${port}/keys`

  const { clientId } = await signing()
  const genuine = await issuer().operator.token()
  const { kid, typ } = headerOf(genuine)
  for (const header of [{ jwk: own }, { jku: url }, { x5u: url }, { jwk: own, jku: url, kid: 'mine' }, { kid: url }]) {
    const assertion = await assertionOf(clientId, issuer(), attacker.privateKey, { header })
    expect(refusal(await present(assertion))).toBe('401 invalid_client')
    await expectOpensNothing(
      await new SignJWT(claimsOf(genuine))
        .setProtectedHeader({ alg: 'ES256', typ, kid, ...header })
        .sign(attacker.privateKey),
    )
  }
  expect(fetched).toBe(0)
})

test('HMAC with the public key, for assertions and for access tokens', async () => {
  const { clientId } = await signing()
  const genuine = await issuer().operator.token()
  const { keys } = (await request(`${issuer().url}/.well-known/jwks.json`)).body as { keys: JWK[] }
  const published = keys.find(({ kid }) => kid === headerOf(genuine).kid) ?? {}
  const spellings = async (key: JWK) => [
    JSON.stringify(key),
    await exportSPKI((await importJWK(key, 'ES256', { extractable: true })) as CryptoKey),
  ]
  for (const secret of await spellings(jwk)) {
    const forged = await assertionOf(clientId, issuer(), Buffer.from(secret), { header: { alg: 'HS256' } })
    expect(refusal(await present(forged))).toBe('401 invalid_client')
  }
  for (const secret of await spellings(published)) {
    await expectOpensNothing(
      await new SignJWT(claimsOf(genuine))
        .setProtectedHeader({ ...headerOf(genuine), alg: 'HS256' })
        .sign(Buffer.from(secret)),
    )
  }
})

// ------------------------------------------------------------------ limits

test('body limit passed by chunked encoding', async () => {
  const client = await registered(issuer())
  const answer = await new Promise<string>((done) => {
    const socket = connect(issuer().port, '127.0.0.1')
    let got = ''
    socket.on('data', (chunk) => (got += String(chunk)))
    socket.on('error', () => {}) // cut off while it still sends
    socket.on('close', () => done(got))
    socket.write(
      `POST /token HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(client).authorization}\r\n` +
        'Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    // A good request, to whoever does not count.
    for (const piece of ['grant_type=client_credentials', ...Array.from({ length: 80 }, () => `&x=${'x'.repeat(997)}`)])
      socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)
    socket.write('0\r\n\r\n')
  })
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(answer).not.toContain('access_token')
})

test('limit overrun by parallel requests: guesses at a secret that costs argon2id', async () => {
  process.env.FAULTS_BROUGHT = 'a secret of an operator, long enough to be one'
  onTestFinished(() => void delete process.env.FAULTS_BROUGHT)
  const declared = `  - { client_id: dear, resources: [${API}], client_secret: { env: FAULTS_BROUGHT } }\n`
  const own = await startWithApi({}, { declared })
  const guess = (clientId: string, index: number) =>
    ask(own, { clientId, secret: `a guess that is long enough, number ${index}` })
  for (const clientId of ['dear', 'nobody']) {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => guess(clientId, index)))
    // Two at work, eight waiting, and the few whose turn came while the others were still arriving.
    expect(countOf(answers, '401 invalid_client')).toBeLessThan(50)
    expect(countOf(answers, '401 invalid_client') + countOf(answers, '503 temporarily_unavailable')).toBe(100)
  }
  expect((await ask(own, { clientId: 'dear', secret: process.env.FAULTS_BROUGHT })).status).toBe(200)
})

test('limit overrun by parallel requests: those of a network that are refused', async () => {
  const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '10', ...BEHIND_PROXY })
  const knock = () =>
    request(`${own.url}/token`, {
      headers: { 'x-forwarded-for': '198.51.100.7', ...basic({ clientId: 'nobody', secret: 'sgs_none' }) },
      form: { grant_type: 'client_credentials' },
    })
  const answers = await Promise.all(Array.from({ length: 50 }, knock))
  expect(countOf(answers, '401 invalid_client')).toBe(10)
  expect(countOf(answers, '429 temporarily_unavailable')).toBe(40)
})

test('rate-limit key with several spellings', async () => {
  const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '1', SIGNET_RATE_LIMIT_CLIENT: '2', ...BEHIND_PROXY })
  const knock = async (address: string) =>
    refusal(await request(`${own.url}/token`, { headers: { 'x-forwarded-for': address }, form: {} }))
  const spellings = [
    ['2001:db8:0:1::a', '2001:DB8:0:1::A', '2001:0db8:0000:0001::000a', '2001:db8::1:0:0:0:b', '[2001:db8:0:1::c]:443'],
    ['198.51.100.7', '::ffff:198.51.100.7', '::FFFF:c633:6407', ' 198.51.100.7 '],
  ]
  for (const [first = '', ...others] of spellings) {
    expect(await knock(first)).toBe('401 invalid_client')
    for (const other of others) expect(await knock(other), other).toBe('429 temporarily_unavailable')
  }
  const client = await registered(own)
  for (let asked = 0; asked < 2; asked++) expect((await ask(own, client)).status).toBe(200)
  // Ids are compared as they are, but Basic has more than one spelling for each (RFC 6749 §2.3.1).
  const encoded = Buffer.from(
    `%${client.clientId.charCodeAt(0).toString(16)}${client.clientId.slice(1)}:${client.secret}`,
  )
  const answer = await request(`${own.url}/token`, {
    headers: { authorization: `Basic ${encoded.toString('base64')}` },
    form: { grant_type: 'client_credentials' },
  })
  expect(refusal(answer)).toBe('429 temporarily_unavailable')
})
