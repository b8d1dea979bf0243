/** Passkeys as people use them: Chromium, the pages with their script, and a virtual authenticator. */
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { addAuthenticator, hasChromium, openPage } from '../support/chromium.ts'
import type { AdministeredIssuer } from '../support/admin.ts'
import { addApp, addPerson, authorizePath, PASSWORD, storeOf } from '../support/people.ts'
import { startWithApi } from '../support/shared.ts'

async function start(env: Record<string, string> = {}) {
  const issuer = await startWithApi(env)
  const store = await storeOf(issuer)
  const person = await addPerson(store, { username: 'ada' })
  const page = await openPage()
  const authenticator = await addAuthenticator(page)
  return { issuer, store, person, page, authenticator }
}

async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.getByLabel('Username or email').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

const passkeysOf = ({ issuer }: AdministeredIssuer): string => `${issuer}/login?return_to=/account/passkeys`

/** The client is given a code. Its host is none, so the navigation itself fails. */
const atClient = (page: Page) => page.waitForRequest(/^https:\/\/app\.example\/callback\?(?:.*&)?code=/)

/** Ends the session in the browser; its known browser and its passkeys stay. */
const forget = (page: Page) => page.context().clearCookies({ name: 'signet_session' })

describe.skipIf(!hasChromium)('in Chromium', () => {
  test('a passkey is added, listed, used to sign in, and removed', async () => {
    const { issuer, page, authenticator, store, person } = await start()
    await signIn(page, passkeysOf(issuer))
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.waitForURL(/done=passkey_added/)
    expect(await authenticator.credentials()).toHaveLength(1)
    await forget(page)
    await page.goto(passkeysOf(issuer))
    // The suggestion of the form may have answered already: the authenticator needs no hand.
    await page
      .getByRole('button', { name: 'Use a passkey' })
      .click({ timeout: 3000 })
      .catch(() => {})
    await page.waitForURL(/\/account\/passkeys/)
    expect(await store.listPasskeys(person.id)).toMatchObject([{ userId: person.id }])
    await page.getByRole('button', { name: /^Remove/ }).click()
    await page.waitForURL(/done=passkey_removed/)
    expect(await store.listPasskeys(person.id)).toEqual([])
  })

  test('a second passkey of one device is refused by an alert alone: the notice of the first is gone', async () => {
    const { issuer, page } = await start()
    await signIn(page, passkeysOf(issuer))
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.waitForURL(/done=passkey_added/)
    expect(await page.getByRole('status').allInnerTexts()).toContain('The passkey is added.')
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.getByRole('alert').waitFor()
    expect(await page.locator('[data-notice]').count()).toBe(0)
  })

  test('a passkey is the second factor after a password', async () => {
    const { issuer, page } = await start()
    await signIn(page, passkeysOf(issuer))
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.waitForURL(/done=passkey_added/)
    await forget(page)
    const clientId = await addApp(issuer, { require_acr: '2' })
    // Without the suggestion of the sign-in form, which would answer first.
    await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
    await signIn(page, `${issuer.issuer}${authorizePath(clientId)}`)
    await page.waitForURL(/\/login\/second/)
    await Promise.all([atClient(page), page.getByRole('button', { name: 'Use a passkey' }).click()])
  })

  test('where a second factor is required, a passkey is set up in the middle of the sign-in', async () => {
    const { issuer, page, store, person } = await start({ SIGNET_MFA: 'required' })
    const clientId = await addApp(issuer)
    await signIn(page, `${issuer.issuer}${authorizePath(clientId)}`)
    await page.waitForURL(/\/login\/enrol/)
    await Promise.all([atClient(page), page.getByRole('button', { name: 'Add a passkey' }).click()])
    expect(await store.listPasskeys(person.id)).toHaveLength(1)
  })

  test('a passkey that was removed is refused, and the page says so', async () => {
    const { issuer, page, store, person } = await start()
    await signIn(page, passkeysOf(issuer))
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.waitForURL(/done=passkey_added/)
    const [passkey] = await store.listPasskeys(person.id)
    await store.removePasskey({ userId: person.id, sessionId: null }, passkey?.id ?? '', () => true, {
      id: '00000000-0000-7000-8000-000000000002',
      at: 0,
      actorKind: 'cli',
      actor: 'cli',
      action: 'passkey.removed',
      target: person.id,
      requestId: null,
      details: {},
    })
    await forget(page)
    await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
    await page.goto(passkeysOf(issuer))
    expect(await page.getByRole('alert').count()).toBe(0)
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    const alert = page.getByRole('alert')
    await alert.waitFor()
    expect(await alert.getAttribute('data-error')).toBe('invalid_credentials')
    expect((await alert.innerText()).trim()).toMatch(/passkey/)
    expect(new URL(page.url()).pathname).toBe('/login')
  })
})
