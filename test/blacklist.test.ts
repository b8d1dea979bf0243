/** The deny list: what each kind of entry denies and refuses, and who may add it. */
import { expect, test } from 'vitest'
import {
  SUBJECT_GRANT,
  createBackend,
  createClient,
  createResource,
  grantTokens,
  isActive,
  operatorOf,
  refresh,
  startAdministered,
  startReplica,
  tokens,
  until,
  type AdministeredIssuer,
} from './support/admin.ts'
import { bearer, claimsOf, headerOf, post, request, type Credentials } from './support/client.ts'
import { add, feedOf, hashOf, lift, type FeedEntry } from './support/feed.ts'
import { signet } from './support/process.ts'
import { movableClock } from './support/issuer.ts'

const entriesOf = async (at: { url: string }): Promise<FeedEntry[]> => (await feedOf(at)).body.entries

/** Whether a verifier that follows the feed refuses the token; the contract's rule, word by word. */
const deniedBy = (entries: FeedEntry[], token: string): boolean => {
  const named: Record<string, unknown> = { ...claimsOf(token), kid: headerOf(token).kid }
  return entries.some(
    ({ kind, hash, issued_before: before }) =>
      hashOf(kind, String(named[kind])) === hash && claimsOf(token).iat <= before,
  )
}

async function scene(env: Record<string, string> = {}): Promise<{ issuer: AdministeredIssuer; shop: Credentials }> {
  const issuer = await startAdministered(env)
  await createResource(issuer.operator, 'api')
  return { issuer, shop: await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] }) }
}

// ------------------------------------------------------------------ entries

test('each kind of entry denies what it names, here and for whoever follows the feed, and nothing else', async () => {
  const { issuer, shop } = await scene()
  for (const kind of ['jti', 'sid', 'sub', 'client_id'] as const) {
    const other = await createBackend(issuer.operator, { resources: ['api'] })
    const denied = (await grantTokens(issuer, shop, `ada-${kind}`)).access_token ?? ''
    const kept = (await grantTokens(issuer, other, 'grace')).access_token ?? ''
    const value = claimsOf(denied)[kind]
    const answer = await add(issuer, { [kind]: value, reason: 'lost laptop' })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ kind, value, [kind]: value, reason: 'lost laptop', created_by: 'operator' })
    expect(answer.headers.get('location')).toBe(`/blacklist/${answer.body.id}`)
    expect([await isActive(issuer, shop, denied), await isActive(issuer, other, kept)]).toEqual([false, true])
    const entries = await entriesOf(issuer)
    expect([deniedBy(entries, denied), deniedBy(entries, kept)]).toEqual([true, false])
    await lift(issuer, answer.body.id)
    expect([await isActive(issuer, shop, denied), deniedBy(await entriesOf(issuer), denied)]).toEqual([true, false])
  }
})

test('an access token as it is denies itself; a refresh token denies its whole family', async () => {
  const { issuer, shop } = await scene()
  const first = await grantTokens(issuer, shop)
  const second = (await refresh(issuer, shop, first.refresh_token ?? '')).body
  const one = await add(issuer, { token: first.access_token })
  expect(one.body).toMatchObject({ kind: 'jti', value: claimsOf(first.access_token ?? '').jti })
  expect(one.text).not.toContain(first.access_token)
  expect([
    await isActive(issuer, shop, first.access_token ?? ''),
    await isActive(issuer, shop, second.access_token),
  ]).toEqual([false, true])

  const family = await add(issuer, { token: second.refresh_token })
  expect(family.body).toMatchObject({ kind: 'sid', value: claimsOf(second.access_token).sid })
  expect(await isActive(issuer, shop, second.access_token)).toBe(false)
  expect((await refresh(issuer, shop, second.refresh_token)).body.error).toBe('invalid_grant')
})

test('a text from which no live token can be read is refused as nothing denied; only an expired token needs no entry', async () => {
  const clock = movableClock({ from: Date.now() })
  const issuer = await startAdministered({}, { clock })
  await createResource(issuer.operator, 'api')
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] })
  const held = await grantTokens(issuer, shop, 'ada')
  const access = held.access_token ?? ''
  const pastes = [
    `Bearer ${access}`,
    access.slice(0, 100),
    `${access.slice(0, -9)}\n${access.slice(-9)}`,
    'sgr_cut',
    '{}',
  ]
  for (const token of pastes) {
    const { status, body } = await add(issuer, { token })
    expect([status, body.error_description]).toEqual([400, expect.stringContaining('NOTHING WAS DENIED')])
    expect(body.error_description).not.toContain(access.slice(0, 20))
  }
  expect(await isActive(issuer, shop, access)).toBe(true)
  clock.advance(16 * 60)
  const late = await add(issuer, { token: access })
  expect([late.status, late.body.error_description]).toEqual([400, 'token has expired: it needs no blacklist entry'])
})

test('lifting an entry makes unexpired access tokens valid again; refresh families stay revoked', async () => {
  const { issuer, shop } = await scene()
  for (const kind of ['sid', 'sub', 'client_id'] as const) {
    const held = await grantTokens(issuer, shop, 'ada')
    const { body } = await add(issuer, { [kind]: claimsOf(held.access_token ?? '')[kind] })
    expect((await lift(issuer, body.id)).status).toBe(204)
    expect(await isActive(issuer, shop, held.access_token ?? ''), kind).toBe(true)
    expect(await isActive(issuer, shop, held.refresh_token ?? ''), kind).toBe(false)
    expect((await refresh(issuer, shop, held.refresh_token ?? '')).status, kind).toBe(400)
    expect((await refresh(issuer, shop, (await grantTokens(issuer, shop, 'ada')).refresh_token ?? '')).status).toBe(200)
  }
})

test('a person on the blacklist gets no new tokens from any client until the entry is lifted; others do', async () => {
  const { issuer, shop } = await scene()
  const form = { grant_type: SUBJECT_GRANT, subject: 'ada' }
  const { body } = await add(issuer, { sub: 'ada' })
  const refused = await post(issuer, '/token', form, shop)
  expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  // Why, is the administrator's to know.
  expect(refused.text).not.toMatch(/blacklist|ada/)
  expect((await post(issuer, '/token', { ...form, subject: 'grace' }, shop)).status).toBe(200)
  await lift(issuer, body.id)
  expect((await post(issuer, '/token', form, shop)).status).toBe(200)
})

test('a client on the blacklist gets no new tokens for itself or anybody until the entry is lifted', async () => {
  const { issuer, shop } = await scene()
  const { body } = await add(issuer, { client_id: 'shop' })
  for (const form of [{ grant_type: 'client_credentials' }, { grant_type: SUBJECT_GRANT, subject: 'ada' }]) {
    expect(await post(issuer, '/token', form, shop)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  }
  await lift(issuer, body.id)
  expect((await post(issuer, '/token', { grant_type: 'client_credentials' }, shop)).status).toBe(200)
})

test('expires_at is taken in ISO 8601 and in seconds; at that time the entry is gone by itself', async () => {
  const { issuer, shop } = await scene({ SIGNET_ACCESS_TOKEN_TTL: '2h' })
  const at = Math.floor(issuer.clock.now() / 1000) + 600
  const token = (await tokens(issuer, shop, { grant_type: SUBJECT_GRANT, subject: 'ada' })).access_token ?? ''
  for (const expires_at of [
    at,
    new Date(at * 1000).toISOString(),
    new Date(at * 1000).toISOString().replace('Z', '+00:00'),
  ]) {
    const { status, body } = await add(issuer, { sub: 'ada', expires_at })
    expect([status, Date.parse(body.expires_at)]).toEqual([201, at * 1000])
  }
  expect((await entriesOf(issuer)).map((entry) => entry.expires_at)).toEqual([at, at, at])
  expect(await isActive(issuer, shop, token)).toBe(false)
  issuer.clock.advance(601)
  expect(await isActive(issuer, shop, token)).toBe(true)
  expect(await entriesOf(issuer)).toEqual([])
  expect((await issuer.operator.call('GET', '/blacklist')).body.entries).toEqual([])
  expect((await post(issuer, '/token', { grant_type: SUBJECT_GRANT, subject: 'ada' }, shop)).status).toBe(200)
})

test('an entry without an end lives as long as what it denies could, clock skew included', async () => {
  const { issuer, shop } = await scene({ SIGNET_ACCESS_TOKEN_TTL: '5m' })
  const held = await grantTokens(issuer, shop, 'ada')
  const { exp, jti, sid } = claimsOf(held.access_token ?? '')
  const now = issuer.clock.now() / 1000
  const [byJti, bySid, bySub] = [
    await add(issuer, { jti }),
    await add(issuer, { sid }),
    await add(issuer, { sub: 'ada' }),
  ]
  for (const { body } of [byJti, bySid]) expect(Date.parse(body.expires_at) / 1000).toBeGreaterThanOrEqual(exp + 60)
  expect(bySub.body.expires_at).toBeNull()
  const entries = await entriesOf(issuer)
  expect(entries).toHaveLength(3)
  for (const { expires_at: end } of entries) {
    expect(end).toBeGreaterThanOrEqual(exp + 60)
    expect(end).toBeLessThan(now + 3600) // and not for ever, or the feed would only grow
  }
  issuer.clock.advance(3600)
  // The person stays refused, though nothing that the feed could deny is alive.
  expect(await entriesOf(issuer)).toEqual([])
  expect((await issuer.operator.call('GET', '/blacklist')).body.entries.map(({ id }: FeedEntry) => id)).toEqual([
    bySub.body.id,
  ])
  expect((await post(issuer, '/token', { grant_type: SUBJECT_GRANT, subject: 'ada' }, shop)).status).toBe(400)
})

test('an entry outlives the long-lived tokens that another process issued a moment before', async () => {
  const { issuer, shop } = await scene()
  await tokens(issuer, shop)
  const replica = await startReplica(issuer)
  await createResource(issuer.operator, 'archive', { ttl: '10d' })
  const archivist = await createBackend(issuer.operator, { client_id: 'archivist', resources: ['archive'] })
  await until(
    async () => (await post(replica, '/token', { grant_type: 'client_credentials' }, archivist)).status === 200,
    1000,
  )
  const token = (await tokens(replica, archivist, { grant_type: SUBJECT_GRANT, subject: 'ada' })).access_token ?? ''
  for (const entry of [{ sub: 'ada' }, { client_id: 'archivist' }, { jti: claimsOf(token).jti }, { token }]) {
    const { body } = await add(issuer, entry)
    const listed = (await entriesOf(issuer)).find(({ id }) => id === body.id)
    expect(listed?.expires_at, JSON.stringify(entry)).toBeGreaterThanOrEqual(claimsOf(token).exp)
  }
})

test('an entry names exactly one thing, sensibly; anything else is 400 and adds nothing', async () => {
  const { issuer, shop } = await scene()
  const { refresh_token: family = '', access_token: access = '' } = await grantTokens(issuer, shop)
  const now = Math.floor(issuer.clock.now() / 1000)
  const bad: unknown[] = [
    {},
    { reason: 'none' },
    { sub: 'ada', client_id: 'shop' },
    { sub: '' },
    { sub: 7 },
    { sub: ['ada'] },
    { kid: 'es256-x' },
    { sub: 'a'.repeat(513) },
    { sub: 'ada', reason: 'r'.repeat(501) },
    { sub: 'ada', reason: 5 },
    { sub: 'ada', expires_at: now - 5 },
    { sub: 'ada', expires_at: 'tomorrow' },
    { sub: 'ada', expires_at: '1970-01-01' },
    { sub: 'ada', expires_at: 1e300 },
    { sub: 'ada', expires_at: {} },
    { token: 'not-a-token' },
    { token: `${access}x` },
    { token: `${family}x` },
    // A token where its id belongs would deny nothing, and lie about in the list.
    { jti: access },
    { sid: family },
    { jti: family },
    { sub: 'ada', created_by: 'operator' },
    { sub: 'ada', [family]: 1 },
    [],
    'sub',
  ]
  for (const entry of bad) {
    const answer = await issuer.operator.call('POST', '/blacklist', entry)
    expect(answer, JSON.stringify(entry)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(answer.text).not.toContain(family)
  }
  const asForm = await request(`${issuer.url}/blacklist`, {
    form: { sub: 'ada' },
    headers: bearer(await issuer.operator.token()),
  })
  expect(asForm.status).toBe(400)
  expect((await issuer.operator.call('GET', '/blacklist')).body.entries).toEqual([])
})

test('a live token or secret in the place of a name or in a text for people is refused, and not repeated', async () => {
  const { issuer, shop } = await scene()
  const { refresh_token: family = '', access_token: access = '' } = await grantTokens(issuer, shop)
  for (const secret of [shop.secret, family, access]) {
    const bad = [
      ...['jti', 'sid', 'sub', 'client_id'].flatMap((kind) => [{ [kind]: secret }, { [kind]: `x ${secret}` }]),
      { jti: 'q1', reason: secret },
      { sub: 'ada', reason: `token ${secret} of the log` },
    ]
    for (const entry of bad) {
      const answer = await issuer.operator.call('POST', '/blacklist', entry)
      expect(answer, JSON.stringify(entry)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
      // A text that is too long is not searched.
      expect(answer.body.error_description).toMatch(/token|500 characters/)
      expect(answer.text).not.toContain(secret)
    }
    const run = (...line: string[]) => signet(line, issuer.env)
    for (const line of [
      ...['--jti', '--sid', '--sub', '--client'].map((kind) => ['blacklist', 'add', kind, secret]),
      ['blacklist', 'add', '--sub', 'ada', '--reason', `token ${secret}`],
      ['grant', 'revoke', claimsOf(access).sid, '--reason', secret],
      ['grant', 'revoke', '--all', '--reason', `token ${secret}`],
      ['client', 'update', 'shop', '--name', `shop ${secret}`],
    ]) {
      const refused = await run(...line)
      expect({ line, ...refused }).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('token') })
      expect(refused.stderr).not.toContain(secret)
    }
    const named = await issuer.operator.call('PATCH', '/admin/api/clients/shop', { client_name: `shop ${secret}` })
    expect([named.status, named.text.includes(secret)]).toEqual([400, false])
  }
  expect((await issuer.operator.call('GET', '/blacklist')).body.entries).toEqual([])
  expect(await isActive(issuer, shop, access)).toBe(true)
  expect((await add(issuer, { sub: 'ada', reason: 'sgs_ stood in the log' })).status).toBe(201)
})

test('a misspelt member is named, with the one that was meant: an entry must not last for ever by a slip', async () => {
  const { issuer } = await scene()
  for (const [member, meant] of [
    ['expire_at', 'expires_at'],
    ['raeson', 'reason'],
    ['clientid', 'client_id'],
  ] as const) {
    const { status, body } = await add(issuer, { jti: 'a', [member]: 'x' })
    expect(status).toBe(400)
    expect(body.error_description).toContain(`${member} is not known (did you mean ${meant}?)`)
  }
  expect((await add(issuer, { jti: 'a', whatever: 1 })).body.error_description).toContain('whatever is not known')
  // A text that cannot be a member's name may be anything, a password too.
  const secret = 'Tr0ub4dor&3'
  expect((await add(issuer, { jti: 'a', [secret]: 1 })).text).not.toContain(secret)
})

test('a person whose sub looks like a token is stopped by every way, and let in again', async () => {
  const { issuer, shop } = await scene()
  const jwt = ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiJhZGEifQ', 'c2lnbmF0dXJl'].join('.')
  for (const sub of ['eyJhbGciOiJ', 'sgr_12345678', 'sgs_persons-of-a-backend', `sgr_${'a'.repeat(71)}`, jwt]) {
    const mint = async () => (await grantTokens(issuer, shop, sub)).access_token ?? ''
    const isStopped = async (token: string) => {
      expect(await isActive(issuer, shop, token), sub).toBe(false)
      expect((await post(issuer, '/token', { grant_type: SUBJECT_GRANT, subject: sub }, shop)).status).toBe(400)
    }
    const first = await mint()
    const { status, body } = await add(issuer, { sub })
    expect([status, body.value]).toEqual([201, sub])
    await isStopped(first)
    await lift(issuer, body.id)

    const second = await mint()
    const user = `/admin/api/users/${encodeURIComponent(sub)}`
    expect((await issuer.operator.call('GET', user)).body).toMatchObject({ sub, status: 'enabled' })
    expect((await issuer.operator.call('POST', `${user}/disable`)).body).toMatchObject({ sub, status: 'disabled' })
    await isStopped(second)
    expect((await issuer.operator.call('POST', `${user}/enable`)).body).toMatchObject({ sub, status: 'enabled' })

    const third = await mint()
    const denied = await signet(['blacklist', 'add', '--sub', sub, '--json'], issuer.env)
    expect(denied.code).toBe(0)
    await isStopped(third)
  }
})

test('a person who only ever got access tokens is disabled and enabled, though no grant tells of them', async () => {
  const { issuer, shop } = await scene()
  const form = { grant_type: SUBJECT_GRANT, subject: 'ada' }
  const token = (await tokens(issuer, shop, form)).access_token ?? ''
  const user = (method: string, act = '') => issuer.operator.call(method, `/admin/api/users/ada${act}`)
  expect((await user('GET')).status).toBe(404)
  const disabled = await user('POST', '/disable')
  expect(disabled).toMatchObject({ status: 200, body: { sub: 'ada', status: 'disabled', grants: 0 } })
  expect((await user('POST', '/disable')).body.blacklist_entry).toBe(disabled.body.blacklist_entry)
  expect((await user('GET')).body).toEqual(disabled.body)
  expect(await isActive(issuer, shop, token)).toBe(false)
  expect((await post(issuer, '/token', form, shop)).status).toBe(400)
  expect(await user('POST', '/enable')).toMatchObject({ status: 200, body: { sub: 'ada', status: 'enabled' } })
  expect(await isActive(issuer, shop, token)).toBe(true)
  // A client's id is nobody's sub: it is disabled as the client that it is.
  expect((await issuer.operator.call('POST', '/admin/api/users/shop/disable')).status).toBe(404)
})

test('the command line says what a denial may not have meant', async () => {
  const { issuer } = await scene()
  const run = (...args: string[]) => signet(['blacklist', 'add', ...args, '--json'], issuer.env)
  const unknown = await run('--client', 'nobody')
  expect(unknown).toMatchObject({ code: 0, stderr: expect.stringContaining('no client has this id now') as string })
  // The one note that every denial of many tokens has.
  const nothingElse = expect.stringMatching(/^note: issued_before is in the future on purpose.*\n$/) as string
  expect(await run('--client', 'shop')).toMatchObject({ code: 0, stderr: nothingElse })
  expect(await run('--sub', 'ada')).toMatchObject({ code: 0, stderr: nothingElse })
  const { body: grace } = await issuer.operator.call('POST', '/admin/api/users', { username: 'grace' })
  expect((await run('--sub', 'grace')).stderr).toContain(`have the sub ${grace.id}; use: signet user disable grace`)
  expect(await run('--sub', grace.id as string)).toMatchObject({ code: 0, stderr: nothingElse })
  const whole = `sgr_${'a'.repeat(71)}`
  for (const kind of ['--jti', '--sid', '--sub', '--client']) expect((await run(kind, whole)).code).toBe(2)
})

test('entries are read one by one and listed page by page, in order; what is lifted is not there', async () => {
  const { issuer } = await scene()
  const ids: string[] = []
  for (let number = 0; number < 7; number++) ids.push((await add(issuer, { sub: `person-${number}` })).body.id)
  expect(await issuer.operator.call('GET', `/blacklist/${ids[0]}`)).toMatchObject({
    status: 200,
    body: { id: ids[0], sub: 'person-0' },
  })
  await lift(issuer, ids[3] ?? '')
  expect((await issuer.operator.call('GET', `/blacklist/${ids[3]}`)).status).toBe(404)
  expect((await lift(issuer, ids[3] ?? '')).status).toBe(404)
  expect((await lift(issuer, 'unknown')).status).toBe(404)

  const seen: string[] = []
  for (let after = ''; ;) {
    const { body } = await issuer.operator.call('GET', `/blacklist?limit=2&after=${after}`)
    expect(body.entries.length).toBeLessThanOrEqual(2)
    seen.push(...body.entries.map(({ id }: FeedEntry) => id))
    if (body.next === null) break
    after = body.next
  }
  expect(seen).toEqual(ids.filter((id) => id !== ids[3]))
  for (const limit of ['0', '-1', '1001', 'all']) {
    expect((await issuer.operator.call('GET', `/blacklist?limit=${limit}`)).status).toBe(400)
  }
})

test('a deleted client whose id is registered anew works at once, while its old tokens stay dead', async () => {
  const { issuer, shop } = await scene()
  const old = await grantTokens(issuer, shop, 'ada')
  const older = (await tokens(issuer, shop)).access_token ?? ''
  expect((await issuer.operator.call('DELETE', '/admin/api/clients/shop')).status).toBe(204)
  // Tokens tell their age in seconds: those of the next second are the new client's.
  issuer.clock.advance(1)
  expect((await post(issuer, '/token', { grant_type: 'client_credentials' }, shop)).status).toBe(401)
  const anew = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] })
  expect((await post(issuer, '/token', { grant_type: 'client_credentials' }, shop)).status).toBe(401)
  const fresh = await grantTokens(issuer, anew, 'ada')
  expect(await isActive(issuer, anew, fresh.access_token ?? '')).toBe(true)
  expect((await refresh(issuer, anew, fresh.refresh_token ?? '')).status).toBe(200)
  for (const token of [old.access_token ?? '', older]) {
    expect(await isActive(issuer, anew, token)).toBe(false)
    expect(deniedBy(await entriesOf(issuer), token)).toBe(true)
  }
  expect(deniedBy(await entriesOf(issuer), fresh.access_token ?? '')).toBe(false)
  expect((await refresh(issuer, anew, old.refresh_token ?? '')).body.error).toBe('invalid_grant')
})

// ------------------------------------------------------------------ who may

test('the blacklist takes an administrator or a client with scope signet:blacklist, and nobody else', async () => {
  const { issuer, shop } = await scene()
  const guard = operatorOf(
    issuer,
    await createClient(issuer.operator, { client_id: 'guard', scope: 'signet:blacklist' }),
  )
  const low = await createClient(issuer.operator, { client_id: 'low' })
  const { access_token: foreign = '', refresh_token: family = '' } = await grantTokens(issuer, shop)
  const { body } = await add(issuer, { sub: 'ada' })
  const routes = [
    ['POST', '/blacklist'],
    ['GET', '/blacklist'],
    ['GET', `/blacklist/${body.id}`],
    ['DELETE', `/blacklist/${body.id}`],
  ] as const
  const attempt = (method: string, path: string, headers: Record<string, string>) =>
    request(issuer.url + path, {
      method,
      headers,
      ...(method === 'POST' && { json: { sub: 'grace' } }),
    })
  const lowToken = (await tokens(issuer, low)).access_token ?? ''
  for (const [method, path] of routes) {
    const bare = await attempt(method, path, {})
    expect(bare.status).toBe(401)
    // RFC 6750 §3.1: who sent nothing is told no error.
    expect(bare.headers.get('www-authenticate')).toMatch(/^Bearer (?!.*error=)/)
    for (const token of [foreign, family, `${await issuer.operator.token()}x`]) {
      const answer = await attempt(method, path, bearer(token))
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
    }
    const poor = await attempt(method, path, bearer(lowToken))
    expect(poor).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
    expect(poor.headers.get('www-authenticate')).toContain('scope="signet:blacklist"')
    const asClient = await attempt(method, path, {
      authorization: `Basic ${Buffer.from(`${issuer.operator.credentials.clientId}:${issuer.operator.credentials.secret}`).toString('base64')}`,
    })
    expect(asClient.status).toBe(401)
    expect((await attempt(method, `${path}?access_token=${await issuer.operator.token()}`, {})).status).toBe(401)
  }
  expect((await issuer.operator.call('GET', '/blacklist')).body.entries).toHaveLength(1)

  const added = await guard.call('POST', '/blacklist', { sub: 'grace' })
  expect(added).toMatchObject({ status: 201, body: { created_by: 'guard' } })
  expect((await guard.call('GET', '/blacklist')).body.entries).toHaveLength(2)
  expect((await guard.call('DELETE', `/blacklist/${body.id}`)).status).toBe(204)
  expect((await guard.call('GET', '/admin/api/clients')).status).toBe(403)
})
