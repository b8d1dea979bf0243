/** The gallery in a browser, for all tests of a file. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { launchBrowser } from '../examples/browser.ts'
import { startGallery } from '../support/gallery.ts'

/** Opens both before the tests of this group, and closes them after it. */
export function openGallery(): { browser(): Browser; url(): string } {
  let browser: Browser | undefined
  let gallery: Awaited<ReturnType<typeof startGallery>> | undefined
  beforeAll(async () => {
    browser = await launchBrowser()
    gallery = await startGallery()
  })
  afterAll(async () => {
    await browser?.close()
    gallery?.stop()
  })
  return { browser: () => opened(browser), url: () => opened(gallery).url }
}

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the gallery is open once the tests of the group run')
  return value
}
