/** The app of the embedded-app examples in a browser: its frame in the portal, and the person whom the app shows. */
import type { Frame, Page } from 'playwright-core'

// The global of the page, in functions that the browser runs; this program's own types know no windows.
declare const document: any

/** The app's frame, once it shows who the person is. */
export async function appIn(page: Page): Promise<Frame> {
  const frame = await (await page.waitForSelector('#app')).contentFrame()
  if (!frame) throw new Error('the portal has no frame')
  await showing(frame, '"jti"')
  return frame
}

/** Waits until the app shows a text in the claims of the person. */
const showing = (frame: Frame, text: string) =>
  frame.waitForFunction((each) => document.querySelector('#me')?.textContent.includes(each) === true, text)

/** Waits until the app does not show a value in the claims of the person any more. */
export const showingAnother = (frame: Frame, than: unknown) =>
  frame.waitForFunction((old) => document.querySelector('#me')?.textContent.includes(old) === false, String(than))

export const claimsShown = async (frame: Frame): Promise<Record<string, unknown>> =>
  JSON.parse((await frame.textContent('#me')) ?? '') as Record<string, unknown>
