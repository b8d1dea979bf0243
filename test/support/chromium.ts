/** Chromium for tests of pages, with an authenticator that answers by itself. */
import type { CDPSession, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { launchBrowser, withoutBrowser } from '../examples/browser.ts'

export const hasChromium = withoutBrowser === undefined
if (!hasChromium) console.warn(`${withoutBrowser}; tests in a browser are skipped`)

/** A page of a fresh browser, which is closed when the test ends. */
export async function openPage(): Promise<Page> {
  const browser = await launchBrowser()
  onTestFinished(() => browser.close())
  return (await browser.newContext({ locale: 'en' })).newPage()
}

export interface VirtualAuthenticator {
  session: CDPSession
  id: string
  /** Ids of the passkeys that it keeps, base64. */
  credentials(): Promise<string[]>
}

/** Gives a page an authenticator. @param isUserVerified whether it verifies its user */
export async function addAuthenticator(page: Page, isUserVerified = true): Promise<VirtualAuthenticator> {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId: id } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified,
      automaticPresenceSimulation: true,
    },
  })
  return {
    session,
    id,
    async credentials() {
      const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId: id })
      return credentials.map(({ credentialId }) => credentialId)
    },
  }
}
