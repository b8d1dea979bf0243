/** /metrics and `signet status` count what people do, and name nobody. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { startAdministered, until, type AdministeredIssuer } from '../support/admin.ts'
import { post, request } from '../support/client.ts'
import {
  addApp,
  addPerson,
  authorizePath,
  browserAt,
  CALLBACK,
  signInAt,
  storeOf,
  VERIFIER,
} from '../support/people.ts'

/** The value of each series whose name begins so; its labels stand in their order. */
async function figures({ url }: AdministeredIssuer, name: string): Promise<Record<string, number>> {
  const { text } = await request(`${url}/metrics`)
  const lines = text.split('\n').filter((line) => line.startsWith(name))
  return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.replace(/^.* /, ''))]))
}

const redeem = (issuer: AdministeredIssuer, client_id: string, url: URL) =>
  post(issuer, '/token', {
    grant_type: 'authorization_code',
    client_id,
    code: url.searchParams.get('code') ?? '',
    redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
  })

async function start(env: Record<string, string> = {}) {
  const issuer = await startAdministered(env)
  const store = await storeOf(issuer)
  const person = await addPerson(store, { username: 'ada-the-person' })
  return { issuer, store, person }
}

test('factors, sign-ins and codes are counted by outcome, and each outcome is told before it ever happened', async () => {
  const { issuer, person } = await start()
  const app = await addApp(issuer, { token_endpoint_auth_method: 'none' })
  for (const name of ['signet_factors_total', 'signet_sign_ins_total', 'signet_codes_total', 'signet_logouts_total']) {
    const values = Object.values(await figures(issuer, name))
    expect(values.length, name).toBeGreaterThan(1)
    expect(new Set(values), name).toEqual(new Set([0]))
  }
  const browser = browserAt(issuer)
  const wrong = await signInAt(browser, authorizePath(app), { username: 'ada-the-person', password: 'wrong' })
  expect(wrong.error).toBe('invalid_credentials')
  const { url } = await signInAt(browser, authorizePath(app), { username: 'ada-the-person' })
  expect((await redeem(issuer, app, url)).status).toBe(200)
  expect((await redeem(issuer, app, url)).status).toBe(400)
  await browser.get(authorizePath(app, { prompt: 'none' }))
  await browserAt(issuer).get(authorizePath(app, { prompt: 'none' }))
  const form = await browser.get(authorizePath(app, { prompt: 'login' }))
  await browser.submit(form, {}, 'cancel')

  expect(await figures(issuer, 'signet_factors_total{factor="password"')).toEqual({
    'signet_factors_total{factor="password",outcome="passed"}': 1,
    'signet_factors_total{factor="password",outcome="refused"}': 1,
    'signet_factors_total{factor="password",outcome="waited"}': 0,
  })
  expect(await figures(issuer, 'signet_sign_ins_total')).toEqual({
    'signet_sign_ins_total{outcome="code"}': 2,
    'signet_sign_ins_total{outcome="arrived"}': 0,
    'signet_sign_ins_total{outcome="error"}': 1,
    'signet_sign_ins_total{outcome="cancelled"}': 1,
  })
  expect(await figures(issuer, 'signet_codes_total')).toEqual({
    'signet_codes_total{outcome="redeemed"}': 1,
    'signet_codes_total{outcome="refused"}': 1,
  })
  const { text } = await request(`${issuer.url}/metrics`)
  for (const name of [person.username, person.id, app]) expect(text).not.toContain(name)
})

test('guesses that are not judged are counted apart', async () => {
  const { issuer } = await start()
  const browser = browserAt(issuer)
  for (let at = 0; at < 7; at++)
    await signInAt(browser, '/login?return_to=/account', { username: 'ada-the-person', password: `wrong ${at}` })
  expect(await figures(issuer, 'signet_factors_total{factor="password"')).toMatchObject({
    'signet_factors_total{factor="password",outcome="refused"}': 5,
    'signet_factors_total{factor="password",outcome="waited"}': 2,
  })
})

test('live sessions are counted by the metrics and by status; a session that has ended is not', async () => {
  const { issuer, store } = await start()
  expect(await figures(issuer, 'signet_sessions')).toEqual({ signet_sessions: 0 })
  for (let at = 0; at < 3; at++)
    await signInAt(browserAt(issuer), '/login?return_to=/account', { username: 'ada-the-person' })
  expect(await figures(issuer, 'signet_sessions')).toEqual({ signet_sessions: 3 })
  const [first] = await store.listSessions({}, { limit: 10 })
  await issuer.operator.call('DELETE', `/admin/api/sessions/${first?.id}`)
  expect(await figures(issuer, 'signet_sessions')).toEqual({ signet_sessions: 2 })
  expect((await store.facts({ integrity: false })).counts).toMatchObject({ users: 1, sessions: 2 })
})

test('logout tokens are counted by outcome', async () => {
  let status = 200
  const server = createServer((_, answer) => answer.writeHead(status).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
  const { issuer, store } = await start({ SIGNET_OUTBOUND_ALLOW: `127.0.0.1:${port}` })
  const backchannel_logout_uri = `http://127.0.0.1:${port}/logout`
  const app = await addApp(issuer, { token_endpoint_auth_method: 'none', backchannel_logout_uri })
  const endOne = async () => {
    const { url } = await signInAt(browserAt(issuer), authorizePath(app), { username: 'ada-the-person' })
    expect((await redeem(issuer, app, url)).status).toBe(200)
    const [session] = await store.listSessions({}, { limit: 1 })
    await issuer.operator.call('DELETE', `/admin/api/sessions/${session?.id}`)
  }
  const isAt = (outcome: string, value: number) => async () =>
    (await figures(issuer, 'signet_logouts_total'))[`signet_logouts_total{outcome="${outcome}"}`] === value
  await endOne()
  await until(isAt('delivered', 1))
  status = 500
  await endOne()
  await until(isAt('delayed', 1))
})
