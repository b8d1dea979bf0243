/** `signet doctor` on the part of people: passkey domain, operators, logout addresses, and the cookie of a sign-in. */
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { checkCookies, checkPeople } from '../../src/doctor/people.ts'
import { startAdministered, until } from '../support/admin.ts'
import { addClient, addUser, redeem, signIn } from '../support/codes.ts'
import { movableClock, type TestClock } from '../support/issuer.ts'
import { addApp, addPerson, storeOf } from '../support/people.ts'

async function start(env: Record<string, string> = {}, clock?: TestClock) {
  const issuer = await startAdministered(env, clock && { clock })
  const store = await storeOf(issuer)
  const config = readConfig({ ...issuer.env, ...env })
  const examine = async () => {
    const checks = await checkPeople(store, config)
    return Object.fromEntries(checks.map((each) => [each.check, each]))
  }
  return { issuer, store, examine }
}

test('an issuer of services alone gets no check of people', async () => {
  const { examine } = await start()
  expect(await examine()).toEqual({})
})

test('operators without a second factor are named, and nobody else', async () => {
  const { store, examine } = await start()
  await addPerson(store, { username: 'bob' })
  expect(await examine()).toMatchObject({
    operators: { ok: true, warning: true, fix: 'make one: signet invite --admin' },
  })
  await addPerson(store, { username: 'ada', groups: ['signet-admins'] })
  const { operators } = await examine()
  expect(operators).toMatchObject({ ok: true, warning: true })
  expect(operators?.found).toContain('ada')
  expect(operators?.found).not.toContain('bob')
})

test('logout addresses on private hosts are a fault, until the operator allows them', async () => {
  const { issuer, store, examine } = await start()
  await addPerson(store, { username: 'ada' })
  await addApp(issuer, { backchannel_logout_uri: 'https://app.example/logout' })
  expect(await examine()).toMatchObject({ 'outbound requests': { ok: true } })
  const inside = await addApp(issuer, { backchannel_logout_uri: 'https://10.0.0.7/logout' })
  const refused = (await examine())['outbound requests']
  expect(refused).toMatchObject({ ok: false })
  expect(refused?.found).toContain(inside)
  expect(refused?.fix).toContain('SIGNET_OUTBOUND_ALLOW=10.0.0.7')
})

test('logout tokens that nobody takes are told with their client', async () => {
  const app = createServer((_, answer) => answer.writeHead(500).end()).listen(0, '127.0.0.1')
  await once(app, 'listening')
  onTestFinished(() => void app.close())
  const { port } = app.address() as AddressInfo // bound to a TCP port, so it is no path
  const clock = movableClock({ from: Date.now() })
  const { store, examine, issuer } = await start({ SIGNET_OUTBOUND_ALLOW: `127.0.0.1:${port}` }, clock)
  const client = await addClient(issuer, { backchannel_logout_uri: `http://127.0.0.1:${port}/logout` })
  const person = await addUser(store)
  const { code } = await signIn(issuer, client, person)
  expect((await redeem(issuer, client, code)).status).toBe(200)
  expect(await examine()).toMatchObject({ 'logout tokens': { ok: true, found: '0 are owed' } })
  const [session] = await store.listSessions({}, { limit: 1 })
  await issuer.operator.call('DELETE', `/admin/api/sessions/${session?.id}`)
  // An attempt is over when its pause is noted, which is shorter than the time for an attempt.
  const isTried = (times: number) => async () => {
    const [owed] = await store.listOwedLogouts({ limit: 1 })
    return owed?.attempts === times && (times === 3 || owed.nextAt - clock.now() < 50_000)
  }
  await until(isTried(1))
  clock.advance(6)
  await until(isTried(2))
  clock.advance(31)
  await until(isTried(3))
  const { 'logout tokens': owed } = await examine()
  expect(owed).toMatchObject({ ok: true, warning: true })
  expect(owed?.found).toContain(client.clientId)
})

test('the passkey domain may not change while there are passkeys', async () => {
  const { issuer, store, examine } = await start()
  await addPerson(store, { username: 'ada' })
  expect(await examine()).toMatchObject({ 'passkey domain': { ok: true, found: 'localhost' } })
  await store.claimNames({ issuer: issuer.issuer, rp_id: 'elsewhere.example' })
  expect((await examine())['passkey domain']).toMatchObject({ ok: true })
})

test('a proxy that changes or swallows the cookie of a sign-in is found out', async () => {
  const { issuer } = await start()
  expect(await checkCookies(issuer.url)).toMatchObject({ ok: true })
  const throughProxy = async (change: (cookie: string) => string[], status?: number) => {
    const proxy = createServer((incoming, answer) => {
      httpRequest(`${issuer.url}${incoming.url}`, (reply) => {
        const cookies = (reply.headers['set-cookie'] ?? []).flatMap(change)
        answer.writeHead(status ?? reply.statusCode ?? 502, { ...reply.headers, 'set-cookie': cookies })
        reply.pipe(answer)
      }).end()
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    onTestFinished(() => void proxy.close())
    const { port } = proxy.address() as AddressInfo // bound to a TCP port, so it is no path
    return checkCookies(`http://127.0.0.1:${port}`)
  }
  expect(await throughProxy(() => [], 503)).toMatchObject({
    ok: false,
    found: expect.stringMatching(/ answers 503$/),
    fix: expect.stringContaining('signet doctor --request ID'),
  })
  expect(await throughProxy(() => [])).toMatchObject({ ok: false, found: expect.stringContaining('brings no cookie') })
  expect(await throughProxy((cookie) => [cookie.replace('Path=/', 'Path=/login')])).toMatchObject({
    ok: false,
    found: expect.stringContaining('browsers refuse it'),
  })
})
