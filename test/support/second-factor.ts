/** Authenticator apps of test persons. */
import { Secret, TOTP } from 'otpauth'
import type { TestIssuer } from './issuer.ts'
import { textOf, type BrowserLike, type Seen } from './browser-like.ts'

/** The code that an app shows. */
export const codeAt = (secret: string, timestamp: number): string =>
  TOTP.generate({ secret: Secret.fromBase32(secret), digits: 6, period: 30, timestamp })

/** The secret on a page that sets an app up. */
export const secretOn = (seen: Seen): string => seen.all('data-secret').map(textOf).join('').trim()

/** The recovery codes on a page. */
export const codesOn = (seen: Seen): string[] =>
  seen.all('data-recovery-codes').flatMap((list) => textOf(list).match(/[0-9A-Z]{5}-[0-9A-Z]{5}/g) ?? [])

/** Sets an app up for the person who is signed in. */
export async function turnOn(browser: BrowserLike, issuer: TestIssuer): Promise<{ secret: string; codes: string[] }> {
  const setup = await browser.submit(await browser.get('/account/two-factor'), {}, 'enable-totp')
  const secret = secretOn(setup)
  const shown = await browser.submit(setup, { code: codeAt(secret, issuer.clock.now()) }, 'confirm-totp')
  return { secret, codes: codesOn(shown) }
}

/** Types a code on the page of the second step, or of recovery. */
export const enter = (browser: BrowserLike, seen: Seen, code: string): Promise<Seen> =>
  browser.submit(seen, { code }, 'verify')

/** The hidden fields of the page's own form: the last one, since the first may sign out. */
export function formOn({ forms }: Seen): Record<string, string> {
  const { csrf = '', tx } = forms.at(-1)?.values ?? {}
  return { csrf, ...(tx !== undefined && { tx }) }
}
