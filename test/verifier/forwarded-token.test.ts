/**
 * A token forwarded to an embedded app: taken from the fragment, sent as Bearer, renewed by messages between
 * exactly two origins. The two windows are stand-ins for a browser's; the code is the package's own.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { afterEach, expect, test, vi } from 'vitest'
import { until } from '../support/admin.ts'

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
const address = new URL('../../verifiers/node/src/browser.ts', import.meta.url).href
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

const NO_TOKEN = () => Promise.reject(new Error('no token'))

/** @param src the address that the embedding page has given to the frame */
const answering = (scene: ReturnType<typeof embed>, getToken: () => Promise<string>, src?: string) => {
  scene.at(scene.portal)
  const end = answerTokenRequests({ frame: { contentWindow: scene.app, src }, appOrigin: APP, getToken })
  scene.at(scene.app)
  return end
}

afterEach(() => vi.unstubAllGlobals())

test('the token leaves the address bar and the history, the rest of the fragment stays', async () => {
  const scene = embed('#token=abc.def.ghi&tab=2')
  answering(scene, NO_TOKEN, `${APP}/embed?x=1#token=abc.def.ghi&tab=2`)
  const token = receiveToken({ parentOrigin: PORTAL })
  expect(scene.shown).toEqual(['/embed?x=1#tab=2'])
  expect(token.current()).toBeUndefined()
  await until(() => token.current() === 'abc.def.ghi')
  token.close()
  expect(token.current()).toBeUndefined()
})

test('a token counts only when the one embedding page confirms that it forwarded this very token', async () => {
  const alone = embed('#token=attackers')
  alone.app.parent = alone.app
  const opened = receiveToken({ parentOrigin: PORTAL, timeoutMs: 20 })
  await expect(opened.fetch(`${APP}/`)).rejects.toThrow(/no embedding page/)
  expect([opened.current(), alone.shown, alone.sent]).toEqual([undefined, ['/embed?x=1'], []])

  const stranger = embed('#token=attackers', { parentOrigin: 'https://evil.example' })
  answering(stranger, async () => 'attackers')
  const framed = receiveToken({ parentOrigin: PORTAL, timeoutMs: 20 })
  await expect(framed.fetch(`${APP}/`)).rejects.toThrow(/gave no token/)
  expect([framed.current(), stranger.portal.received, stranger.sent]).toEqual([undefined, [], []])

  // A link inside the app led to this fragment.
  const followed = embed('#token=attackers')
  answering(followed, async () => 'own', `${APP}/embed#token=own`)
  const token = receiveToken({ parentOrigin: PORTAL })
  await token.fetch(`${APP}/`)
  expect([token.current(), followed.sent[0]?.headers.get('authorization')]).toEqual(['own', 'Bearer own'])

  // A page of before knows no such question.
  const former = embed('#token=one')
  const answerOld = ({ data }: Event & { data?: { id?: string; type?: string } }) =>
    data?.type === 'signet:token-request' &&
    former.app.deliver({ type: 'signet:token', id: data.id, token: 'two' }, PORTAL, former.portal)
  former.portal.addEventListener('message', answerOld)
  const old = receiveToken({ parentOrigin: PORTAL, timeoutMs: 100 })
  await old.fetch(`${APP}/`)
  expect(old.current()).toBe('two')
})

test('a late confirmation takes the place of no newer token, and a closed one gets none', async () => {
  const scene = embed('#token=old')
  const token = receiveToken({ parentOrigin: PORTAL })
  const questions = scene.portal.received as { id: string; type: string }[]
  const fresh = token.refresh()
  scene.app.deliver({ type: 'signet:token', id: questions[1]?.id, token: 'fresh' }, PORTAL, scene.portal)
  expect(await fresh).toBe('fresh')
  scene.app.deliver({ type: 'signet:token-confirmed', id: questions[0]?.id, confirmed: true }, PORTAL, scene.portal)
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(token.current()).toBe('fresh')
  token.close()
  await expect(token.refresh()).rejects.toThrow('closed')
  expect(token.current()).toBeUndefined()
})

test.each([false, 'true', 1, undefined])('confirmed: %s confirms nothing', async (confirmed) => {
  const scene = embed('#token=one')
  const token = receiveToken({ parentOrigin: PORTAL })
  const [{ id }] = scene.portal.received as [{ id: string }]
  scene.app.deliver({ type: 'signet:token-confirmed', id, confirmed }, PORTAL, scene.portal)
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(token.current()).toBeUndefined()
})

test('it is sent as Bearer to the app’s own origin and to nobody else', async () => {
  const scene = embed('#token=one')
  answering(scene, NO_TOKEN)
  const token = receiveToken({ parentOrigin: PORTAL, apiOrigins: [APP, 'https://api.example'] })
  await token.fetch(`${APP}/orders`)
  await token.fetch('https://api.example/orders', { method: 'POST', body: 'x' })
  expect(scene.sent.map((request) => request.headers.get('authorization'))).toEqual(['Bearer one', 'Bearer one'])
  await expect(token.fetch('https://evil.example/')).rejects.toThrow(/apiOrigins/)
  expect(scene.sent).toHaveLength(2)
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
