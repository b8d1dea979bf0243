/** What the script of pages adds, in a browser under the policy of the pages. */
import { describe, expect, test } from 'vitest'
import { withoutBrowser } from '../examples/browser.ts'
import { formPost, PICTURES } from '../support/gallery.ts'
import { openGallery } from './open-gallery.ts'

describe.skipIf(withoutBrowser !== undefined)('in a browser', () => {
  const { browser, url } = openGallery()

  const open = async (name: string) => {
    const page = await browser().newPage()
    const refused: string[] = []
    page.on('console', (line) => void (line.type() === 'error' && refused.push(line.text())))
    page.on('pageerror', (error) => void refused.push(error.message))
    await page.goto(`${url()}/${name}`, { waitUntil: 'domcontentloaded' })
    return { page, refused }
  }

  test('a password is shown and hidden by its button, and nothing breaks the policy', async () => {
    const { page, refused } = await open('login')
    await page.fill('#password', 'secret')
    await page.click('button.peek')
    expect(await page.getAttribute('#password', 'type')).toBe('text')
    expect(await page.getAttribute('button.peek', 'aria-pressed')).toBe('true')
    await page.click('button.peek')
    expect(await page.getAttribute('#password', 'type')).toBe('password')
    expect(refused).toEqual([])
  })

  test('a new password is told to be long enough', async () => {
    const { page } = await open('must-change')
    await page.fill('#password', 'short')
    expect(await page.textContent('[data-short]')).toBe('Too short so far.')
    await page.fill('#password', 'long enough by now')
    expect(await page.textContent('[data-short]')).toBe('Long enough.')
  })

  test('without script, every page is complete, and shows no button that does nothing', async () => {
    const context = await browser().newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    for (const name of Object.keys(PICTURES)) {
      await page.goto(`${url()}/${name}`, { waitUntil: 'domcontentloaded' })
      const buttons = page.locator('button[type=button]')
      for (const button of await buttons.all()) expect(await button.isVisible()).toBe(false)
    }
    await context.close()
  })

  test('the page that carries an answer to a client sends itself, with its values as they are', async () => {
    PICTURES['sends-itself'] = formPost
    const context = await browser().newContext()
    const page = await context.newPage()
    const posted = page.waitForRequest('https://grafana.example.com/callback')
    await context.route('https://grafana.example.com/**', (route) => route.fulfill({ status: 200, body: 'arrived' }))
    await page.goto(`${url()}/sends-itself`, { waitUntil: 'commit' })
    const request = await posted
    expect(request.method()).toBe('POST')
    expect(new URLSearchParams(request.postData() ?? '').getAll('state')).toEqual(['MacBook of Ada'])
    await context.close()
    delete PICTURES['sends-itself']
  })
})
