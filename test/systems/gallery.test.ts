/** Every page in a real browser: what it looks like, whether everybody can use it, and what hostile values do in it. */
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { withoutBrowser } from '../examples/browser.ts'
import { PICTURES } from '../support/gallery.ts'
import { startTestIssuer } from '../support/issuer.ts'
import { openGallery } from './open-gallery.ts'

// The globals of the page, in functions that the browser runs; this program's own types know no windows.
declare const document: any
declare const window: any

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Where it is named, pictures of all pages are kept in this folder, and nothing is judged. */
const FOLDER = process.env.SIGNET_GALLERY
const ONLY = process.env.SIGNET_GALLERY_ONLY?.split(',')
const QUERY = process.env.SIGNET_GALLERY_QUERY ?? ''

const NAMES = Object.keys(PICTURES).filter((name) => ONLY?.includes(name) ?? true)

interface Look {
  width: number
  colorScheme: 'light' | 'dark'
  query?: string
}

describe.skipIf(withoutBrowser !== undefined)('every page in a browser', { timeout: 300_000 }, () => {
  const { browser, url } = openGallery()

  /** Opens each page in turn. */
  async function look({ width, colorScheme, query = '' }: Look, act: (page: Page, name: string) => Promise<void>) {
    const viewport = { width, height: 844 }
    const context = await browser().newContext({ colorScheme, viewport, bypassCSP: true, reducedMotion: 'reduce' })
    const page = await context.newPage()
    for (const name of NAMES) {
      await page.goto(`${url()}/${name}?${query}`, { waitUntil: 'domcontentloaded' })
      await act(page, name)
    }
    await context.close()
  }

  const widerThanWindow = (page: Page): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(AXE)
    const result: any = await page.evaluate((runOnly) => window.axe.run(document, { runOnly }), RULES)
    return result.violations.flatMap(({ id, nodes }: any) =>
      nodes.map(({ target, failureSummary }: any) => `${id}: ${target}: ${failureSummary}`),
    )
  }

  for (const [width, colorScheme] of [
    [390, 'light'],
    [1280, 'dark'],
  ] as const)
    test.skipIf(FOLDER !== undefined)(`no violation of WCAG 2.2 AA at ${width} pixels, ${colorScheme}`, async () => {
      const found: string[] = []
      await look({ width, colorScheme }, async (page, name) => {
        found.push(...(await violations(page)).map((each) => `${name}: ${each}`))
      })
      expect(found).toEqual([])
    })

  test.skipIf(FOLDER !== undefined)('the front page of a server is one of them', async () => {
    const issuer = await startTestIssuer()
    const found: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      const viewport = { width: 320, height: 844 }
      const context = await browser().newContext({ colorScheme, viewport, bypassCSP: true })
      const page = await context.newPage()
      await page.goto(issuer.url)
      found.push(...(await violations(page)))
      expect(await widerThanWindow(page)).toBe(0)
      await page.click('text=Sign in to your account')
      expect(await page.getAttribute('body', 'data-page')).toBe('login')
      await context.close()
    }
    expect(found).toEqual([])
  })

  test.skipIf(FOLDER === undefined)('pictures', async () => {
    mkdirSync(FOLDER ?? '', { recursive: true })
    for (const colorScheme of ['light', 'dark'] as const)
      for (const [device, width] of Object.entries({ phone: 390, desk: 1280 }))
        await look({ width, colorScheme, query: QUERY }, async (page, name) => {
          await page.screenshot({ path: `${FOLDER}/${name}-${device}-${colorScheme}.png`, fullPage: true })
        })
  })

  /** The words of the bar and of buttons that stand on two lines, and what leaves the window. A name may be cut. */
  const spoilt = (page: Page): Promise<string[]> =>
    page.evaluate(() => {
      const found: string[] = []
      for (const each of document.querySelectorAll('.brand, .bar span, .bar .button, .pair .button, .button.wide')) {
        const { left, right, width } = each.getBoundingClientRect()
        if (width > 0 && (left < 0 || right > window.innerWidth + 0.5)) found.push(`outside: ${each.textContent}`)
        const walker = document.createTreeWalker(each, 4)
        for (let node = walker.nextNode(); node; node = walker.nextNode())
          for (const { 0: word, index } of node.data.matchAll(/[\p{L}\p{N}]+/gu)) {
            // Names of any length may break in a button, and Chinese breaks anywhere.
            if (word.length > 30 || /\p{Script=Han}/u.test(word)) continue
            const range = document.createRange()
            range.setStart(node, index)
            range.setEnd(node, index + word.length)
            const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)))
            if (lines.size > 1) found.push(`broken: ${word}`)
          }
      }
      const bar = document.querySelector('.bar')
      const rem = parseFloat(window.getComputedStyle(document.documentElement).fontSize)
      if (bar && bar.getBoundingClientRect().height > 7.5 * rem) found.push('a tall bar')
      return found
    })

  test.skipIf(FOLDER !== undefined)('the bar and the buttons break no word and leave nothing outside', async () => {
    const people = ['Ada', 'Wolfeschlegelsteinhausenbergerdorff of the House of Somerset', 'w'.repeat(200)]
    const brands = ['Signet', 'The Analytical Engine Society of Somerset']
    const found: string[] = []
    const page = await browser().newPage({ bypassCSP: true, reducedMotion: 'reduce' })
    for (const [width, size] of [
      [320, 100],
      [390, 100],
      [560, 100],
      [1280, 100],
      [390, 200],
      [600, 200],
      [1280, 200],
    ] as const)
      for (const brand of brands)
        for (const [at, locale] of ['en', 'de', 'zh'].entries()) {
          await page.setViewportSize({ width, height: 844 })
          for (const name of ['account', 'consent', 'login-choose']) {
            const query = new URLSearchParams({ locale, brand, name: people[at] ?? '' })
            await page.goto(`${url()}/${name}?${query.toString()}`, { waitUntil: 'domcontentloaded' })
            await page.addStyleTag({ content: `html{font-size:${size}%}` })
            const all = [...(await spoilt(page)), ...((await widerThanWindow(page)) > 0 ? ['too wide'] : [])]
            found.push(...all.map((each) => `${name} at ${width}, ${size} %, ${locale}, ${brand}: ${each}`))
          }
        }
    await page.close()
    expect(found).toEqual([])
  })

  test.skipIf(FOLDER !== undefined)('nothing is wider than a window of 320 pixels, whatever the values', async () => {
    const found: string[] = []
    for (const query of ['', 'hostile', 'locale=de'])
      await look({ width: 320, colorScheme: 'light', query }, async (page, name) => {
        const pixels = await widerThanWindow(page)
        if (pixels > 0) found.push(`${name}?${query}: ${pixels}`)
      })
    expect(found).toEqual([])
  })
})
