/** A sign-in for several resources (RFC 8707 §2.1), and a token for each of them (§2.2). */
import { describe, expect, test } from 'vitest'
import { answerOf, valueOf } from '../support/browser-like.ts'
import { bearer, claimsOf, post, request, type Answer, type Credentials } from '../support/client.ts'
import { introspect } from '../support/admin.ts'
import { addClient, addUser, redeem } from '../support/codes.ts'
import { authorizePath, browserAt, signInAt, storeOf } from '../support/people.ts'
import { refusal, resource, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()

const SCOPE = 'openid calendar contacts offline_access'

interface Wanted {
  calendar?: Record<string, unknown>
  contacts?: Record<string, unknown>
  scope?: string
  client?: Record<string, unknown>
}

/** A client of two resources, and the path at which it asks for both. */
async function world({ calendar, contacts, scope = SCOPE, client: metadata }: Wanted = {}) {
  const cal = await resource(issuer(), { scope: 'calendar', ...calendar })
  const con = await resource(issuer(), { scope: 'contacts', ...contacts })
  const client = await addClient(issuer(), { resources: [cal, con], scope, ...metadata })
  const { username } = await addUser(await storeOf(issuer()))
  const path = `${authorizePath(client.clientId, { scope })}&${both(cal, con)}`
  return { cal, con, client, person: { username }, path }
}

const both = (first: string, second: string): string =>
  new URLSearchParams([
    ['resource', first],
    ['resource', second],
  ]).toString()

/** The person signs in, and the client has a code. */
async function codeOf(wanted: Wanted = {}) {
  const made = await world(wanted)
  const { code, error } = answerOf(await signInAt(browserAt(issuer()), made.path, made.person))
  if (code === undefined) throw new Error(`no code: ${error}`)
  return { ...made, code }
}

const refreshed = (client: Credentials, token: string, more: Record<string, string> = {}): Promise<Answer> =>
  post(issuer(), '/token', { grant_type: 'refresh_token', refresh_token: token, ...more }, client)

const told = ({ body }: Answer) => ({ aud: claimsOf(body.access_token).aud, scope: body.scope })

test('each token has the scope that its resource knows', async () => {
  const { cal, con, client, code } = await codeOf()
  const first = await redeem(issuer(), client, code, { resource: cal })
  expect(told(first)).toEqual({ aud: cal, scope: 'openid calendar offline_access' })
  const second = await refreshed(client, first.body.refresh_token, { resource: con })
  expect(told(second)).toEqual({ aud: con, scope: 'openid contacts offline_access' })
  const third = await refreshed(client, second.body.refresh_token, { resource: cal, scope: 'calendar' })
  expect(told(third)).toEqual({ aud: cal, scope: 'calendar' })
  const foreign = await refreshed(client, third.body.refresh_token, { resource: cal, scope: 'contacts' })
  expect(refusal(foreign)).toBe('400 invalid_scope')
})

test('a token for both has what both know, and the grant keeps the rest', async () => {
  const { cal, con, client, code } = await codeOf({ contacts: { scope: 'contacts calendar' } })
  const answer = await redeem(issuer(), client, code)
  expect(told(answer)).toEqual({ aud: [cal, con], scope: 'openid calendar offline_access' })
  const next = await refreshed(client, answer.body.refresh_token, { resource: con })
  expect(told(next)).toEqual({ aud: con, scope: SCOPE })
})

test('introspection and userinfo tell of each token what it has', async () => {
  const { cal, con, client, code } = await codeOf()
  const { body } = await redeem(issuer(), client, code, { resource: cal })
  const calendarApi = await addClient(issuer(), { resources: [cal] })
  const contactsApi = await addClient(issuer(), { resources: [con] })
  const seen = await introspect(issuer(), calendarApi, body.access_token)
  expect(seen.body).toMatchObject({ active: true, aud: cal, scope: 'openid calendar offline_access' })
  expect((await introspect(issuer(), contactsApi, body.access_token)).text).toBe('{"active":false}')
  expect((await request(`${issuer().url}/userinfo`, { headers: bearer(body.access_token) })).status).toBe(200)
})

test('a scope that no resource of the request knows is dropped', async () => {
  const { cal, client, code } = await codeOf({ scope: `${SCOPE} photos` })
  const { body } = await redeem(issuer(), client, code, { resource: cal })
  expect(body.scope).toBe('openid calendar offline_access')
  const unknown = await refreshed(client, body.refresh_token, { resource: cal, scope: 'photos' })
  expect(refusal(unknown)).toBe('400 invalid_scope')
})

describe('of different algorithms', () => {
  const mixed = () => codeOf({ contacts: { alg: 'RS256' } })

  test('have one sign-in, and a token each', async () => {
    const { cal, con, client, code } = await mixed()
    const first = await redeem(issuer(), client, code, { resource: con })
    expect(told(first)).toEqual({ aud: con, scope: 'openid contacts offline_access' })
    const second = await refreshed(client, first.body.refresh_token, { resource: cal })
    expect(told(second)).toEqual({ aud: cal, scope: 'openid calendar offline_access' })
  })

  test('have no token for both: the answer says how to ask, and the code and the refresh token stay good', async () => {
    const { cal, con, client, code } = await mixed()
    const none = await redeem(issuer(), client, code)
    expect(refusal(none)).toBe('400 invalid_target')
    expect(none.body.error_description).toContain(`ask for one token each, with resource= ${cal} or ${con}`)
    const first = await redeem(issuer(), client, code, { resource: cal })
    expect(first.status).toBe(200)
    expect(refusal(await refreshed(client, first.body.refresh_token))).toBe('400 invalid_target')
    expect((await refreshed(client, first.body.refresh_token, { resource: con })).status).toBe(200)
  })
})

test('a permission that one resource asks for a scope takes nothing away at the other', async () => {
  const { cal, con, client, code } = await codeOf({
    calendar: { scope: 'read calendar', scope_permissions: { read: 'calendar.read' } },
    contacts: { scope: 'read contacts' },
    scope: 'openid read offline_access',
  })
  const first = await redeem(issuer(), client, code)
  expect(told(first)).toEqual({ aud: [cal, con], scope: 'openid offline_access' })
  const second = await refreshed(client, first.body.refresh_token, { resource: con })
  expect(told(second)).toEqual({ aud: con, scope: 'openid read offline_access' })
  const third = await refreshed(client, second.body.refresh_token, { resource: cal })
  expect(told(third)).toEqual({ aud: cal, scope: 'openid offline_access' })
})

test('a permission that every resource asks for a scope keeps it out of the grant', async () => {
  const needs = { scope: 'read', scope_permissions: { read: 'all.read' } }
  const wanted = { calendar: needs, contacts: needs, scope: 'openid read' }
  const { client, code } = await codeOf(wanted)
  expect((await redeem(issuer(), client, code)).body.scope).toBe('openid')
})

test('the consent shows each scope at the resources that know it, and is remembered for all of them', async () => {
  const { cal, con, path, person } = await world({ client: { consent: 'once' } })
  const browser = browserAt(issuer())
  const asked = await signInAt(browser, path, person)
  expect(asked.page).toBe('consent')
  const shown = asked.all('data-scope').map((each) => valueOf(each, 'data-scope'))
  expect(shown).toEqual(['openid', 'offline_access', 'calendar', 'contacts'])
  expect(asked.text.indexOf(cal)).toBeLessThan(asked.text.indexOf('calendar'))
  expect(asked.text.indexOf(con)).toBeLessThan(asked.text.indexOf('contacts'))
  expect(answerOf(await browser.submit(asked, {}, 'allow')).code).toBeDefined()
  expect(answerOf(await browser.get(path)).code).toBeDefined()
})

test('a scope of the issuer itself is in a token for the issuer alone', async () => {
  const orders = await resource(issuer(), { scope: 'orders' })
  const scope = 'openid orders signet:read offline_access'
  const client = await addClient(issuer(), { resources: [orders, issuer().issuer], scope })
  const { username } = await addUser(await storeOf(issuer()), { groups: ['signet-admins'] })
  const path = `${authorizePath(client.clientId, { scope })}&${both(orders, issuer().issuer)}`
  const { code = '' } = answerOf(await signInAt(browserAt(issuer()), path, { username }))
  const first = await redeem(issuer(), client, code)
  expect(told(first)).toEqual({ aud: [orders, issuer().issuer], scope: 'openid offline_access' })
  const own = await refreshed(client, first.body.refresh_token, { resource: issuer().issuer })
  expect(told(own)).toEqual({ aud: issuer().issuer, scope: 'openid signet:read offline_access' })
})
