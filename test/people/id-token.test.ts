/** ID tokens: their signature, the claims of the protocol, and the claims that tell who a person is. */
import { hash } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { bearer, claimsOf, post, request } from '../support/client.ts'
import { isActive } from '../support/admin.ts'
import { addClient, addUser, freshName, nextCode, redeem, signIn, tokensOf } from '../support/codes.ts'
import { storeOf, type TestPerson } from '../support/people.ts'
import { refusal, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()

const PROFILE: Partial<TestPerson> = {
  user: {
    name: 'Ada Lovelace',
    profile: {
      given_name: 'Ada',
      locale: 'en-GB',
      phone_number: '+44 1',
      phone_number_verified: true,
      address: { country: 'GB' },
    },
    claims: { org: { slug: 'acme', 'a.b': 1 }, level: 7, active: false, list: ['x', 'y'], 'dotted.name': 'whole' },
  },
}

/** A client and a person, and the tokens of a sign-in. */
async function signedIn(
  metadata: Record<string, unknown> = {},
  query: Record<string, string | undefined> = {},
  person: Partial<TestPerson> = PROFILE,
) {
  const store = await storeOf(issuer())
  const client = await addClient(issuer(), metadata)
  const user = await addUser(store, person)
  const tokens = await tokensOf(issuer(), client, user, query)
  return { client, user, tokens, claims: claimsOf(tokens.id_token) }
}

test('an ID token is signed by RS256, for the client alone, and names the sign-in', async () => {
  const { client, user, tokens } = await signedIn({}, { nonce: 'n-0S6' })
  const keys = createRemoteJWKSet(new URL(`${issuer().url}/.well-known/jwks.json`))
  const now = Math.floor(issuer().clock.now() / 1000)
  const { payload, protectedHeader } = await jwtVerify(tokens.id_token, keys, {
    issuer: issuer().issuer,
    audience: client.clientId,
    typ: 'JWT',
    algorithms: ['RS256'],
    currentDate: new Date(now * 1000),
  })
  expect(protectedHeader.kid).toMatch(/^rs256-/)
  expect(payload.sub).toBe(user.id)
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600)
  expect(payload).toMatchObject({ nonce: 'n-0S6', acr: '1', amr: ['pwd'], sid: expect.any(String) })
  expect(Math.abs(Number(payload.auth_time) - now)).toBeLessThan(5)
  const half = hash('sha256', tokens.access_token, 'buffer').subarray(0, 16).toString('base64url')
  expect(payload.at_hash).toBe(half)
  // The session is no grant: access tokens keep the grant's id.
  expect(payload.sid).not.toBe(claimsOf(tokens.access_token).sid)
})

test('a client may ask for ES256 and for another life', async () => {
  const { tokens, claims } = await signedIn({ id_token_signed_response_alg: 'ES256', id_token_ttl: '5m' })
  expect(decodeProtectedHeader(tokens.id_token)).toMatchObject({ alg: 'ES256', typ: 'JWT' })
  expect(claims.exp - claims.iat).toBe(300)
})

test('without a nonce in the request there is none in the token', async () => {
  const { claims } = await signedIn()
  expect(claims).not.toHaveProperty('nonce')
})

test('without openid there is no ID token', async () => {
  const store = await storeOf(issuer())
  const client = await addClient(issuer())
  const tokens = await tokensOf(issuer(), client, await addUser(store), { scope: 'profile' })
  expect(tokens.scope).toBe('profile')
  expect(tokens.id_token).toBeUndefined()
})

describe('claims by scope', () => {
  test('stand in the ID token', async () => {
    const group = freshName('staff')
    const { user, claims } = await signedIn({}, {}, { ...PROFILE, groups: [group] })
    expect(claims).toMatchObject({
      name: 'Ada Lovelace',
      given_name: 'Ada',
      preferred_username: user.username,
      locale: 'en-GB',
      updated_at: Math.floor(user.updatedAt / 1000),
      email: user.email,
      email_verified: true,
      phone_number: '+44 1',
      phone_number_verified: true,
      address: { country: 'GB' },
      groups: [group],
    })
    for (const absent of ['family_name', 'nickname', 'picture', 'zoneinfo', 'roles', 'permissions', 'claims', 'org'])
      expect(claims).not.toHaveProperty(absent)
  })

  test('say of an address and of a number whether it is verified, and of none nothing', async () => {
    const { claims } = await signedIn({}, {}, { user: { profile: { phone_number: '+44 1' } } })
    expect(claims).toMatchObject({ phone_number: '+44 1', phone_number_verified: false, email_verified: true })
    const { claims: without } = await signedIn({}, {}, { user: { profile: {} } })
    expect(without).not.toHaveProperty('phone_number_verified')
  })

  test('are those of the granted scopes', async () => {
    const { claims } = await signedIn({}, { scope: 'openid email' })
    expect(claims).toHaveProperty('email')
    for (const absent of ['name', 'preferred_username', 'phone_number', 'address', 'groups'])
      expect(claims).not.toHaveProperty(absent)
  })

  test('stand at userinfo alone where the client is registered so', async () => {
    const { claims, tokens } = await signedIn({ id_token_claims: false })
    expect(claims).not.toHaveProperty('email')
    const { body } = await request(`${issuer().url}/userinfo`, { headers: bearer(tokens.access_token) })
    expect(body).toHaveProperty('email')
  })

  describe('of the standard, which no field holds', () => {
    const OWN = {
      middle_name: 'King',
      profile: 'https://example.com/ada',
      website: 'https://ada.example',
      gender: 'female',
      birthdate: '1815-12-10',
    }
    const names = Object.keys(OWN)
    const told = async (
      own: Record<string, unknown>,
      { metadata = {}, query = {}, groups = [] as string[] } = {},
    ): Promise<Record<string, unknown>[]> => {
      const { claims, tokens } = await signedIn(metadata, query, { user: { claims: own }, groups })
      const { body } = await request(`${issuer().url}/userinfo`, { headers: bearer(tokens.access_token) })
      return [claims, body].map((each) =>
        Object.fromEntries(names.flatMap((name) => (name in each ? [[name, each[name]]] : []))),
      )
    }

    test("are the person's own claims of these names", async () => {
      expect(await told(OWN)).toEqual([OWN, OWN])
      expect(await told(OWN, { metadata: { id_token_claims: false } })).toEqual([{}, OWN])
      expect(await told(OWN, { query: { scope: 'openid email' } })).toEqual([{}, {}])
    })

    test('are left out where they are no texts', async () => {
      const other = { middle_name: '', profile: { url: 'x' }, website: ['x'], gender: null, birthdate: 1815 }
      expect(await told({ ...other, nothing: 'x' })).toEqual([{}, {}])
    })

    test('are asked for one by one as others are', async () => {
      const asked = { id_token: { birthdate: null }, userinfo: { website: { essential: true } } }
      const query = { scope: 'openid', claims: JSON.stringify(asked) }
      const { birthdate, website } = OWN
      expect(await told(OWN, { query })).toEqual([{ birthdate }, { website }])
      expect(await told(OWN, { query, metadata: { scope: 'openid email' } })).toEqual([{}, {}])
    })

    test('are never those of a group or a client, but where a claim map says so', async () => {
      const group = freshName('gold')
      await issuer().operator.call('POST', '/admin/api/groups', { name: group, claims: OWN })
      expect(await told({}, { groups: [group], metadata: { claims: OWN } })).toEqual([{}, {}])
      const claim_map = { profile: 'claims.profile', gender: 'username' }
      const [claims] = await told({ gender: 'female' }, { groups: [group], metadata: { claim_map } })
      expect(claims).toEqual({ profile: OWN.profile, gender: expect.stringMatching(/^ada/) })
    })
  })

  test('groups of nobody are an empty list', async () => {
    const { claims } = await signedIn({}, { scope: 'openid groups' })
    expect(claims.groups).toEqual([])
  })

  test('an address that is not verified says so, and is in no mapped claim', async () => {
    const person = { user: { emailKey: null } }
    const { claims } = await signedIn({ claim_map: { upn: 'email' } }, {}, person)
    expect(claims.email_verified).toBe(false)
    expect(claims).not.toHaveProperty('upn')
  })

  test('without an address there is neither claim', async () => {
    const { claims } = await signedIn({}, {}, { user: { email: null, emailKey: null } })
    expect(claims).not.toHaveProperty('email')
    expect(claims).not.toHaveProperty('email_verified')
  })
})

describe('claims that were asked for one by one', () => {
  const asking = (claims: object) => ({ scope: 'openid', claims: JSON.stringify(claims) })

  test('come in the ID token, and unknown ones are no error', async () => {
    const { claims } = await signedIn(
      {},
      asking({ id_token: { groups: { essential: true }, email: null, uid: { essential: true }, sub: null } }),
    )
    expect(claims.groups).toEqual([])
    expect(claims).toHaveProperty('email')
    expect(claims).not.toHaveProperty('uid')
  })

  test('are given as far as the client is registered for their scopes', async () => {
    const { claims } = await signedIn({ scope: 'openid profile' }, asking({ id_token: { email: null, name: null } }))
    expect(claims.name).toBe('Ada Lovelace')
    expect(claims).not.toHaveProperty('email')
  })
})

describe('a claim map', () => {
  test('holds whatever scopes were asked for', async () => {
    const group = freshName('staff')
    const claim_map = {
      teams: 'groups',
      first: 'groups[0]',
      user: 'username',
      id: 'id',
      role: 'roles[0]',
      roles: 'roles',
      slug: 'claims.org.slug',
      org: 'claims.org',
      level: 'claims.level',
      is_active: 'claims.active',
      second: 'claims.list[1]',
      third: 'claims.list[2]',
      whole: 'claims.dotted.name',
      inherited: 'claims.constructor',
      deep: 'claims.org.slug.length',
      missing: 'claims.nothing',
    }
    const { user, claims } = await signedIn({ claim_map }, { scope: 'openid' }, { ...PROFILE, groups: [group] })
    expect(claims).toMatchObject({
      teams: [group],
      first: group,
      user: user.username,
      id: user.id,
      roles: [],
      slug: 'acme',
      org: { slug: 'acme', 'a.b': 1 },
      level: 7,
      is_active: false,
      second: 'y',
      whole: 'whole',
    })
    for (const absent of ['role', 'third', 'inherited', 'deep', 'missing']) expect(claims).not.toHaveProperty(absent)
  })
})

test('an ID token is no access token anywhere', async () => {
  const { client, tokens } = await signedIn()
  expect(await isActive(issuer(), client, tokens.id_token)).toBe(false)
  expect((await request(`${issuer().url}/userinfo`, { headers: bearer(tokens.id_token) })).status).toBe(401)
  expect((await request(`${issuer().url}/admin/api/clients`, { headers: bearer(tokens.id_token) })).status).toBe(401)
  expect((await post(issuer(), '/revoke', { token: tokens.id_token }, client)).status).toBe(200)
  const form = { grant_type: 'refresh_token', refresh_token: tokens.id_token }
  expect(refusal(await post(issuer(), '/token', form, client))).toBe('400 invalid_grant')
})

test('a person who is signed in gets a token with the time of that sign-in', async () => {
  const store = await storeOf(issuer())
  const client = await addClient(issuer())
  const user = await addUser(store)
  const { browser, code } = await signIn(issuer(), client, user)
  const first = claimsOf((await redeem(issuer(), client, code)).body.id_token)
  issuer().clock.advance(90)
  const next = claimsOf((await redeem(issuer(), client, await nextCode(browser, client))).body.id_token)
  expect(next.auth_time).toBe(first.auth_time)
  expect(next.sid).toBe(first.sid)
  expect(next.iat).toBeGreaterThanOrEqual(first.iat + 90)
})
