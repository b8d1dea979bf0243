/** /docs: the page and its files over HTTP, and in a real browser under its own policy. */
import { decodeJwt } from 'jose'
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseRaw, sendRaw } from '../harness/raw.ts'
import { contrastOf } from '../src/ground/contrast.ts'
import { launchBrowser, withoutBrowser } from './examples/browser.ts'
import { request } from './support/client.ts'
import { startTestIssuer } from './support/issuer.ts'
import { signet } from './support/process.ts'
import { registered, shareWithApi } from './support/shared.ts'

// The globals of the page, in functions that the browser runs; this program's own types know no windows.
declare const document: any
declare const getComputedStyle: any
declare const window: any

const shared = shareWithApi()

/** The addresses that the page names, as it names them. */
async function filesOf(page: string): Promise<string[]> {
  const { text } = await request(page)
  return [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, at]) => at ?? '')
}

describe('over HTTP', () => {
  test('the page says who it is, and has no script or style in it', async () => {
    const { status, headers, text } = await request(`${shared().url}/docs`)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(text).toMatch(/<title>Signet[^<]*<\/title>/)
    expect(text).toContain('<a href="openapi.json">')
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/)
  })

  test('every answer below it lets nothing be loaded from elsewhere, framed, guessed or told on', async () => {
    for (const path of ['/docs', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css', '/docs/start.js']) {
      const { headers } = await request(shared().url + path)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'; script-src 'self';")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toMatch(/unsafe-eval|https?:|\*|script-src[^;]*(unsafe|data:)/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
    }
  })

  test('its files are there under relative addresses, to be kept for good, since other files have others', async () => {
    const files = (await filesOf(`${shared().url}/docs`)).filter((at) => at.startsWith('docs/'))
    expect(files.map((at) => at.replace(/\?v=[\w-]{22}$/, ''))).toEqual([
      'docs/swagger-ui.css',
      'docs/page.css',
      'docs/swagger-ui-bundle.js',
      'docs/start.js',
    ])
    for (const at of files) {
      const { status, headers } = await request(`${shared().url}/${at}`)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toBe(`text/${at.includes('.css') ? 'css' : 'javascript'}; charset=utf-8`)
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      const other = await request(`${shared().url}/${at}x`)
      expect(other.headers.get('cache-control')).toBe('public, no-cache')
      const again = await request(`${shared().url}/${at}`, { headers: { 'if-none-match': headers.get('etag') ?? '' } })
      expect(again).toMatchObject({ status: 304, text: '' })
    }
  })

  test('HEAD is answered as GET is, without the body', async () => {
    for (const path of ['/docs', '/docs/start.js']) {
      const [get, head] = [await request(shared().url + path), await request(shared().url + path, { method: 'HEAD' })]
      expect(head).toMatchObject({ status: 200, text: '' })
      for (const name of ['content-type', 'content-security-policy', 'etag', 'cache-control'])
        expect(head.headers.get(name)).toBe(get.headers.get(name))
    }
  })

  test('nothing else is served from its folder', async () => {
    for (const name of [
      'index.html',
      'package.json',
      '..%2Fpackage.json',
      '%2Fetc%2Fpasswd',
      '__proto__',
      'constructor',
    ]) {
      const answer = await request(`${shared().url}/docs/${name}`)
      expect(answer, name).toMatchObject({ status: 404, body: { error: 'invalid_request' } })
    }
  })
})

describe('a token of the demo client', () => {
  const ask = (at: { url: string }, headers: Record<string, string> = {}) =>
    request(`${at.url}/docs/demo-token`, { method: 'POST', headers })
  const hasDemo = async (at: { url: string }) => (await request(`${at.url}/docs`)).text.includes(' data-demo>')

  test('is given to the page of an issuer at localhost, for the demo resource alone', async () => {
    const issuer = await startTestIssuer()
    expect(await hasDemo(issuer)).toBe(true)
    const { status, headers, body } = await ask(issuer, { origin: issuer.issuer })
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(body).toMatchObject({ scope: 'demo:read', token_type: 'Bearer' })
    expect(body).not.toHaveProperty('refresh_token')
    expect(decodeJwt(body.access_token)).toMatchObject({ sub: 'demo', aud: 'demo-api', scope: 'demo:read' })
  })

  test('is given to no other site, name or machine', async () => {
    const issuer = await startTestIssuer()
    const { port } = new URL(issuer.url)
    const own = { origin: issuer.issuer }
    const others: Record<string, string>[] = [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${port}` },
      { ...own, 'x-forwarded-for': '203.0.113.7' },
      { ...own, forwarded: 'for=203.0.113.7' },
      { ...own, via: '1.1 proxy' },
    ]
    for (const headers of others)
      expect(await ask(issuer, headers), JSON.stringify(headers)).toMatchObject({
        status: 403,
        body: { error: 'invalid_request' },
      })
    // A site whose name leads to this machine (DNS rebinding).
    const rebound = `POST /docs/demo-token HTTP/1.1\r\nHost: evil.example:${port}\r\nOrigin: ${own.origin}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
    expect(parseRaw(await sendRaw(issuer.port, rebound))?.status).toBe(403)
  })

  test('is not given once an operator has taken the demo client away', async () => {
    const issuer = await startTestIssuer()
    expect((await signet(['client', 'disable', 'demo'], issuer.env)).code).toBe(0)
    await expect.poll(() => hasDemo(issuer), { timeout: 5000 }).toBe(false)
    expect((await ask(issuer, { origin: issuer.issuer })).status).toBe(404)
  })

  test('is nothing that an issuer with a public name knows', async () => {
    const issuer = await startTestIssuer({ SIGNET_ISSUER: 'https://auth.example' })
    expect(await hasDemo(issuer)).toBe(false)
    expect((await ask(issuer, { origin: 'https://auth.example' })).status).toBe(405)
  })
})

if (withoutBrowser !== undefined) console.warn(`SKIPPED: the page /docs in a browser: ${withoutBrowser}`)

describe.skipIf(withoutBrowser !== undefined)('in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launchBrowser()
    return () => browser.close()
  })

  /** Opens the page and notes what must not be: errors, violations of its policy, requests that leave its origin. */
  async function open(url: string): Promise<{ page: Page; faults: string[] }> {
    const faults: string[] = []
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(message.text())
    })
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('request', (sent) => {
      const { protocol, origin } = new URL(sent.url())
      if (protocol !== 'data:' && origin !== new URL(url).origin) faults.push(`request to ${sent.url()}`)
    })
    await page.addInitScript(() => {
      window.violations = []
      document.addEventListener('securitypolicyviolation', (event: any) => {
        window.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`)
      })
    })
    await page.goto(url)
    await page.waitForSelector('.opblock')
    return { page, faults }
  }

  const violationsOf = (page: Page): Promise<string[]> => page.evaluate(() => window.violations)

  /** The contrast of a text with the first ground below it that is not see-through. */
  async function contrastOfText(page: Page, selector: string): Promise<number> {
    const [text, ground] = await page
      .locator(selector)
      .first()
      .evaluate((element: any) => {
        const colours = (each: any): string[] =>
          each === null ? [] : [getComputedStyle(each).backgroundColor, ...colours(each.parentElement)]
        const grounds = colours(element).filter((colour) => !/, 0(\.\d+)?\)$/.test(colour))
        return [getComputedStyle(element).color, grounds[0] ?? 'rgb(255, 255, 255)']
      })
    const hex = (colour = '') =>
      `#${[...colour.matchAll(/\d+/g)]
        .slice(0, 3)
        .map(([part]) => Number(part).toString(16).padStart(2, '0'))
        .join('')}`
    return contrastOf(hex(text), hex(ground))
  }

  /** Opens an operation, sends it as a reader would, and returns the status and body that the page shows. */
  async function tryOut(page: Page, operationId: string): Promise<{ status: string; body: string }> {
    const block = page.locator(`[id$="-${operationId}"]`)
    await block.locator('.opblock-summary-control').first().click()
    await block.locator('.try-out__btn').click()
    await block.locator('.execute').click()
    const answer = block.locator('.live-responses-table .response')
    await answer.waitFor()
    return {
      status: await answer.locator('.response-col_status').innerText(),
      body: await answer.locator('.response-col_description').innerText(),
    }
  }

  test('it shows every operation of the description, without an error, a violation or a word to anybody else', async () => {
    const { page, faults } = await open(`${shared().url}/docs`)
    const { body } = await request(`${shared().url}/openapi.json`)
    const operations = Object.values<object>(body.paths).flatMap((methods) => Object.keys(methods))
    expect(await page.locator('.opblock').count()).toBe(operations.length)
    // An operation is drawn only when it is opened. One of each kind is opened, because drawing takes time.
    for (const operationId of ['issueToken', 'createClient', 'listGrants', 'readDocsFile']) {
      const block = page.locator(`[id$="-${operationId}"]`)
      await block.locator('.opblock-summary-control').first().click()
      await block.locator('.responses-table').waitFor()
    }
    await page.locator('.models-control').first().click()
    await page.getByText('ClientRegistration').first().waitFor()
    expect(await page.title()).toContain('Signet')
    expect(faults).toEqual([])
    expect(await violationsOf(page)).toEqual([])
  })

  test('it is dark where the person reads dark pages, and can be read', async () => {
    const { page, faults } = await open(`${shared().url}/docs`)
    const backgroundOf = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const light = await backgroundOf()
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.waitForSelector('html.dark-mode')
    expect([light, await backgroundOf()]).toEqual(['rgba(0, 0, 0, 0)', 'rgb(28, 32, 34)'])
    for (const each of ['header h1', 'aside:not([hidden]) p', '.opblock-summary-path', '.opblock-tag'])
      expect(await contrastOfText(page, each), each).toBeGreaterThan(4.5)
    expect(faults).toEqual([])
  })

  test('an operation is tried out: the key set, liveness', async () => {
    const { page, faults } = await open(`${shared().url}/docs`)
    expect(await tryOut(page, 'readKeys')).toMatchObject({
      status: expect.stringMatching(/^200/),
      body: expect.stringContaining('"kid"'),
    })
    expect(await tryOut(page, 'readLiveness')).toMatchObject({
      status: expect.stringMatching(/^200/),
      body: expect.stringContaining('alive'),
    })
    expect(faults).toEqual([])
    expect(await violationsOf(page)).toEqual([])
  })

  test('a client that authorises itself there is given a token', async () => {
    const client = await registered(shared())
    const { page, faults } = await open(`${shared().url}/docs`)
    await page.locator('.btn.authorize').first().click()
    const basic = page.locator('.auth-container', { hasText: 'client_secret_basic' })
    await basic.getByLabel('Username').fill(client.clientId)
    await basic.getByLabel('Password').fill(client.secret)
    await basic.locator('button.authorize').click()
    await page.locator('.btn-done').first().click()
    expect(await tryOut(page, 'issueToken')).toMatchObject({
      status: expect.stringMatching(/^200/),
      body: expect.stringContaining('"access_token"'),
    })
    expect(faults).toEqual([])
    expect(await violationsOf(page)).toEqual([])
  })

  test('the token of the demo client is filled in where a token is asked about', async () => {
    const issuer = await startTestIssuer()
    const { page, faults } = await open(`${issuer.issuer}/docs`)
    const token = await page.locator('#demo .token').innerText()
    expect(decodeJwt(token)).toMatchObject({ aud: 'demo-api' })
    const block = page.locator('[id$="-introspectToken"]')
    await block.locator('.opblock-summary-control').first().click()
    await block.locator('.try-out__btn').click()
    expect(await block.locator('tr', { hasText: 'token' }).first().locator('input').inputValue()).toBe(token)
    expect(await page.locator('#elsewhere').isVisible()).toBe(false)
    expect(faults).toEqual([])
    expect(await violationsOf(page)).toEqual([])
  })

  test('at another address than the issuer it warns, and fills nothing in', async () => {
    const issuer = await startTestIssuer()
    const other = issuer.issuer.replace('localhost', '127.0.0.1')
    const { page, faults } = await open(`${other}/docs`)
    const warning = await page.locator('#elsewhere').innerText()
    expect(warning).toContain(`This page is open at ${other}`)
    expect(warning).toContain(`${issuer.issuer}/docs`)
    expect(await page.locator('#demo').isVisible()).toBe(false)
    expect(faults).toEqual([])
  })

  test('what its policy forbids does not happen, and would be noticed', async () => {
    const { page } = await open(`${shared().url}/docs`)
    await page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'window.ran = true'
      const image = document.createElement('img')
      image.src = 'http://127.0.0.1:1/image'
      document.body.append(script, image)
    })
    await page.waitForFunction(() => window.violations.length === 2)
    expect(await page.evaluate(() => window.ran)).toBeUndefined()
    expect((await violationsOf(page)).map((each) => each.split(' ')[0]).sort()).toEqual(['img-src', 'script-src-elem'])
  })

  test('below the path of an issuer it finds its files and its description', async () => {
    const issuer = await startTestIssuer({ SIGNET_ISSUER: 'http://localhost:1/auth' })
    const { page, faults } = await open(`${issuer.url}/auth/docs`)
    expect(await page.locator('.servers select').innerText()).toContain('http://localhost:1/auth')
    expect(faults).toEqual([])
    expect(await violationsOf(page)).toEqual([])
  })
})
