/** How a client proves who it is by a signed assertion, `private_key_jwt` (RFC 7523 §2.2, §3; OIDC Core §9). */
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair, type CryptoKey } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startReplica, until } from './support/admin.ts'
import { post, type Answer } from './support/client.ts'
import {
  ask,
  assertionOf,
  auditOf,
  change,
  fresh,
  refusal,
  registered,
  shareWithApi,
  startWithApi,
} from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

const issuer = shareWithApi()

describe('private_key_jwt', () => {
  const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

  const present = (
    client_assertion: string,
    form: Record<string, string> = {},
    at: { url: string } = issuer(),
  ): Promise<Answer> =>
    post(at, '/token', {
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION,
      client_assertion,
      ...form,
    })

  const { privateKey: rsaPrivate, publicKey: rsaPublic } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  /** A pair for an algorithm; one RSA key for all of those, since making one takes long. */
  const pairFor = async (alg: string) =>
    /^[RP]S/.test(alg) ? { privateKey: rsaPrivate, publicKey: rsaPublic } : generateKeyPair(alg, { extractable: true })

  /** A client with a key. */
  const keyed = async (alg = 'ES256', at = issuer(), jwk: object = {}) => {
    const { privateKey, publicKey } = await pairFor(alg)
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), ...jwk }] }
    const { clientId } = await registered(at, { token_endpoint_auth_method: 'private_key_jwt', jwks })
    return { clientId, privateKey, publicKey }
  }

  const now = () => Math.floor(issuer().clock.now() / 1000)

  test.each(['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'])('authenticates by %s', async (alg) => {
    const { clientId, privateKey } = await keyed(alg)
    const answer = await present(await assertionOf(clientId, issuer(), privateKey, { header: { alg } }))
    expect(answer.status).toBe(200)
    expect(answer.body.token_type).toBe('Bearer')
  })

  test('takes client_id beside the assertion where it is the same, and at every endpoint', async () => {
    const { clientId, privateKey } = await keyed()
    const make = () => assertionOf(clientId, issuer(), privateKey)
    expect((await present(await make(), { client_id: clientId })).status).toBe(200)
    expect(refusal(await present(await make(), { client_id: 'somebody' }))).toBe('401 invalid_client')
    const at = async (path: string) =>
      (await post(issuer(), path, { token: 'x', client_assertion_type: ASSERTION, client_assertion: await make() }))
        .status
    expect([await at('/introspect'), await at('/revoke')]).toEqual([200, 200])
  })

  test.each([
    { what: 'for another audience', claims: () => ({ aud: 'https://elsewhere.example.com' }) },
    { what: 'for the token endpoint instead of the issuer', claims: () => ({ aud: `${issuer().issuer}/token` }) },
    { what: 'for us among others', claims: () => ({ aud: [issuer().issuer, 'https://elsewhere.example.com'] }) },
    { what: 'for us in a list', claims: () => ({ aud: [issuer().issuer] }) },
    { what: 'for nobody', claims: () => ({ aud: undefined }) },
    { what: 'without exp', claims: () => ({ exp: undefined }) },
    { what: 'that has expired', claims: () => ({ exp: now() - 1, iat: now() - 60 }) },
    { what: 'that lives for hours', claims: () => ({ exp: now() + 7200 }) },
    { what: 'that lives for a little over ten minutes', claims: () => ({ exp: now() + 700 }) },
    { what: 'that never expires', claims: () => ({ exp: Number.MAX_SAFE_INTEGER }) },
    { what: 'whose exp is text', claims: () => ({ exp: String(now() + 60) }) },
    { what: 'without jti', claims: () => ({ jti: undefined }) },
    { what: 'whose jti is empty', claims: () => ({ jti: '' }) },
    { what: 'whose jti is a number', claims: () => ({ jti: 7 }) },
    { what: 'whose jti is endless', claims: () => ({ jti: 'x'.repeat(300) }) },
    { what: 'from the future', claims: () => ({ iat: now() + 120, exp: now() + 180 }) },
    { what: 'that begins in the future', claims: () => ({ nbf: now() + 120 }) },
    { what: 'whose iat is text', claims: () => ({ iat: 'now' }) },
    { what: 'about another subject', claims: () => ({ sub: 'somebody' }) },
    { what: 'about nobody', claims: () => ({ sub: undefined }) },
    { what: 'from another issuer', claims: () => ({ iss: 'somebody' }) },
    { what: 'from no issuer', claims: () => ({ iss: undefined }) },
    { what: 'whose issuer is an object', claims: () => ({ iss: { a: 1 } }) },
  ])('refuses an assertion $what', async ({ claims }) => {
    const { clientId, privateKey } = await keyed()
    const answer = await present(await assertionOf(clientId, issuer(), privateKey, { claims: claims() }))
    expect(refusal(answer)).toBe('401 invalid_client')
    expect(answer.body.error_description).toContain(issuer().issuer)
  })

  test.each([
    { what: 'typed as an access token', header: { typ: 'at+jwt' } },
    { what: 'typed as a logout token', header: { typ: 'logout+jwt' } },
    { what: 'typed as a proof', header: { typ: 'dpop+jwt' } },
    { what: 'whose typ is a number', header: { typ: 7 } },
    { what: 'with another kid than the registered one', header: { kid: 'other' } },
  ])('refuses an assertion $what', async ({ header }) => {
    const { clientId, privateKey } = await keyed('ES256', issuer(), { kid: 'mine' })
    expect((await present(await assertionOf(clientId, issuer(), privateKey))).status).toBe(200)
    expect(refusal(await present(await assertionOf(clientId, issuer(), privateKey, { header })))).toBe(
      '401 invalid_client',
    )
  })

  test.each(['JWT', 'jwt', 'client-authentication+jwt'])('takes typ %s', async (typ) => {
    const { clientId, privateKey } = await keyed()
    expect((await present(await assertionOf(clientId, issuer(), privateKey, { header: { typ } }))).status).toBe(200)
  })

  test('allows a clock that is a few seconds ahead of ours', async () => {
    const { clientId, privateKey } = await keyed()
    const claims = { iat: now() + 10, nbf: now() + 10, exp: now() + 600 }
    expect((await present(await assertionOf(clientId, issuer(), privateKey, { claims }))).status).toBe(200)
  })

  test('refuses an unsigned assertion', async () => {
    const { clientId } = await keyed()
    const claims = { iss: clientId, sub: clientId, aud: issuer().issuer, exp: now() + 60, jti: crypto.randomUUID() }
    const unsigned = new UnsecuredJWT(claims).encode()
    expect(refusal(await present(unsigned))).toBe('401 invalid_client')
    const body = unsigned.split('.')[1]
    for (const alg of ['None', 'NONE', 'nOnE', '']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
      expect(refusal(await present(`${header}.${body}.`))).toBe('401 invalid_client')
    }
  })

  test('refuses a public key that was used as a shared secret', async () => {
    for (const alg of ['ES256', 'RS256']) {
      const { clientId, publicKey } = await keyed(alg)
      const spellings = [
        await exportSPKI(publicKey),
        JSON.stringify(await exportJWK(publicKey)),
        createPublicKey(await exportSPKI(publicKey)).export({ type: 'spki', format: 'der' }),
      ]
      for (const spelling of spellings) {
        const forged = await assertionOf(clientId, issuer(), Buffer.from(spelling), { header: { alg: 'HS256' } })
        expect(refusal(await present(forged))).toBe('401 invalid_client')
      }
    }
  })

  test('refuses another algorithm of the same kind of key where the key names its own', async () => {
    const { clientId, privateKey } = await keyed('RS256', issuer(), { alg: 'PS256' })
    expect(
      refusal(await present(await assertionOf(clientId, issuer(), privateKey, { header: { alg: 'RS256' } }))),
    ).toBe('401 invalid_client')
  })

  test.each(['RS384', 'RS512', 'PS512'])('refuses %s, which the metadata does not list', async (alg) => {
    const { clientId, privateKey } = await keyed(alg)
    expect(refusal(await present(await assertionOf(clientId, issuer(), privateKey, { header: { alg } })))).toBe(
      '401 invalid_client',
    )
  })

  test('never follows a key that the assertion brings or points at', async () => {
    const { clientId } = await keyed()
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = await exportJWK(publicKey)
    const jku = 'http://127.0.0.1:9/keys'
    for (const header of [{ jwk }, { jku }, { x5u: jku }, { jwk, jku, kid: jku }, { x5c: ['AAAA'] }]) {
      expect(refusal(await present(await assertionOf(clientId, issuer(), privateKey, { header })))).toBe(
        '401 invalid_client',
      )
    }
  })

  test('refuses header parameters that it must understand and does not', async () => {
    const { clientId, privateKey } = await keyed()
    const make = (header: Record<string, unknown>) =>
      new SignJWT({ iss: clientId, sub: clientId, aud: issuer().issuer, exp: now() + 60, jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'ES256', ...header })
        .sign(privateKey, { crit: { 'urn:example:must': true } })
    expect(refusal(await present(await make({ crit: ['urn:example:must'], 'urn:example:must': true })))).toBe(
      '401 invalid_client',
    )
  })

  test('refuses what is altered, truncated or no JWT at all', async () => {
    const { clientId, privateKey } = await keyed()
    const assertion = await assertionOf(clientId, issuer(), privateKey)
    const [header = '', body = '', signature = ''] = assertion.split('.')
    const other = await assertionOf(clientId, issuer(), privateKey)
    const broken = [
      `${header}.${other.split('.')[1]}.${signature}`,
      `${header}.${body}.`,
      `${header}.${body}`,
      `${assertion}.x`,
      `${header}.${body}.${signature.slice(0, -4)}`,
      ` ${assertion}`,
      'x',
      '..',
      `${header}.${Buffer.from('null').toString('base64url')}.${signature}`,
      `${header}.${Buffer.from(`{"iss":"${clientId}"`).toString('base64url')}.${signature}`,
    ]
    for (const each of broken) expect(refusal(await present(each))).toBe('401 invalid_client')
    expect((await present(assertion)).status).toBe(200)
  })

  test('says the same of a client that does not exist, is disabled, has a secret, or has another key', async () => {
    const { privateKey } = await keyed()
    const disabled = await keyed()
    await issuer().operator.call('POST', `/admin/api/clients/${disabled.clientId}/disable`)
    const names = ['nobody', disabled.clientId, (await registered(issuer())).clientId, (await keyed()).clientId]
    const answers = await Promise.all(names.map(async (name) => present(await assertionOf(name, issuer(), privateKey))))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(refusal(answers[0] as Answer)).toBe('401 invalid_client')
  })

  test('is needed where it is registered: neither a secret nor the mere name will do', async () => {
    const { clientId } = await keyed()
    const form = { grant_type: 'client_credentials', client_id: clientId }
    expect(refusal(await post(issuer(), '/token', form))).toBe('401 invalid_client')
    expect(refusal(await ask(issuer(), { clientId, secret: 'x' }))).toBe('401 invalid_client')
  })

  test('needs the type of the assertion to be said', async () => {
    const { clientId, privateKey } = await keyed()
    const client_assertion = await assertionOf(clientId, issuer(), privateKey)
    const form = { grant_type: 'client_credentials', client_assertion }
    expect(refusal(await post(issuer(), '/token', form))).toBe('401 invalid_client')
    const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
    expect(refusal(await present(client_assertion, { client_assertion_type: saml }))).toBe('401 invalid_client')
  })

  test('uses the key that the assertion names, where several are registered, and drops one that was replaced', async () => {
    const [old, young] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')]
    const jwk = async (key: CryptoKey, kid: string) => ({ ...(await exportJWK(key)), kid })
    const keys = [await jwk(old.publicKey, 'old'), await jwk(young.publicKey, 'young')]
    const client = await registered(issuer(), { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } })
    const use = async (key: CryptoKey, kid: string) =>
      (await present(await assertionOf(client.clientId, issuer(), key, { header: { kid } }))).status
    expect([await use(old.privateKey, 'old'), await use(young.privateKey, 'young')]).toEqual([200, 200])
    expect(await use(old.privateKey, 'young')).toBe(401)
    await change(issuer(), client, { jwks: { keys: keys.slice(1) } })
    expect([await use(old.privateKey, 'old'), await use(young.privateKey, 'young')]).toEqual([401, 200])
  })

  test.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ])('takes a key registered for %s in an assertion that says %s: they are one (RFC 9864)', async (alg, said) => {
    const { clientId, privateKey } = await keyed('Ed25519', issuer(), { alg })
    const answer = await present(await assertionOf(clientId, issuer(), privateKey, { header: { alg: said } }))
    expect(answer.status).toBe(200)
  })

  const register = (jwk: object | undefined) =>
    issuer().operator.call('POST', '/admin/api/clients', {
      client_id: fresh('client'),
      token_endpoint_auth_method: 'private_key_jwt',
      ...(jwk && { jwks: { keys: [jwk] } }),
    })

  const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' })
  const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
  const good = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })

  test.each([
    ['for encryption', { ...good, use: 'enc' }, /use .*sig/],
    ['for signing alone', { ...good, key_ops: ['sign'] }, /key_ops .*verify/],
    ['for more than verifying', { ...good, key_ops: ['sign', 'verify'] }, /key_ops .*verify/],
    ['of RSA without n', { kty: 'RSA', e: 'AQAB' }, /cannot be read/],
    ['whose x is a number', { ...good, x: 5 }, /cannot be read/],
    ['whose point is on no curve', { ...good, x: good.y, y: good.y }, /cannot be read/],
    ['of RSA with 1024 bits', shortRsa, /2048/],
    ['on a curve that no assertion uses', k1, /P-256/],
    ['for key agreement', x25519, /Ed25519/],
    ['for an algorithm of another kind of key', { ...good, alg: 'RS256' }, /alg .*ES256/],
    ['whose kid is a number', { ...good, kid: 7 }, /kid/],
  ])('refuses to register a key %s: it would verify nothing', async (_, jwk, said) => {
    const answer = await register(jwk)
    expect(refusal(answer)).toBe('400 invalid_client_metadata')
    expect(answer.body.error_description).toMatch(said)
  })

  sqliteTest('says the same of a client of an older version whose one key verifies nothing', async () => {
    const { privateKey } = await keyed()
    const { clientId } = await keyed()
    const unknown = await present(await assertionOf('nobody', issuer(), privateKey))
    const database = new Database(join(issuer().folder, 'data/signet.db'))
    onTestFinished(() => void database.close())
    for (const jwk of [
      { ...good, use: 'enc' },
      { kty: 'EC', crv: 'P-256', x: 5 },
      { kty: 'RSA', e: 'AQAB' },
      shortRsa,
    ]) {
      const jwks = JSON.stringify({ keys: [jwk] })
      database.prepare('UPDATE clients SET jwks = ? WHERE client_id = ?').run(jwks, clientId)
      await issuer().operator.call('POST', `/admin/api/clients/${clientId}/enable`)
      const [key, alg] = 'n' in jwk || jwk.kty === 'RSA' ? [rsaPrivate, 'RS256'] : [privateKey, 'ES256']
      const answer = await present(await assertionOf(clientId, issuer(), key, { header: { alg } }))
      expect([answer.status, answer.text]).toEqual([unknown.status, unknown.text])
    }
  })

  test('registers public keys only', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    expect(refusal(await register(await exportJWK(privateKey)))).toBe('400 invalid_client_metadata')
    expect(refusal(await register({ kty: 'oct', k: 'AAAA' }))).toBe('400 invalid_client_metadata')
    expect(refusal(await register(undefined))).toBe('400 invalid_client_metadata')
    expect((await register(await exportJWK(publicKey))).status).toBe(201)
  })

  describe('a jti', () => {
    test('is taken once, and the replay is in the audit trail', async () => {
      const { clientId, privateKey } = await keyed()
      const assertion = await assertionOf(clientId, issuer(), privateKey)
      expect((await present(assertion)).status).toBe(200)
      expect(refusal(await present(assertion))).toBe('401 invalid_client')
      expect(await auditOf(issuer(), clientId)).toContain('client.assertion_replayed')
    })

    test('is the client’s own: another client may use the same', async () => {
      const [one, two] = [await keyed(), await keyed()]
      const claims = { jti: 'shared' }
      expect((await present(await assertionOf(one.clientId, issuer(), one.privateKey, { claims }))).status).toBe(200)
      expect((await present(await assertionOf(two.clientId, issuer(), two.privateKey, { claims }))).status).toBe(200)
    })

    test('is not spent by an assertion that is refused', async () => {
      const { clientId, privateKey } = await keyed()
      const claims = { jti: 'spared' }
      const expired = { ...claims, exp: now() - 5, iat: now() - 60 }
      expect((await present(await assertionOf(clientId, issuer(), privateKey, { claims: expired }))).status).toBe(401)
      expect((await present(await assertionOf(clientId, issuer(), privateKey, { claims }))).status).toBe(200)
    })

    test('presented fifty times at once, half of them at another replica, succeeds once', async () => {
      const own = await startWithApi()
      const replica = await startReplica(own)
      const { clientId, privateKey } = await keyed('ES256', own)
      await until(async () => (await present(await assertionOf(clientId, own, privateKey), {}, replica)).status === 200)
      const assertion = await assertionOf(clientId, own, privateKey)
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => present(assertion, {}, index % 2 ? own : replica)),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(answers.filter((answer) => refusal(answer) === '401 invalid_client')).toHaveLength(49)
    })

    test('is still taken after a restart', async () => {
      const own = await startWithApi()
      const { clientId, privateKey } = await keyed('ES256', own)
      const assertion = await assertionOf(clientId, own, privateKey)
      expect((await present(assertion, {}, own)).status).toBe(200)
      const again = await own.restart()
      expect(refusal(await present(assertion, {}, again))).toBe('401 invalid_client')
    })
  })
})
