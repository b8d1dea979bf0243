/**
 * A token forwarded to an embedded app: taken from the fragment, sent as Bearer, renewed by messages between
 * exactly two origins. The two windows are stand-ins for a browser's; the code is the package's own.
 */
import { afterEach, expect, test, vi } from 'vitest'

interface EmbeddedToken {
  current(): string | undefined
  refresh(): Promise<string>
  fetch(input: string, init?: RequestInit): Promise<Response>
  close(): void
}

interface Browser {
  receiveToken(options: { parentOrigin: string; apiOrigins?: string[]; timeoutMs?: number }): EmbeddedToken
  answerTokenRequests(options: { frame: unknown; appOrigin: string; getToken: () => Promise<string> }): () => void
}

// Loaded by its address: a program for servers has no types for windows, and must not get them from here.
const address = new URL('../../verifier/src/browser.ts', import.meta.url).href
const { receiveToken, answerTokenRequests } = (await import(/* @vite-ignore */ address)) as Browser

const PORTAL = 'https://portal.example'
const APP = 'https://app.example'

/** A window that delivers messages as browsers do: only where the target origin is the receiver's. */
class FakeWindow extends EventTarget {
  readonly origin: string
  sender: FakeWindow | undefined
  parent: FakeWindow = this
  readonly received: unknown[] = []

  constructor(origin: string) {
    super()
    this.origin = origin
  }

  postMessage(data: unknown, targetOrigin: string): void {
    if (targetOrigin !== this.origin) return
    this.received.push(data)
    this.deliver(data, this.sender?.origin ?? '', this.sender)
  }

  deliver(data: unknown, origin: string, source: unknown): void {
    queueMicrotask(() => this.dispatchEvent(Object.assign(new Event('message'), { data, origin, source })))
  }
}

function embed(hash: string, { parentOrigin = PORTAL } = {}) {
  const [portal, app] = [new FakeWindow(parentOrigin), new FakeWindow(APP)]
  portal.sender = app
  app.sender = portal
  app.parent = portal
  const shown: string[] = []
  const sent: Request[] = []
  const answers: Response[] = []
  const at = (window: FakeWindow) => vi.stubGlobal('window', window)
  at(app)
  vi.stubGlobal('location', { hash, origin: APP, pathname: '/embed', search: '?x=1' })
  vi.stubGlobal('history', {
    state: null,
    replaceState: (_state: unknown, _title: string, url: string) => shown.push(url),
  })
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push(request)
    return answers.shift() ?? new Response('{}')
  })
  return { portal, app, shown, sent, answers, at }
}

const answering = (scene: ReturnType<typeof embed>, getToken: () => Promise<string>) => {
  scene.at(scene.portal)
  const end = answerTokenRequests({ frame: { contentWindow: scene.app }, appOrigin: APP, getToken })
  scene.at(scene.app)
  return end
}

afterEach(() => vi.unstubAllGlobals())

test('the token leaves the address bar and the history, the rest of the fragment stays', () => {
  const { shown } = embed('#token=abc.def.ghi&tab=2')
  const token = receiveToken({ parentOrigin: PORTAL })
  expect(token.current()).toBe('abc.def.ghi')
  expect(shown).toEqual(['/embed?x=1#tab=2'])
  token.close()
  expect(token.current()).toBeUndefined()
})

test('it is sent as Bearer to the app’s own origin and to nobody else', async () => {
  const { sent } = embed('#token=one')
  const token = receiveToken({ parentOrigin: PORTAL, apiOrigins: [APP, 'https://api.example'] })
  await token.fetch(`${APP}/orders`)
  await token.fetch('https://api.example/orders', { method: 'POST', body: 'x' })
  expect(sent.map((request) => request.headers.get('authorization'))).toEqual(['Bearer one', 'Bearer one'])
  await expect(token.fetch('https://evil.example/')).rejects.toThrow(/apiOrigins/)
  expect(sent).toHaveLength(2)
})

test('after a 401 it asks the embedding page once and sends the request again', async () => {
  const scene = embed('#token=old')
  let asked = 0
  answering(scene, async () => `new-${++asked}`)
  scene.answers.push(new Response('{}', { status: 401 }), new Response('{}', { status: 401 }))
  const token = receiveToken({ parentOrigin: PORTAL })
  const responses = await Promise.all([1, 2].map(() => token.fetch(`${APP}/`, { method: 'POST', body: 'body' })))
  expect(responses.map(({ status }) => status)).toEqual([200, 200])
  expect(asked).toBe(1)
  expect(scene.sent.map((request) => request.headers.get('authorization'))).toEqual([
    'Bearer old',
    'Bearer old',
    'Bearer new-1',
    'Bearer new-1',
  ])
  expect(await scene.sent[3]?.text()).toBe('body')
})

test('another embedding page gets no question, and a message from elsewhere is no answer', async () => {
  const stranger = embed('', { parentOrigin: 'https://evil.example' })
  await expect(receiveToken({ parentOrigin: PORTAL, timeoutMs: 30 }).refresh()).rejects.toThrow(/gave no token/)
  expect(stranger.portal.received).toEqual([])

  const scene = embed('')
  const asking = receiveToken({ parentOrigin: PORTAL, timeoutMs: 100 }).refresh()
  const { id } = scene.portal.received[0] as { id: string }
  const forged = { type: 'signet:token', id, token: 'forged' }
  scene.app.deliver(forged, 'https://evil.example', scene.portal)
  scene.app.deliver(forged, PORTAL, scene.app)
  scene.app.deliver({ ...forged, id: 'another' }, PORTAL, scene.portal)
  for (const data of [null, 17, 'x', { type: 'signet:token' }]) scene.app.deliver(data, PORTAL, scene.portal)
  await expect(asking).rejects.toThrow(/gave no token/)
})

test('the embedding page answers its one frame at its one origin', async () => {
  const scene = embed('')
  const getToken = vi.fn(async () => 'fresh')
  const end = answering(scene, getToken)
  const question = { type: 'signet:token-request', id: 'one' }
  scene.portal.deliver(question, 'https://evil.example', scene.app)
  scene.portal.deliver(question, APP, scene.portal)
  scene.portal.deliver({ type: 'other', id: 'one' }, APP, scene.app)
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(getToken).not.toHaveBeenCalled()
  expect(await receiveToken({ parentOrigin: PORTAL }).refresh()).toBe('fresh')
  scene.at(scene.portal)
  end()
  scene.at(scene.app)
  await expect(receiveToken({ parentOrigin: PORTAL, timeoutMs: 30 }).refresh()).rejects.toThrow(/gave no token/)
})

test('an embedding page without a token says so at once', async () => {
  const scene = embed('')
  answering(scene, () => Promise.reject(new Error('signed out: secret details')))
  await expect(receiveToken({ parentOrigin: PORTAL }).refresh()).rejects.toThrow('the embedding page has no token')
  expect(JSON.stringify(scene.app.received)).not.toContain('secret details')
})

test('origins have to be exact', () => {
  embed('')
  for (const parentOrigin of ['*', 'https://portal.example/', 'portal.example', 'null'])
    expect(() => receiveToken({ parentOrigin })).toThrow(/parentOrigin/)
})
