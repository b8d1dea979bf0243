/** A person's browser between an app and Signet: it goes to the app, signs in on Signet's page, and comes back. */
import { BrowserLike, type Seen } from '../support/browser-like.ts'

export interface PersonBrowser {
  app: BrowserLike
  signet: BrowserLike
}

export const personBrowser = (app: string, signet: string): PersonBrowser => ({
  app: new BrowserLike(app),
  signet: new BrowserLike(signet),
})

/** The first page of Signet to which the app sends the browser; away where Signet sends it back at once. */
export async function atSignet({ app, signet }: PersonBrowser, path: string): Promise<Seen> {
  const { isAway, url, status } = await app.get(path)
  if (!isAway) throw new Error(`the app answered ${status} and sent nobody to Signet`)
  return signet.get(url.href)
}

/** Opens a path of the app that begins a sign-in; returns what the app's callback answers. */
export async function signInThrough(
  browser: PersonBrowser,
  path: string,
  person: { username: string; password: string },
): Promise<Seen> {
  const page = await atSignet(browser, path)
  const back = page.isAway ? page : await browser.signet.submit(page, person, 'sign-in')
  if (!back.isAway) throw new Error(`Signet shows ${back.page} ${back.error ?? ''}: ${back.text}`)
  return browser.app.get(back.url.href)
}
