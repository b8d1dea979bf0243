/**
 * The portal and the app that it embeds, started by their one command: over HTTP, and in a real browser.
 *
 * Not again on PostgreSQL: each example brings a database of its own.
 */
import type { Browser, BrowserContext, Frame, Page } from 'playwright-core'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { bearer, claimsOf, request } from '../support/client.ts'
import { launchBrowser, withoutBrowser } from './browser.ts'
import { foreignOrigin } from './foreign-origin.ts'
import { appIn, claimsShown, showingAnother } from './framed-app.ts'
import { opens, startExample, withClaims } from './run-example.ts'

// The globals of the pages, in functions that the browser runs; this program's own types know no windows.
declare const document: any
declare const location: any
declare const window: any

let portal: string
let app: string
let signet: string
let stop: () => Promise<number | string>

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  const example = await startExample('embedded-app', {}, (end) => ends.push(end))
  ;[portal, app, signet] = [example.place('portal'), example.place('app'), example.place('signet')]
  stop = example.interrupt
  return async () => {
    for (const end of ends) await end()
  }
})

/** The message that the portal's page would forward for this person. */
async function forwarded(person: string): Promise<{ token: string; organisation: string }> {
  const signedIn = await request(`${portal}/sign-in`, { form: { person } })
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const { status, body, text } = await request(`${portal}/forwarded-token`, { method: 'POST', headers: { cookie } })
  if (status !== 200) throw new Error(text)
  return body as { token: string; organisation: string }
}

describe('over HTTP', () => {
  test('the forwarded token is for the organisation, by keys of its own, and says who the person is', async () => {
    const { token, organisation } = await forwarded('ada')
    expect(organisation).toBe('org_acme')
    expect(claimsOf(token)).toMatchObject({
      iss: signet,
      aud: 'org_acme',
      sub: 'ada',
      email: 'ada@acme.example',
      username: 'Ada',
      role: 'admin',
      teams: ['sales', 'legal'],
    })
    const kids = async (path: string) =>
      ((await request(signet + path)).body.keys as { kid: string }[]).map(({ kid }) => kid)
    const [acme, globex, shared] = [
      await kids('/jwks/org_acme'),
      await kids('/jwks/org_globex'),
      await kids('/.well-known/jwks.json'),
    ]
    expect(new Set([...acme, ...globex, ...shared]).size).toBe(acme.length + globex.length + shared.length)
  })

  test('an organisation’s API takes its own tokens and no other’s', async () => {
    const [ada, lin] = [await forwarded('ada'), await forwarded('lin')]
    expect(await opens(`${app}/org_acme/api/me`, ada.token)).toBe('200')
    expect(await opens(`${app}/org_globex/api/me`, lin.token)).toBe('200')
    expect(await opens(`${app}/org_globex/api/me`, ada.token)).toBe('401 unknown_key')
    expect(await opens(`${app}/org_acme/api/me`, lin.token)).toBe('401 unknown_key')
    expect(await opens(`${app}/org_acme/api/me`)).toBe('401 missing_token')
    expect(await opens(`${app}/org_acme/api/me`, withClaims(ada.token, { role: 'owner' }))).toBe(
      '401 invalid_signature',
    )
    expect(await opens(`${app}/org_acme/api/settings`, ada.token)).toBe('200')
    expect(await opens(`${app}/org_globex/api/settings`, lin.token)).toBe('403 insufficient_scope')
    const { body } = await request(`${app}/org_acme/api/me`, { headers: bearer(ada.token) })
    expect(body.claims).toEqual(claimsOf(ada.token))
  })

  test('nobody gets a token without having signed in', async () => {
    expect((await request(`${portal}/forwarded-token`, { method: 'POST' })).status).toBe(401)
    const headers = { cookie: 'portal_session=guessed' }
    expect((await request(`${portal}/forwarded-token`, { method: 'POST', headers })).status).toBe(401)
  })

  test('both pages say what may run in them and who may frame them', async () => {
    const policyOf = async (url: string) => (await request(url)).headers.get('content-security-policy')
    const atApp = await policyOf(`${app}/org_acme/`)
    const atPortal = await policyOf(`${portal}/`)
    expect(atApp).toContain(`frame-ancestors ${portal};`)
    expect(atPortal).toContain(`frame-src ${app};`)
    expect(atPortal).toContain(`frame-ancestors 'none'`)
    for (const policy of [atApp, atPortal]) {
      expect(policy).toContain(`default-src 'none'; script-src 'self';`)
      expect(policy).not.toMatch(/unsafe|\*/)
    }
    for (const url of [`${app}/org_acme/`, `${portal}/`]) {
      const { text, headers } = await request(url)
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/)
    }
  })
})

if (withoutBrowser !== undefined) console.warn(`SKIPPED: the embedded app in a browser: ${withoutBrowser}`)

describe.skipIf(withoutBrowser !== undefined)('in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launchBrowser()
    return () => browser.close()
  })

  async function newContext(): Promise<{ context: BrowserContext; faults: string[] }> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const faults: string[] = []
    context.on('weberror', (fault) => faults.push(fault.error().message))
    return { context, faults }
  }

  async function signIn(page: Page, person = 'ada'): Promise<Frame> {
    await page.goto(portal)
    // While nobody is signed in, the page has no frame, so the next frame is that of the signed-in person.
    await page.waitForSelector('#app', { state: 'detached' })
    await page.selectOption('select', person)
    await page.click('button')
    return appIn(page)
  }

  test('the token leaves the address bar, and the app’s API says who the person is', async () => {
    const { context, faults } = await newContext()
    const page = await context.newPage()
    const frame = await signIn(page)
    expect(await frame.textContent('#username')).toBe('Ada')
    expect(await claimsShown(frame)).toMatchObject({ aud: 'org_acme', email: 'ada@acme.example', role: 'admin' })
    expect(await frame.evaluate(() => location.href)).toBe(`${app}/org_acme/`)
    expect(await page.evaluate(() => location.href)).toBe(`${portal}/`)
    expect(faults).toEqual([])
  })

  test('no server is sent the token but the app’s API, and there as Bearer', async () => {
    const { context } = await newContext()
    const page = await context.newPage()
    const sent: { url: string; headers: Record<string, string>; body: string | null }[] = []
    page.on('request', (each) => sent.push({ url: each.url(), headers: each.headers(), body: each.postData() }))
    const frame = await signIn(page)
    const { jti } = await claimsShown(frame)
    // A fragment is part of the address that the browser opens, and of nothing that it sends.
    const withToken = sent.filter((each) => /eyJ/.test(JSON.stringify({ ...each, url: each.url.split('#')[0] })))
    expect(withToken.map(({ url }) => url)).toEqual([`${app}/org_acme/api/me`])
    const { authorization = '' } = withToken[0]?.headers ?? {}
    expect(claimsOf(authorization.replace('Bearer ', '')).jti).toBe(jti)
  })

  test('a new token comes by postMessage', async () => {
    const { context } = await newContext()
    const page = await context.newPage()
    const frame = await signIn(page)
    const { jti: first } = await claimsShown(frame)
    await frame.click('#renew')
    await showingAnother(frame, first)
    const { jti: second, sub } = await claimsShown(frame)
    expect([sub, second]).toEqual(['ada', expect.any(String)])
    expect(second).not.toBe(first)
    expect(await frame.textContent('#error')).toBe('')
  })

  test('a token that the API refuses is replaced without anybody noticing', async () => {
    const { context } = await newContext()
    const page = await context.newPage()
    await signIn(page)
    const refused = page.waitForResponse((each) => each.url().endsWith('/api/me') && each.status() === 401)
    await page.evaluate((url) => {
      const element = document.querySelector('#app')
      if (element) element.src = url
    }, `${app}/org_acme/?again#token=spoiled`)
    await refused
    const frame = await appIn(page)
    expect(await frame.evaluate(() => location.href)).toBe(`${app}/org_acme/?again`)
    expect(await frame.textContent('#username')).toBe('Ada')
  })

  test('a message from another origin is ignored on both sides, even with the right id', async () => {
    const { context } = await newContext()
    // The id of a question is random; here the foreign page is given it, so that only the origin stands in its way.
    await context.addInitScript(() => {
      crypto.randomUUID = () => '00000000-0000-4000-8000-000000000000'
    })
    await signIn(await context.newPage())
    const foreign = await context.newPage()
    await foreign.goto(await foreignOrigin('<!doctype html><title>foreign</title>'))
    const opening = context.waitForEvent('page')
    await foreign.evaluate((url) => {
      Object.assign(window, { heard: [], popup: window.open(url) })
      window.addEventListener('message', ({ data }: { data: unknown }) => window.heard.push(data))
    }, portal)
    const popup = await opening
    const frame = await appIn(popup)

    // Held, so that the app is waiting for an answer while the foreign page sends its own.
    let release = (): void => {}
    const held = new Promise<void>((done) => (release = done))
    let asked = 0
    await popup.route('**/forwarded-token', async (route) => {
      asked += 1
      await held
      await route.continue()
    })
    const asking = popup.waitForRequest('**/forwarded-token')
    const { jti: first } = await claimsShown(frame)
    await frame.click('#renew')
    await asking
    await foreign.evaluate(() => {
      const id = '00000000-0000-4000-8000-000000000000'
      window.popup.frames[0].postMessage({ type: 'signet:token', id, token: 'forged' }, '*')
      window.popup.postMessage({ type: 'signet:token-request', id }, '*')
    })
    const sent: string[] = []
    popup.on('request', (each) => {
      if (each.url().endsWith('/api/me')) sent.push(each.headers().authorization ?? '')
    })
    release()
    await showingAnother(frame, first)
    expect(asked).toBe(1)
    expect(sent.map((each) => each.startsWith('Bearer eyJ'))).toEqual([true])
    expect(await foreign.evaluate(() => window.heard)).toEqual([])
  })

  test('another origin cannot frame the app', async () => {
    const { context } = await newContext()
    const page = await context.newPage()
    const { token } = await forwarded('ada')
    const told: string[] = []
    page.on('console', (message) => told.push(message.text()))
    const called: string[] = []
    page.on('request', (each) => called.push(new URL(each.url()).pathname))
    const foreign = await foreignOrigin(`<!doctype html><iframe src="${app}/org_acme/#token=${token}"></iframe>`)
    await page.goto(foreign, { waitUntil: 'load' })
    const frame = page.frames().find((each) => each !== page.mainFrame())
    expect(frame?.url()).toMatch(/^chrome-error:/)
    expect(told.join('\n')).toContain(`frame-ancestors ${portal}`)
    expect(called).not.toContain('/pages/app.js')
  })

  test('on its own, outside the portal, the app has no token and says so', async () => {
    const { context } = await newContext()
    const page = await context.newPage()
    await page.goto(`${app}/org_acme/`)
    await page.waitForFunction(() => document.querySelector('#error')?.textContent.length > 0)
    expect(await page.textContent('#error')).toContain('no embedding page')
    expect(await page.textContent('#me')).toBe('')
  })
})

test('Ctrl-C ends it with exit code 0, whoever follows the feed', async () => {
  expect(await stop()).toBe(0)
})
