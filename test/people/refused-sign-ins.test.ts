/** `signet doctor --request ID --log`: why a sign-in was refused, and the step that helps. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { expect, test } from 'vitest'
import { movableClock } from '../../harness/clock.ts'
import { readRequestFromLog } from '../../src/doctor/refused-request.ts'
import { createClient, startAdministered, type AdministeredIssuer } from '../support/admin.ts'
import { answerOf, type Seen } from '../support/browser-like.ts'
import { proofOf } from '../support/proofs.ts'
import { codeAt, enter, turnOn } from '../support/second-factor.ts'
import { assertionOf } from '../support/shared.ts'
import { addApp, addPerson, authorizePath, browserAt, CALLBACK, signInAt, storeOf } from '../support/people.ts'

/** @param clients of this deployment */
async function explain(
  issuer: AdministeredIssuer,
  seen: Pick<Seen | Response, 'headers'>,
  clients: readonly { clientId: string; scope: string[] }[] = [],
): Promise<string> {
  const file = join(issuer.folder, 'log')
  writeFileSync(file, issuer.logged.join('\n'))
  return JSON.stringify(await readRequestFromLog(seen.headers.get('x-request-id') ?? '', file, clients))
}

test('the doctor names the fault of each refused sign-in', async () => {
  const issuer = await startAdministered()
  const store = await storeOf(issuer)
  await addPerson(store, { username: 'ada' })
  const app = await addApp(issuer)
  const at = (more: Record<string, string | undefined>, client = app) =>
    browserAt(issuer).get(authorizePath(client, more))

  const mismatch = await explain(issuer, await at({ redirect_uri: 'https://app.example/other' }))
  expect(mismatch).toContain('redirect URI mismatch: the path differs from https://app.example/')
  expect(mismatch).toContain(`signet client update ${app} --add-redirect-uri URI`)

  const [registered = ''] = (await store.listClients()).flatMap(({ redirectUris }) => redirectUris)
  const slash = await explain(issuer, await at({ redirect_uri: `${registered}/` }))
  expect(slash).toContain(`a slash at the end differs from ${registered}, the nearest that is registered`)

  const misspelt = await explain(issuer, await at({}, app.slice(0, -1)), await store.listClients())
  expect(misspelt).toContain(`the client_id begins like ${app}`)
  const twice = await browserAt(issuer).get(`${authorizePath(app)}&client_id=${app}`)
  expect(await explain(issuer, twice)).toContain('client_id was sent twice')

  const none = await explain(issuer, await at({ redirect_uri: undefined }))
  expect(none).toContain('redirect_uri is missing')
  expect(none).toContain(`signet client show ${app}`)

  const pkce = await explain(issuer, await at({ code_challenge: undefined, code_challenge_method: undefined }))
  expect(pkce).toContain('PKCE required')
  expect(pkce).toContain('--require-pkce false')

  expect(await explain(issuer, await at({ prompt: 'none' }))).toContain('nobody is signed in')

  const browser = browserAt(issuer)
  await signInAt(browser, authorizePath(app), { username: 'ada' })
  const narrowed = await browser.get(authorizePath(app, { scope: 'openid orders:read' }))
  expect(await explain(issuer, narrowed)).toContain('scope dropped: orders:read')
  const { scope = [] } = (await store.listClients()).find(({ clientId }) => clientId === app) ?? {}
  const whole = `signet client update ${app} --scope '${[...scope, 'orders:read'].join(' ')}'`
  expect(await explain(issuer, narrowed, await store.listClients())).toContain(whole)

  const third = await addApp(issuer, { consent: 'once' })
  expect(await explain(issuer, await browser.get(authorizePath(third, { prompt: 'none' })))).toContain(
    'consent is missing',
  )

  const closed = await addApp(issuer, { allowed_groups: ['staff'] })
  const refused = await explain(issuer, await browser.get(authorizePath(closed)))
  expect(refused).toContain('group not allowed')
  expect(refused).toContain(`signet client update ${closed} --allow-group GROUP`)

  const strict = await addApp(issuer, { require_acr: '2' })
  const short = await explain(issuer, await browser.get(authorizePath(strict, { prompt: 'none' })))
  expect(short).toContain('second factor missing')

  const asked = await explain(issuer, await browser.get(authorizePath(strict)))
  expect(asked).toContain('second factor missing: the person is asked to set one up')
  expect(asked).toContain(`signet client show ${strict}`)

  const form = await browser.get(authorizePath(app, { prompt: 'login' }))
  const elsewhere = await browserAt(issuer).get(`/login?tx=${new URL(form.url).searchParams.get('tx') ?? ''}`)
  expect(await explain(issuer, elsewhere)).toContain('its cookie was blocked')
})

test('what stops a person or an app has a step of its own', async () => {
  const issuer = await startAdministered({}, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  await addPerson(store, { username: 'ada' })
  await addPerson(store, { username: 'bob' })
  const app = await addApp(issuer, { token_endpoint_auth_method: 'none' })
  const step = async (seen: Pick<Seen | Response, 'headers'>) => {
    const told = await explain(issuer, seen)
    expect(told).not.toContain('the reason names what to change')
    return told
  }
  const browser = browserAt(issuer)
  let page = await browser.get(authorizePath(app))
  for (let tries = 0; tries < 7; tries++)
    page = await browser.submit(page, { username: 'ada', password: `wrong ${tries}` }, 'sign-in')
  expect(page.error).toBe('too_many_attempts')
  expect(await step(page)).toContain('signet user link USER')
  const form = { grant_type: 'authorization_code', client_id: app, code: 'none', redirect_uri: 'https://a.example' }
  const token = await fetch(`${issuer.url}/token`, { method: 'POST', body: new URLSearchParams(form) })
  expect(await step(token)).toContain('send the person to /authorize again')
  const { code: burnt } = answerOf(await signInAt(browserAt(issuer), authorizePath(app), { username: 'bob' }))
  const redeem = (code_verifier: string) => {
    const body = new URLSearchParams({ ...form, code: burnt ?? '', redirect_uri: CALLBACK, code_verifier })
    return fetch(`${issuer.url}/token`, { method: 'POST', body })
  }
  expect(await step(await redeem('w'.repeat(43)))).toContain('send the code_verifier of the same sign-in')
  const ended = await step(await redeem('w'.repeat(43)))
  expect(ended).toContain('the code was ended: by a wrong verifier')
  expect(ended).toContain('send the person to /authorize again')
  expect(await step(await browser.get('/invite?token=nothing'))).toContain('signet invite')
  expect(await step(await browser.get('/account/nothing'))).toContain('compare the address')
  expect(await step(await fetch(`${issuer.url}/oauth2/tokens`))).toContain('compare the address')
})

test('a code of another time names the clock, and a used one says so', async () => {
  const issuer = await startAdministered({}, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  await addPerson(store, { username: 'ada' })
  const app = await addApp(issuer)
  const first = browserAt(issuer)
  await signInAt(first, '/account', { username: 'ada' })
  const { secret } = await turnOn(first, issuer)
  const browser = browserAt(issuer)
  const page = await signInAt(browser, authorizePath(app), { username: 'ada' })
  expect(page.page).toBe('second')
  const fiveMinutesAgo = codeAt(secret, issuer.clock.now() - 300_000)
  const late = await explain(issuer, await enter(browser, page, fiveMinutesAgo))
  expect(late).toContain('the code belongs to 300 seconds ago')
  expect(late).toContain('clock: set the clock of the phone')
  const early = await explain(issuer, await enter(browser, page, codeAt(secret, issuer.clock.now() + 90_000)))
  expect(early).toContain('the code belongs to 90 seconds ahead')
  // Enrolment has used the code of this half-minute.
  expect(await explain(issuer, await enter(browser, page, codeAt(secret, issuer.clock.now())))).toContain(
    'the code was used already',
  )
})

test('a proxy that serves an https issuer by http is named: it loses the cookie', async () => {
  const issuer = await startAdministered({ SIGNET_ISSUER: 'https://id.example' })
  await addPerson(await storeOf(issuer), { username: 'ada' })
  const app = await addApp(issuer)
  const byHttp = { accept: 'text/html', 'x-forwarded-proto': 'http' }
  const begun = await fetch(issuer.url + authorizePath(app), { headers: byHttp, redirect: 'manual' })
  const { pathname, search } = new URL(begun.headers.get('location') ?? '', issuer.issuer)
  const blocked = await fetch(issuer.url + pathname + search, { headers: byHttp })
  expect(blocked.status).toBe(403)
  const told = await explain(issuer, blocked)
  expect(told).toContain('the browser came by http and the issuer is https, so its cookie was blocked')
  expect(told).toContain('serve the issuer by https alone')
  for (const [origin, tx] of [
    ['http://id.example', '&tx=x'],
    ['http://id.example', ''],
  ] as const) {
    const body = new URLSearchParams(`username=ada&password=x${tx}`)
    const sent = await fetch(`${issuer.url}/login`, { method: 'POST', body, headers: { accept: 'text/html', origin } })
    expect(await explain(issuer, sent)).toContain('serve the issuer by https alone')
  }
  const byHttps = { accept: 'text/html', 'x-forwarded-proto': 'https' }
  const other = await fetch(issuer.url + pathname + search, { headers: byHttps })
  expect(await explain(issuer, other)).toContain('in one browser that takes cookies of this site')
})

test('a client whose clock is wrong is told so: by its assertion, and by its DPoP proof', async () => {
  const issuer = await startAdministered()
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] }
  const { clientId } = await createClient(issuer.operator, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: keys,
  })
  const ask = (form: Record<string, string>, headers: Record<string, string> = {}) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...form })
    return fetch(`${issuer.url}/token`, { method: 'POST', body, headers })
  }
  const now = Math.floor(issuer.clock.now() / 1000)
  for (const offset of [-3600, 3600]) {
    const claims = { iat: now + offset, exp: now + offset + 60 }
    const answer = await ask({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertionOf(clientId, issuer, privateKey, { claims }),
    })
    expect(answer.status).toBe(401)
    expect(await explain(issuer, answer)).toContain('clock: set the clocks of the client and of this server')
  }
  const { clientId: other, secret } = await createClient(issuer.operator)
  const late = { ...issuer, clock: movableClock() }
  late.clock.jump(-600)
  const dpop = await proofOf(late, { privateKey, publicKey }, { htm: 'POST', path: '/token' })
  const refused = await ask({ client_id: other, client_secret: secret }, { DPoP: dpop })
  expect(refused.status).toBe(400)
  expect(await explain(issuer, refused)).toContain('clock: set the clocks of the client and of this server')
})
