/**
 * For an app that is embedded in a page which forwards it a token: takes the token from the URL's fragment,
 * keeps it in memory alone, and asks the embedding page for a new one. Both sides name the one origin that
 * they talk to. Runs in browsers, needs nothing.
 */

export interface EmbeddedTokenOptions {
  /** The one origin of the embedding page, such as `https://portal.example`. */
  parentOrigin: string
  /** The fragment parameter that holds the token. Default `token`. */
  parameter?: string
  /** Origins that the token may be sent to. Default: the app's own alone. */
  apiOrigins?: readonly string[]
  /** How long to wait for a new token, in milliseconds. Default 5000. */
  timeoutMs?: number
}

export interface EmbeddedToken {
  /** The token at hand, if there is one. */
  current(): string | undefined
  /** Asks the embedding page for a new one; one question is under way at most. */
  refresh(): Promise<string>
  /** `fetch` with the token as Bearer; after a 401 it asks for a new token and tries once more. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** Forgets the token. */
  close(): void
}

const REQUEST = 'signet:token-request'
const ANSWER = 'signet:token'

/** Takes the token out of the address bar, before anybody can bookmark or log it. */
export function receiveToken(options: EmbeddedTokenOptions): EmbeddedToken {
  const parentOrigin = requireOrigin('parentOrigin', options.parentOrigin)
  const origins = (options.apiOrigins ?? [location.origin]).map((origin) => requireOrigin('apiOrigins', origin))
  const timeoutMs = options.timeoutMs ?? 5000
  let token = takeFromFragment(options.parameter ?? 'token')
  let asking: Promise<string> | undefined
  const closing = new AbortController()

  const refresh = (): Promise<string> => {
    asking ??= askParent(parentOrigin, timeoutMs, closing.signal)
      .then((fresh) => (token = fresh))
      .finally(() => (asking = undefined))
    return asking
  }

  return {
    current: () => token,
    refresh,
    async fetch(input, init) {
      const request = new Request(input, init)
      if (!origins.includes(new URL(request.url).origin))
        throw new TypeError(`the token is not sent to ${request.url}: its origin is none of apiOrigins`)
      const again = request.clone()
      const response = await fetch(authorized(request, token ?? (await refresh())))
      if (response.status !== 401) return response
      await response.body?.cancel()
      return fetch(authorized(again, await refresh()))
    },
    close() {
      token = undefined
      closing.abort()
    },
  }
}

export interface TokenAnswerOptions {
  frame: HTMLIFrameElement
  /** The one origin of the embedded app. */
  appOrigin: string
  /** Gets a token for the app, usually from the page's own server. */
  getToken(): Promise<string>
}

/**
 * For the embedding page: answers the app's questions for a new token.
 * @returns ends it
 */
export function answerTokenRequests({ frame, appOrigin, getToken }: TokenAnswerOptions): () => void {
  const origin = requireOrigin('appOrigin', appOrigin)
  const answer = async (event: MessageEvent<unknown>): Promise<void> => {
    const id = idOf(event.data, REQUEST)
    if (event.origin !== origin || event.source !== frame.contentWindow || id === undefined) return
    const outcome = await getToken().then(
      (token) => ({ token }),
      () => ({ error: 'no token' }),
    )
    frame.contentWindow?.postMessage({ type: ANSWER, id, ...outcome }, origin)
  }
  const listener = (event: MessageEvent<unknown>) => void answer(event)
  window.addEventListener('message', listener)
  return () => window.removeEventListener('message', listener)
}

function takeFromFragment(parameter: string): string | undefined {
  const parameters = new URLSearchParams(location.hash.slice(1))
  const token = parameters.get(parameter)
  if (token === null) return undefined
  parameters.delete(parameter)
  const rest = parameters.size > 0 ? `#${parameters.toString()}` : ''
  // Replaces the entry in the history as well.
  history.replaceState(history.state, '', location.pathname + location.search + rest)
  return token === '' ? undefined : token
}

function askParent(origin: string, timeoutMs: number, closing: AbortSignal): Promise<string> {
  if (window.parent === window) return Promise.reject(new Error('there is no embedding page to ask for a token'))
  const id = crypto.randomUUID()
  return new Promise((resolve, reject) => {
    const end = (work: () => void) => {
      clearTimeout(timer)
      window.removeEventListener('message', listener)
      closing.removeEventListener('abort', stop)
      work()
    }
    const stop = () => end(() => reject(new Error('closed')))
    const timer = setTimeout(
      () => end(() => reject(new Error(`the embedding page gave no token within ${timeoutMs} ms`))),
      timeoutMs,
    )
    const listener = (event: MessageEvent<unknown>) => {
      if (event.origin !== origin || event.source !== window.parent || idOf(event.data, ANSWER) !== id) return
      const { token } = event.data as { token?: unknown } // an object, or it would have no id
      if (typeof token === 'string' && token !== '') end(() => resolve(token))
      else end(() => reject(new Error('the embedding page has no token')))
    }
    window.addEventListener('message', listener)
    closing.addEventListener('abort', stop)
    // Only that origin receives it, whoever has put this app into a frame.
    window.parent.postMessage({ type: REQUEST, id }, origin)
  })
}

function idOf(data: unknown, type: string): string | undefined {
  if (typeof data !== 'object' || data === null || !('type' in data) || !('id' in data)) return undefined
  return data.type === type && typeof data.id === 'string' ? data.id : undefined
}

function authorized(request: Request, token: string): Request {
  request.headers.set('authorization', `Bearer ${token}`)
  return request
}

function requireOrigin(name: string, value: string): string {
  if (!URL.canParse(value) || new URL(value).origin !== value)
    throw new TypeError(`${name} is an origin, such as https://portal.example: ${value}`)
  return value
}
