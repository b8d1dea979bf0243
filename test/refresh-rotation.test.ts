/**
 * A refresh token is used once and gives the next one. Used again it gives the same next one for a short
 * while, because a response may be lost; after that, somebody else has it, and its whole family ends
 * (RFC 9700 §4.14.2, RFC 6749 §6).
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SUBJECT_GRANT, isActive, refresh, startReplica, tokens, type AdministeredIssuer } from './support/admin.ts'
import { claimsOf, post, request, type Answer, type Credentials } from './support/client.ts'
import {
  API,
  auditOf,
  change,
  fresh,
  refusal,
  registered,
  resource,
  shareWithApi,
  startWithApi,
} from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

const issuer = shareWithApi()

interface Family {
  client: Credentials
  /** The first refresh token. */
  first: string
  sid: string
  access: string
}

/** A new grant. @param metadata of its client */
async function family(
  metadata: Record<string, unknown> = {},
  form: Record<string, string> = {},
  at: AdministeredIssuer = issuer(),
): Promise<Family> {
  const client = await registered(at, metadata)
  const { refresh_token: first = '', access_token: access = '' } = await tokens(at, client, {
    scope: 'a b offline_access',
    ...form,
  })
  return { client, first, access, sid: claimsOf(access).sid }
}

/** Refreshes, which must succeed; the next refresh token. */
async function next(client: Credentials, token: string, at: { url: string } = issuer()): Promise<string> {
  const answer = await refresh(at, client, token)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body.refresh_token
}

const use = (client: Credentials, refresh_token: string, form: Record<string, string> = {}): Promise<Answer> =>
  post(issuer(), '/token', { grant_type: 'refresh_token', refresh_token, ...form }, client)

const grantOf = async ({ sid }: Family) => (await issuer().operator.call('GET', `/admin/api/grants/${sid}`)).body

/** Says that a refused token was not consumed: it still gives its successor, and the family lives. */
async function expectUntouched(made: Family, token = made.first): Promise<void> {
  const { refreshes } = await grantOf(made)
  expect((await refresh(issuer(), made.client, token)).status).toBe(200)
  expect(await grantOf(made)).toMatchObject({ status: 'active', refreshes: refreshes + 1 })
}

/** Says that a family is over: no token of it works, and the trail says why. */
async function expectDead({ client, sid, access }: Family, ...held: string[]): Promise<void> {
  for (const token of held) expect(refusal(await refresh(issuer(), client, token))).toBe('400 invalid_grant')
  expect(await isActive(issuer(), client, access)).toBe(false)
  expect(await auditOf(issuer(), sid)).toEqual(['grant.reuse_detected', 'grant.created'])
}

describe('a refresh', () => {
  test('gives a new access token and a new refresh token of the same grant', async () => {
    const { client, first, sid, access } = await family()
    const answer = await refresh(issuer(), client, first)
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.stringMatching(/^sgr_[\w-]{71}$/),
      scope: 'a b offline_access',
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('pragma')).toBe('no-cache')
    const [before, after] = [claimsOf(access), claimsOf(answer.body.access_token)]
    expect(after).toMatchObject({ sid, sub: client.clientId, client_id: client.clientId, aud: API })
    expect(after.jti).not.toBe(before.jti)
    expect(answer.body.refresh_token).not.toBe(first)
    expect(await isActive(issuer(), client, access)).toBe(true)
  })

  test('works at /token and at /refresh, by form and by JSON', async () => {
    const client = await registered(issuer(), { token_endpoint_auth_method: 'client_secret_post' })
    const credentials = { client_id: client.clientId, client_secret: client.secret }
    const grant = { ...credentials, grant_type: 'client_credentials', scope: 'a b offline_access' }
    const { refresh_token } = (await post(issuer(), '/token', grant)).body
    const byForm = await post(issuer(), '/token', { ...credentials, grant_type: 'refresh_token', refresh_token })
    const json = { ...credentials, refresh_token: byForm.body.refresh_token }
    const byJson = await request(`${issuer().url}/refresh`, { json })
    expect(byJson.status).toBe(200)
    const full = {
      ...credentials,
      grant_type: 'refresh_token',
      refresh_token: byJson.body.refresh_token,
      scope: 'a',
      resource: [API],
    }
    const again = await request(`${issuer().url}/refresh`, { json: full })
    expect(again.body).toMatchObject({ scope: 'a', refresh_token: expect.stringMatching(/^sgr_/) })
  })

  test('may lower the scope of its access token, and the next one may have it all again', async () => {
    const { client, first } = await family()
    const lower = await use(client, first, { scope: 'b' })
    expect(lower.body.scope).toBe('b')
    expect(claimsOf(lower.body.access_token).scope).toBe('b')
    const full = await use(client, lower.body.refresh_token)
    expect(full.body.scope).toBe('a b offline_access')
  })

  test('may narrow the resources of its access token', async () => {
    const [one, two] = [await resource(issuer()), await resource(issuer())]
    const { client, first } = await family({ resources: [one, two] }, { resource: one, audience: two })
    const narrow = await use(client, first, { resource: two })
    expect(claimsOf(narrow.body.access_token).aud).toBe(two)
    const whole = await use(client, narrow.body.refresh_token)
    expect(claimsOf(whole.body.access_token).aud).toEqual([one, two])
  })

  test('carries the client’s claims as they are now', async () => {
    const { client, first } = await family({ claims: { plan: 'free' } })
    await change(issuer(), client, { claims: { plan: 'paid' } })
    expect(claimsOf((await use(client, first)).body.access_token).plan).toBe('paid')
  })
})

describe('the same refresh token again', () => {
  test('within the grace gives the same successor, with an access token of its own', async () => {
    const { client, first } = await family()
    const once = await refresh(issuer(), client, first)
    issuer().clock.advance(5)
    const twice = await refresh(issuer(), client, first)
    expect(twice.body.refresh_token).toBe(once.body.refresh_token)
    expect(claimsOf(twice.body.access_token).jti).not.toBe(claimsOf(once.body.access_token).jti)
    for (const { body } of [once, twice]) expect(await isActive(issuer(), client, body.access_token)).toBe(true)
    expect((await refresh(issuer(), client, once.body.refresh_token)).status).toBe(200)
  })

  test('fifty times at once gives fifty times the same successor, which works', async () => {
    const made = await family()
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(issuer(), made.client, made.first)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const successors = new Set(answers.map(({ body }) => String(body.refresh_token)))
    expect(successors.size).toBe(1)
    expect(await grantOf(made)).toMatchObject({ refreshes: 1, status: 'active' })
    expect((await refresh(issuer(), made.client, [...successors].join())).status).toBe(200)
  })

  test('at two replicas at once gives the same successor at both', async () => {
    const own = await startWithApi()
    const { client, first } = await family({}, {}, own)
    const replica = await startReplica(own)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => refresh(index % 2 ? own : replica, client, first)),
    )
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.refresh_token}`)).size).toBe(1)
    expect((await refresh(replica, client, answers[0]?.body.refresh_token)).status).toBe(200)
  })

  test('after the grace ends the family: refresh tokens, access tokens, and the audit trail says so', async () => {
    const made = await family()
    const second = await next(made.client, made.first)
    issuer().clock.advance(11)
    const answer = await refresh(issuer(), made.client, made.first)
    expect(refusal(answer)).toBe('400 invalid_grant')
    expect(answer.body.error_description).toContain('used before')
    expect(await grantOf(made)).toMatchObject({ status: 'ended', ended_reason: 'refresh token reuse' })
    await expectDead(made, made.first, second)
  })

  test('is told to verifiers for as long after exp as their clocks may be behind', async () => {
    const made = await family({ access_token_ttl: '2m' })
    await next(made.client, made.first)
    issuer().clock.advance(150)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_grant')
    const { body } = await request(`${issuer().url}/blacklist/feed`)
    const hash = createHash('sha256').update(`sid:${made.sid}`).digest('base64url')
    expect(body.entries).toContainEqual(expect.objectContaining({ kind: 'sid', hash }))
  })

  test('within the grace ends the family once its successor was used', async () => {
    const made = await family()
    const second = await next(made.client, made.first)
    const third = await next(made.client, second)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_grant')
    await expectDead(made, made.first, second, third)
  })

  test('never restarts the grace: repeating it does not make it last', async () => {
    const made = await family()
    const second = await next(made.client, made.first)
    issuer().clock.advance(6)
    expect(await next(made.client, made.first)).toBe(second)
    issuer().clock.advance(6)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_grant')
    await expectDead(made, second)
  })

  test('ends the family at once where the grace is 0, for the client or for all', async () => {
    const made = await family({ refresh_grace: 0 })
    const second = await next(made.client, made.first)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_grant')
    await expectDead(made, second)

    const strict = await startWithApi({ SIGNET_REFRESH_GRACE: '0' })
    const { client, first } = await family({}, {}, strict)
    await next(client, first, strict)
    expect(refusal(await refresh(strict, client, first))).toBe('400 invalid_grant')
  })

  test('of fifty at once with a grace of 0 lets one through, and its successor is dead too', async () => {
    const made = await family({ refresh_grace: 0 })
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(issuer(), made.client, made.first)))
    const [winner, ...others] = answers.filter(({ status }) => status === 200)
    expect(others).toEqual([])
    await expectDead(made, winner?.body.refresh_token)
    expect(await isActive(issuer(), made.client, winner?.body.access_token)).toBe(false)
  })

  test('lasts as long as the client’s own grace says', async () => {
    const { client, first } = await family({ refresh_grace: '5m' })
    const second = await next(client, first)
    issuer().clock.advance(290)
    expect(await next(client, first)).toBe(second)
  })

  test('is still too late after a restart: what was consumed stays consumed', async () => {
    const own = await startWithApi()
    const { client, first } = await family({}, {}, own)
    const second = await next(client, first, own)
    own.clock.advance(11)
    const again = await own.restart()
    const third = await next(client, second, again)
    const restarted = await again.restart()
    expect(await next(client, second, restarted)).toBe(third)
    expect(refusal(await refresh(restarted, client, first))).toBe('400 invalid_grant')
    expect(refusal(await refresh(restarted, client, third))).toBe('400 invalid_grant')
  })
})

describe('a family', () => {
  test('ends at its time, however often it is refreshed', async () => {
    const made = await family({ refresh_token_ttl: '1h' })
    let held = made.first
    for (let each = 0; each < 3; each++) {
      issuer().clock.advance(1190)
      held = await next(made.client, held)
    }
    issuer().clock.advance(40)
    expect(refusal(await refresh(issuer(), made.client, held))).toBe('400 invalid_grant')
    expect(await auditOf(issuer(), made.sid)).toEqual(['grant.created'])
    expect(await grantOf(made)).toMatchObject({ status: 'expired' })
  })

  test('ends after thirty days unless said otherwise', async () => {
    const own = await startWithApi()
    const { client, first } = await family({}, {}, own)
    own.clock.advance(30 * 86_400 - 60)
    const second = await next(client, first, own)
    own.clock.advance(61)
    expect(refusal(await refresh(own, client, second))).toBe('400 invalid_grant')
  })

  test('ends where it is idle for too long, and every use starts that time anew', async () => {
    const { client, first } = await family({ refresh_token_idle_ttl: '10m' })
    issuer().clock.advance(590)
    const second = await next(client, first)
    issuer().clock.advance(590)
    const third = await next(client, second)
    issuer().clock.advance(601)
    expect(refusal(await refresh(issuer(), client, third))).toBe('400 invalid_grant')
  })

  test('that has expired is not a reuse, whichever of its tokens comes', async () => {
    const made = await family({ refresh_token_ttl: '1h' })
    await next(made.client, made.first)
    issuer().clock.advance(3601)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_grant')
    expect(await auditOf(issuer(), made.sid)).toEqual(['grant.created'])
  })

  test('is apart from the other families of its client: the end of one is not the end of the others', async () => {
    const made = await family({ refresh_grace: 0 })
    const { refresh_token: other = '', access_token: access = '' } = await tokens(issuer(), made.client, {
      scope: 'a offline_access',
    })
    await next(made.client, made.first)
    await refresh(issuer(), made.client, made.first)
    await expectDead(made, made.first)
    expect(await isActive(issuer(), made.client, access)).toBe(true)
    expect((await refresh(issuer(), made.client, other)).status).toBe(200)
  })
})

describe('a refusal does not consume the token:', () => {
  test('another client presents it, and learns nothing from the answer', async () => {
    const made = await family()
    const thief = await registered(issuer())
    const stolen = await refresh(issuer(), thief, made.first)
    expect(refusal(stolen)).toBe('400 invalid_grant')
    const invented = await refresh(issuer(), thief, `sgr_${'A'.repeat(71)}`)
    expect(invented.text).toBe(stolen.text)
    await expectUntouched(made)
  })

  test('another client presents a used one, which must not end a family that is not its own', async () => {
    const made = await family({ refresh_grace: 0 })
    const second = await next(made.client, made.first)
    expect(refusal(await refresh(issuer(), await registered(issuer()), made.first))).toBe('400 invalid_grant')
    await expectUntouched(made, second)
  })

  test('nobody, or somebody with a wrong secret, presents it', async () => {
    const made = await family()
    expect(refusal(await refresh(issuer(), { ...made.client, secret: 'sgs_wrong' }, made.first))).toBe(
      '401 invalid_client',
    )
    const byName = { client_id: made.client.clientId, refresh_token: made.first }
    expect(refusal(await post(issuer(), '/refresh', byName))).toBe('401 invalid_client')
    await expectUntouched(made)
  })

  test('more scope is asked for than the grant has, even where the client is registered for it', async () => {
    const made = await family({ scope: 'a b c' })
    expect(refusal(await use(made.client, made.first, { scope: 'a c' }))).toBe('400 invalid_scope')
    expect(refusal(await use(made.client, made.first, { scope: 'signet:admin' }))).toBe('400 invalid_scope')
    await expectUntouched(made)
  })

  test('a resource is asked for that the grant does not have, even where the client has it', async () => {
    const other = await resource(issuer())
    const made = await family({ resources: [API, other] })
    expect(refusal(await use(made.client, made.first, { resource: other }))).toBe('400 invalid_target')
    await expectUntouched(made)
  })

  test('the request is malformed', async () => {
    const made = await family()
    const twice: [string, string][] = [
      ['refresh_token', made.first],
      ['refresh_token', made.first],
    ]
    expect(refusal(await post(issuer(), '/refresh', twice, made.client))).toBe('400 invalid_request')
    expect(
      refusal(await post(issuer(), '/refresh', { refresh_token: made.first, grant_type: 'password' }, made.client)),
    ).toBe('400 unsupported_grant_type')
    await expectUntouched(made)
  })

  test('the client is disabled; enabled again it goes on', async () => {
    const made = await family()
    await issuer().operator.call('POST', `/admin/api/clients/${made.client.clientId}/disable`)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('401 invalid_client')
    await issuer().operator.call('POST', `/admin/api/clients/${made.client.clientId}/enable`)
    await expectUntouched(made)
  })
})

describe('a refresh is refused at once, and the family goes on when it is given back, where', () => {
  test('the client loses the grant refresh_token', async () => {
    const made = await family()
    await change(issuer(), made.client, { grant_types: ['client_credentials'] })
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 unauthorized_client')
    await change(issuer(), made.client, { grant_types: ['client_credentials', 'refresh_token'] })
    await expectUntouched(made)
  })

  test('the client loses a resource of the grant', async () => {
    const [kept, lost] = [await resource(issuer()), await resource(issuer())]
    const made = await family({ resources: [kept, lost] }, { resource: kept, audience: lost })
    await change(issuer(), made.client, { resources: [kept] })
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_target')
    const second = await use(made.client, made.first, { resource: kept })
    expect(claimsOf(second.body.access_token).aud).toBe(kept)
    await change(issuer(), made.client, { resources: [kept, lost] })
    await expectUntouched(made, second.body.refresh_token)
  })

  test('the client loses a scope of the grant, unless it asks for what is left', async () => {
    const made = await family()
    await change(issuer(), made.client, { scope: 'a' })
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_scope')
    const left = await use(made.client, made.first, { scope: 'a' })
    expect(claimsOf(left.body.access_token).scope).toBe('a')
    await change(issuer(), made.client, { scope: 'a b' })
    await expectUntouched(made, left.body.refresh_token)
  })

  test('the resource loses a scope of the grant', async () => {
    const target = await resource(issuer(), { scope: 'a b' })
    const made = await family({ resources: [target] })
    const set = (scope: string) =>
      issuer().operator.call('PATCH', `/admin/api/resources/${encodeURIComponent(target)}`, { scope })
    await set('a')
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_scope')
    await set('a b')
    await expectUntouched(made)
  })

  test('the resource is deleted', async () => {
    const target = await resource(issuer())
    const made = await family({ resources: [target] })
    await issuer().operator.call('DELETE', `/admin/api/resources/${encodeURIComponent(target)}?force=true`)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_target')
  })
})

describe('a family is over for good where', () => {
  test.each(['sub', 'client_id', 'sid'])('its %s is put on the blacklist, lifted later or not', async (kind) => {
    const client = await registered(issuer(), { grant_types: [SUBJECT_GRANT, 'refresh_token'] })
    const person = fresh('person')
    const form = { grant_type: SUBJECT_GRANT, subject: person, scope: 'a offline_access' }
    const { refresh_token: first = '', access_token: access = '' } = await tokens(issuer(), client, form)
    const value = { sub: person, client_id: client.clientId, sid: claimsOf(access).sid }[kind]
    const entry = await issuer().operator.call('POST', '/blacklist', { [kind]: value })
    expect(entry.status).toBe(201)
    expect(refusal(await refresh(issuer(), client, first))).toBe('400 invalid_grant')
    await issuer().operator.call('DELETE', `/blacklist/${entry.body.id}`)
    expect(refusal(await refresh(issuer(), client, first))).toBe('400 invalid_grant')
    expect((await post(issuer(), '/token', form, client)).status).toBe(200)
  })

  test('an administrator ends it', async () => {
    const made = await family()
    const { call } = issuer().operator
    expect((await call('DELETE', `/admin/api/grants/${made.sid}`)).status).toBe(204)
    expect(refusal(await refresh(issuer(), made.client, made.first))).toBe('400 invalid_grant')
    expect(await isActive(issuer(), made.client, made.access)).toBe(false)
  })

  test('its client is deleted, and one registered anew under the name cannot go on with it', async () => {
    const client = await registered(issuer(), { grant_types: [SUBJECT_GRANT, 'refresh_token'] })
    const form = { grant_type: SUBJECT_GRANT, subject: fresh('person'), scope: 'a offline_access' }
    const { refresh_token: first = '' } = await tokens(issuer(), client, form)
    await issuer().operator.call('DELETE', `/admin/api/clients/${client.clientId}`)
    const again = await registered(issuer(), { client_id: client.clientId })
    expect(refusal(await refresh(issuer(), again, first))).toBe('400 invalid_grant')
  })
})

describe('a refresh token that this issuer never made', () => {
  /** Every way to change a token a little, each with its name. */
  function* mangled(token: string): Generator<[string, string]> {
    const bytes = Buffer.from(token.slice(4), 'base64url')
    const spell = (changed: Uint8Array): string => `sgr_${Buffer.from(changed).toString('base64url')}`
    for (let at = 0; at < bytes.length; at++)
      yield [`byte ${at} flipped`, spell(bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)))]
    // 53 bytes leave two bits of the last letter unused: three other letters spell the same bytes.
    const last = token.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const letter of alphabet) if (letter !== last) yield [`last letter ${letter}`, token.slice(0, -1) + letter]
    yield ['truncated', token.slice(0, -1)]
    yield ['truncated to its prefix', 'sgr_']
    yield ['extended', `${token}A`]
    yield ['padded', `${token}=`]
    yield ['in base64', `sgr_${bytes.toString('base64')}`]
    yield ['in hex', `sgr_${bytes.toString('hex')}`]
    yield ['in capitals', token.toUpperCase()]
    yield ['without prefix', token.slice(4)]
    yield ['with another prefix', `sgs_${token.slice(4)}`]
    yield ['with a space before', ` ${token}`]
    yield ['with a NUL behind', `${token}\0`]
    yield ['twice', token + token]
    yield ['of zeros', spell(new Uint8Array(53))]
    yield ['of the next generation', spell(bytes.map((byte, index) => (index === 36 ? byte + 1 : byte)))]
  }

  sqliteTest('is refused without the database, at once even while that is locked, and harms nobody', async () => {
    const own = await startWithApi()
    const { client, first } = await family({}, {}, own)
    const other = new Database(join(own.folder, 'data/signet.db'))
    onTestFinished(() => void other.close())
    other.exec('BEGIN IMMEDIATE')
    const began = performance.now()
    const answers: string[] = []
    for (const [how, token] of mangled(first)) answers.push(`${how}: ${refusal(await refresh(own, client, token))}`)
    expect(answers.filter((answer) => !answer.endsWith('400 invalid_grant'))).toEqual([])
    expect(answers.length).toBeGreaterThan(120)
    // Each that asked the database would have waited two seconds for it.
    expect(performance.now() - began).toBeLessThan(2000 + answers.length * 20)
    other.exec('ROLLBACK')
    expect((await refresh(own, client, first)).status).toBe(200)
  })

  test('but another issuer made is refused', async () => {
    const own = await startWithApi()
    const foreign = await family({}, {}, own)
    const { client } = await family()
    expect(refusal(await refresh(issuer(), client, foreign.first))).toBe('400 invalid_grant')
  })

  test('but is an access token, a secret or nothing is refused', async () => {
    const { client, access } = await family()
    for (const token of [access, client.secret, 'x', ' '])
      expect(refusal(await refresh(issuer(), client, token))).toBe('400 invalid_grant')
    expect(refusal(await refresh(issuer(), client, ''))).toBe('400 invalid_request')
  })
})

sqliteTest('five hundred refreshes add no row to the database', async () => {
  const own = await startWithApi()
  const { client, first } = await family({}, {}, own)
  const database = new Database(join(own.folder, 'data/signet.db'), { readonly: true })
  onTestFinished(() => void database.close())
  const rows = (): number => {
    const tables = database.prepare<[], { name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    return tables.reduce(
      (sum, { name }) => sum + Number(database.prepare(`SELECT count(*) FROM "${name}"`).pluck().get()),
      0,
    )
  }
  let held = await next(client, first, own)
  const before = rows()
  for (let each = 0; each < 500; each++) held = await next(client, held, own)
  expect(rows()).toBe(before)
  const { access_token: access = '' } = (await refresh(own, client, held)).body
  expect(await isActive(own, client, access)).toBe(true)
})
