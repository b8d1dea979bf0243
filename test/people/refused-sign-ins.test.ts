/** `signet doctor --request ID --log`: why a sign-in was refused, and the step that helps. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRequestFromLog } from '../../src/doctor/refused-request.ts'
import { startAdministered, type AdministeredIssuer } from '../support/admin.ts'
import type { Seen } from '../support/browser-like.ts'
import { addApp, addPerson, authorizePath, browserAt, signInAt, storeOf } from '../support/people.ts'

async function explain(issuer: AdministeredIssuer, seen: Pick<Seen, 'headers'>): Promise<string> {
  const file = join(issuer.folder, 'log')
  writeFileSync(file, issuer.logged.join('\n'))
  const checks = await readRequestFromLog(seen.headers.get('x-request-id') ?? '', file)
  return JSON.stringify(checks)
}

test('the doctor names the fault of each refused sign-in', async () => {
  const issuer = await startAdministered()
  const store = await storeOf(issuer)
  await addPerson(store, { username: 'ada' })
  const app = await addApp(issuer)
  const at = (more: Record<string, string | undefined>, client = app) =>
    browserAt(issuer).get(authorizePath(client, more))

  const mismatch = await explain(issuer, await at({ redirect_uri: 'https://app.example/other' }))
  expect(mismatch).toContain('redirect URI mismatch: the path')
  expect(mismatch).toContain(`signet client update ${app} --add-redirect-uri URI`)

  const pkce = await explain(issuer, await at({ code_challenge: undefined, code_challenge_method: undefined }))
  expect(pkce).toContain('PKCE required')
  expect(pkce).toContain('--require-pkce false')

  expect(await explain(issuer, await at({ prompt: 'none' }))).toContain('nobody is signed in')

  const browser = browserAt(issuer)
  await signInAt(browser, authorizePath(app), { username: 'ada' })
  const dropped = await explain(issuer, await browser.get(authorizePath(app, { scope: 'openid orders:read' })))
  expect(dropped).toContain('scope dropped: orders:read')

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

  const form = await browser.get(authorizePath(app, { prompt: 'login' }))
  const elsewhere = await browserAt(issuer).get(`/login?tx=${new URL(form.url).searchParams.get('tx') ?? ''}`)
  expect(await explain(issuer, elsewhere)).toContain('its cookie was blocked')
})
