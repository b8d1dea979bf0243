/** Sessions that end: everything that rests on them ends too, here and downstream, and every app of them is told. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isActive, refresh, until, type AdministeredIssuer } from '../support/admin.ts'
import { claimsOf, request } from '../support/client.ts'
import { addClient, addUser, nextCode, redeem, signIn } from '../support/codes.ts'
import { browserAt, storeOf } from '../support/people.ts'
import { signet } from '../support/process.ts'
import { startWithApi } from '../support/shared.ts'
import type { Store } from '../../src/store/store.ts'

let issuer: AdministeredIssuer
let store: Store
/** The app's end of back-channel logout: what it was told, and how it answers. */
let told: Record<string, unknown>[] = []
let answers: number[] = []
let toldAt: string
/** A client that does not answer until the test lets it. */
let held: { clientId: string; responses: ServerResponse[] } | undefined

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  const receiver = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      const claims = claimsOf(new URLSearchParams(body).get('logout_token') ?? '')
      told.push(claims)
      if (held && claims.aud === held.clientId) return void held.responses.push(response)
      response.writeHead(answers.shift() ?? 200).end()
    })
  })
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening))
  const { port } = receiver.address() as AddressInfo // it listens on a port
  toldAt = `http://127.0.0.1:${port}/told`
  const onEnd = (work: () => Promise<void> | void) => void ends.unshift(work)
  onEnd(() => void receiver.close())
  const env = { SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_OUTBOUND_ALLOW: `127.0.0.1:${port},app.localhost:${port}` }
  issuer = await startWithApi(env, { onEnd })
  store = await storeOf(issuer, onEnd)
  return async () => {
    for (const end of ends) await end()
  }
})

beforeEach(async () => {
  // What the test before has left is told first.
  await until(async () => (await store.listOwedLogouts({ limit: 1 })).length === 0)
  told = []
  answers = []
  held = undefined
})

/** A person with a session in a browser, and the tokens of an app in it. */
async function signedIn(metadata: Record<string, unknown> = {}) {
  const client = await addClient(issuer, { backchannel_logout_uri: toldAt, ...metadata })
  const person = await addUser(store)
  const { browser, code } = await signIn(issuer, client, person)
  const { body: tokens } = await redeem(issuer, client, code)
  return { client, person, browser, tokens, sid: String(claimsOf(tokens.id_token).sid) }
}

/** A person with some sessions, and one app in them, at an issuer of the test's own. */
async function signedInAt(own: AdministeredIssuer, itsStore: Store, sessions: number) {
  const client = await addClient(own, { backchannel_logout_uri: toldAt })
  const person = await addUser(itsStore)
  const sids: string[] = []
  while (sids.length < sessions) {
    const { code } = await signIn(own, client, person)
    const { body: tokens } = await redeem(own, client, code)
    sids.push(String(claimsOf(tokens.id_token).sid))
  }
  return { client, person, sids }
}

type SignedIn = Awaited<ReturnType<typeof signedIn>>

/** Every token is refused: at introspection, at userinfo, at refresh, and by the feed. */
async function expectDead({ client, tokens }: SignedIn): Promise<void> {
  expect(await isActive(issuer, client, tokens.access_token)).toBe(false)
  const headers = { authorization: `Bearer ${tokens.access_token}` }
  expect((await request(`${issuer.url}/userinfo`, { headers })).status).toBe(401)
  expect((await refresh(issuer, client, tokens.refresh_token)).body.error).toBe('invalid_grant')
}

const operator = (method: string, path: string) => issuer.operator.call(method, path)

describe('an operator', () => {
  test('ends a session of an app that has a name below localhost, and the app is told', async () => {
    const signed = await signedIn({ backchannel_logout_uri: toldAt.replace('127.0.0.1', 'app.localhost') })
    await issuer.operator.call('DELETE', `/admin/api/sessions/${signed.sid}`)
    await until(() => told.length === 1)
    expect(told[0]).toMatchObject({ aud: signed.client.clientId, sid: signed.sid })
  })

  test('sees live sessions, and ends one: its tokens are refused, and its app is told', async () => {
    const signed = await signedIn()
    const { body: list } = await operator('GET', `/admin/api/sessions?user=${signed.person.id}`)
    expect(list).toMatchObject([{ id: signed.sid, user_id: signed.person.id, clients: [signed.client.clientId] }])
    expect((await operator('DELETE', `/admin/api/sessions/${signed.sid}`)).status).toBe(204)
    await expectDead(signed)
    await until(() => told.length === 1)
    expect(told[0]).toMatchObject({ aud: signed.client.clientId, sub: signed.person.id, sid: signed.sid })
    expect((await operator('GET', `/admin/api/sessions/${signed.sid}`)).status).toBe(404)
    // The browser is signed out too.
    expect((await signed.browser.get('/account')).page).toBe('login')
    // Ended twice is ended.
    expect((await operator('DELETE', `/admin/api/sessions/${signed.sid}`)).status).toBe(204)
  })

  test('ends every session of a person who is disabled, and the tokens that outlive sessions', async () => {
    const signed = await signedIn()
    expect((await operator('POST', `/admin/api/users/${signed.person.id}/disable`)).status).toBe(200)
    await expectDead(signed)
    await until(() => told.length === 1)
  })
})

describe('the person', () => {
  test('signs out: tokens without offline_access end, others go on', async () => {
    const client = await addClient(issuer, { refresh: 'always' })
    const person = await addUser(store)
    const { browser, code } = await signIn(issuer, client, person, { scope: 'openid' })
    const { body: online } = await redeem(issuer, client, code)
    const offline = await redeem(issuer, client, await nextCode(browser, client))
    const question = await browser.get('/logout')
    expect(question.page).toBe('logout')
    expect((await browser.submit(question, {}, 'logout')).page).toBe('signed-out')
    expect(await isActive(issuer, client, online.access_token)).toBe(false)
    expect((await refresh(issuer, client, online.refresh_token)).body.error).toBe('invalid_grant')
    expect((await refresh(issuer, client, offline.body.refresh_token)).status).toBe(200)
  })

  test('ends another browser on the sessions page, and not that of somebody else', async () => {
    const here = await signedIn()
    const there = await signIn(issuer, here.client, here.person)
    await redeem(issuer, here.client, there.code)
    const stranger = await signedIn()
    const page = await here.browser.get('/account/sessions')
    const forms = page.forms.filter(({ names }) => names.includes('id'))
    expect(forms).toHaveLength(2)
    const other = forms.find(({ values }) => values.id !== here.sid)?.values.id ?? ''
    const csrf = forms[0]?.values.csrf ?? ''
    const end = (id: string) => here.browser.post('/account/sessions', { csrf, id, action: 'end' })
    expect((await end(stranger.sid)).status).toBe(404)
    expect(await isActive(issuer, stranger.client, stranger.tokens.access_token)).toBe(true)
    expect((await end(other)).page).toBe('account')
    expect((await there.browser.get('/account')).page).toBe('login')
    expect((await here.browser.get('/account')).page).toBe('account')
    await until(() => told.some(({ sid }) => sid === other))
  })

  test('takes an app back: its tokens end, those of other apps go on', async () => {
    const signed = await signedIn({ consent: 'skip' })
    const other = await addClient(issuer)
    const kept = await redeem(issuer, other, await nextCode(signed.browser, other))
    const page = await signed.browser.get('/account/apps')
    expect(page.html).toContain(signed.client.clientId)
    const form = page.forms.find(({ values }) => values.client_id === signed.client.clientId)
    const { csrf = '' } = form?.values ?? {}
    const withdraw = () =>
      signed.browser.post('/account/apps', { csrf, client_id: signed.client.clientId, action: 'withdraw' })
    expect((await withdraw()).page).toBe('account')
    await expectDead(signed)
    // Another tab shows the app still.
    const again = await withdraw()
    expect([again.status, again.page, again.url.search]).toEqual([200, 'account', '?done=withdrawn'])
    expect(await isActive(issuer, other, kept.body.access_token)).toBe(true)
  })

  test('cannot be signed out by a form of another site, nor by a forged one', async () => {
    const { browser } = await signedIn()
    await browser.postFromElsewhere('/logout', { action: 'logout' })
    await browser.post('/logout', { action: 'logout', csrf: 'forged' })
    await browser.get('/logout?action=logout')
    expect((await browser.get('/account')).page).toBe('account')
  })
})

describe('a code', () => {
  test('that was not redeemed when its session ended gives nothing', async () => {
    const signed = await signedIn()
    const code = await nextCode(signed.browser, signed.client)
    await operator('DELETE', `/admin/api/sessions/${signed.sid}`)
    expect((await redeem(issuer, signed.client, code)).body.error).toBe('invalid_grant')
  })
})

describe('back-channel logout', () => {
  test('is tried again with a token of its own, after 5 s, 30 s, 5 min and 30 min, and then given up', async () => {
    const signed = await signedIn()
    answers = [500, 302, 400, 503, 500]
    await operator('DELETE', `/admin/api/sessions/${signed.sid}`)
    for (const [before, pause] of [0, 5, 30, 300, 1800].entries()) {
      issuer.clock.advance(pause)
      await until(() => told.length > before)
      // An attempt is over when its pause is noted, in place of the time for an attempt.
      await until(async () => {
        const [owed] = await store.listOwedLogouts({ limit: 1 })
        return !owed || Math.abs(owed.nextAt - issuer.clock.now() - 60_000) > 2000
      })
    }
    await until(async () => {
      const { body } = await operator('GET', `/admin/api/audit?target=${signed.client.clientId}`)
      return body.some(({ action }: { action: string }) => action === 'logout.undelivered')
    })
    const times = told.slice(0, 5).map(({ iat }) => Number(iat))
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    for (const [index, pause] of [5, 30, 300, 1800].entries()) expect(gaps[index]).toBeGreaterThanOrEqual(pause - 1)
    expect(new Set(told.map(({ jti }) => jti)).size).toBe(told.length)
  })

  test('reaches an app while another one is slow to answer', async () => {
    const slow = await signedIn()
    const sids = [slow.sid]
    // More than are sent at the same time to all clients together.
    while (sids.length < 22) {
      const { code } = await signIn(issuer, slow.client, slow.person)
      const { body: tokens } = await redeem(issuer, slow.client, code)
      sids.push(String(claimsOf(tokens.id_token).sid))
    }
    held = { clientId: slow.client.clientId, responses: [] }
    for (const sid of sids) await operator('DELETE', `/admin/api/sessions/${sid}`)
    await until(() => held?.responses.length === 5)
    const quick = await signedIn()
    await operator('DELETE', `/admin/api/sessions/${quick.sid}`)
    await until(() => told.some(({ aud }) => aud === quick.client.clientId))
    // The issuer has given no slow answer up meanwhile, and has asked for no more of them.
    expect(held.responses.map(({ destroyed }) => destroyed)).toEqual(Array.from({ length: 5 }, () => false))
    const { responses } = held
    held = undefined
    for (const response of responses) response.end()
    await until(() => told.length === sids.length + 1)
  })

  test('that a command may not send is left to the server, as if nobody had tried', async () => {
    const own = await startWithApi({ SIGNET_OUTBOUND_ALLOW: new URL(toldAt).host })
    const itsStore = await storeOf(own)
    const client = await addClient(own, { backchannel_logout_uri: toldAt })
    const person = await addUser(itsStore)
    const { code } = await signIn(own, client, person)
    const { body: tokens } = await redeem(own, client, code)
    await own.stop()
    const ended = await signet(['session', 'end', String(claimsOf(tokens.id_token).sid)], {
      ...own.env,
      SIGNET_OUTBOUND_ALLOW: '',
    })
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain(`not told of the end yet: ${new URL(toldAt).host};`)
    expect(ended.stderr).toContain('a running server tells them only where its own does')
    const [owed] = await itsStore.listOwedLogouts({ limit: 1 })
    expect(owed).toMatchObject({ clientId: client.clientId, attempts: 0 })
    expect(owed?.nextAt).toBeLessThanOrEqual(itsStore.now())
    expect(told).toEqual([])
    await own.restart()
    await until(() => told.length === 1)
  })

  test('is not begun by a command that ended nothing', async () => {
    const own = await startWithApi({ SIGNET_OUTBOUND_ALLOW: new URL(toldAt).host })
    const itsStore = await storeOf(own)
    const { person, sids } = await signedInAt(own, itsStore, 1)
    await own.stop()
    const [sid = ''] = sids
    expect((await signet(['session', 'end', sid], { ...own.env, SIGNET_OUTBOUND_ALLOW: '' })).code).toBe(0)
    const changed = await signet(['user', 'update', person.username, '--name', 'Ada King'], own.env)
    expect([changed.code, changed.stderr]).toEqual([0, ''])
    expect(await itsStore.listOwedLogouts({ limit: 2 })).toMatchObject([{ attempts: 0 }])
    expect(told).toEqual([])
  })

  test('ends with the server: what is under way is finished, and the rest is owed to the next start', async () => {
    const own = await startWithApi({ SIGNET_OUTBOUND_ALLOW: new URL(toldAt).host })
    const itsStore = await storeOf(own)
    const { client, sids } = await signedInAt(own, itsStore, 8)
    held = { clientId: client.clientId, responses: [] }
    for (const sid of sids) await own.operator.call('DELETE', `/admin/api/sessions/${sid}`)
    await until(() => held?.responses.length === 5)
    const stopping = own.stop()
    // No connection is accepted any more, so the stop has begun.
    await until(async () => (await fetch(own.url).catch(() => undefined)) === undefined)
    const { responses } = held
    held = undefined
    for (const response of responses) response.end()
    await stopping
    const owed = await itsStore.listOwedLogouts({ limit: 10 })
    expect(owed.map(({ attempts }) => attempts)).toEqual([0, 0, 0])
    await own.restart()
    await until(() => told.length === 8)
  })

  test('goes to no private address that the operator has not named', async () => {
    const signed = await signedIn({ backchannel_logout_uri: 'https://169.254.169.254/latest' })
    await operator('DELETE', `/admin/api/sessions/${signed.sid}`)
    await until(async () => (await browserAt(issuer).get('/login')).page === 'login')
    expect(told).toEqual([])
    const lines = () => issuer.logged.filter((line) => line.includes(signed.client.clientId) && line.includes('"warn"'))
    await until(() => lines().length > 0)
    expect(lines()).toEqual([expect.stringMatching(/may not call .*169\.254\.169\.254: .*SIGNET_OUTBOUND_ALLOW/)])
  })
})
