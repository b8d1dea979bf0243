/**
 * For an app in a frame whose embedding page forwards a token. It takes the token from the URL's fragment, keeps it in
 * memory only, and asks the embedding page for a new one. Each side talks to one configured origin. It runs in browsers
 * and needs nothing else.
 *
 * An attacker can open the app with a token of the attacker in the fragment. Whatever the victim then enters would land
 * in the attacker's account. So a token in the fragment counts only after the embedding page, at the configured origin,
 * has confirmed that it forwarded exactly this token.
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
  /** The present token; `undefined` also until the embedding page has confirmed the one in the fragment. */
  current(): string | undefined
  /** Asks the embedding page for a new token. Calls at the same time share one question. */
  refresh(): Promise<string>
  /** `fetch` with the token as Bearer. After a 401 it asks for a new token and tries once more. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** Forgets the token. */
  close(): void
}

const REQUEST = 'signet:token-request'
const ANSWER = 'signet:token'
const CONFIRM = 'signet:token-confirm'
const CONFIRMED = 'signet:token-confirmed'

/** If the page does not confirm within this time, it is asked for a new token. */
const CONFIRM_MS = 1000

const brief = (asking: Asking): Asking => ({ ...asking, timeoutMs: Math.min(asking.timeoutMs, CONFIRM_MS) })

/** The forwarded token, if the embedding page confirms it. Another page, or an old version of it, does not: never rejects. */
async function confirmed(token: string | undefined, asking: Asking): Promise<string | undefined> {
  if (token === undefined) return undefined
  const answer = await askParent({ type: CONFIRM, token }, CONFIRMED, brief(asking)).catch(() => undefined)
  return answer?.confirmed === true ? token : undefined
}

/** Takes the token out of the address bar, before anybody can bookmark or log it. */
export function receiveToken(options: EmbeddedTokenOptions): EmbeddedToken {
  const parentOrigin = requireOrigin('parentOrigin', options.parentOrigin)
  const origins = (options.apiOrigins ?? [location.origin]).map((origin) => requireOrigin('apiOrigins', origin))
  const closing = new AbortController()
  const asking = { origin: parentOrigin, timeoutMs: options.timeoutMs ?? 5000, closing: closing.signal }
  let token: string | undefined
  let refreshing: Promise<string> | undefined

  const forwarded = takeFromFragment(options.parameter ?? 'token')
  const confirming = confirmed(forwarded, asking).then((good) => {
    // A token that was asked for meanwhile is newer.
    if (good !== undefined && !closing.signal.aborted) token ??= good
  })

  const refresh = (): Promise<string> => {
    refreshing ??= askForToken(asking)
      .then((fresh) => (token = fresh))
      .finally(() => (refreshing = undefined))
    return refreshing
  }

  return {
    current: () => token,
    refresh,
    async fetch(input, init) {
      const request = new Request(input, init)
      if (!origins.includes(new URL(request.url).origin))
        throw new TypeError(`the token is not sent to ${request.url}: its origin is none of apiOrigins`)
      const again = request.clone()
      if (token === undefined) await confirming
      const used = token ?? (await refresh())
      const response = await fetch(authorized(request, used))
      if (response.status !== 401) return response
      await response.body?.cancel()
      // Another request may have got a new token while this one was running.
      return fetch(authorized(again, token === undefined || token === used ? await refresh() : token))
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
 * For the embedding page. It answers requests for a new token, and confirms the token that the page forwarded.
 * Forward that token in `frame.src`: a link inside the app can lead to another fragment, and is not confirmed.
 * @returns a function that stops the answers
 */
export function answerTokenRequests({ frame, appOrigin, getToken }: TokenAnswerOptions): () => void {
  const origin = requireOrigin('appOrigin', appOrigin)
  const answer = async (event: MessageEvent<unknown>): Promise<void> => {
    if (event.origin !== origin || event.source !== frame.contentWindow) return
    const reply = (message: object) => frame.contentWindow?.postMessage(message, origin)
    const asked = idOf(event.data, REQUEST)
    const toConfirm = idOf(event.data, CONFIRM)
    if (toConfirm !== undefined) reply({ type: CONFIRMED, id: toConfirm, confirmed: isForwarded(frame, event.data) })
    if (asked === undefined) return
    const outcome = await getToken().then(
      (token) => ({ token }),
      () => ({ error: 'no token' }),
    )
    reply({ type: ANSWER, id: asked, ...outcome })
  }
  const listener = (event: MessageEvent<unknown>) => void answer(event)
  window.addEventListener('message', listener)
  return () => window.removeEventListener('message', listener)
}

/** Whether the token is in the address that this page has given to the frame. */
function isForwarded(frame: HTMLIFrameElement, data: unknown): boolean {
  const { token } = data as { token?: unknown } // an object, or it would have no id
  const { src } = frame as Partial<HTMLIFrameElement>
  // Stand-ins for a frame in tests may have no address.
  if (src === undefined) return true
  const [, fragment = ''] = src.split('#')
  return typeof token === 'string' && [...new URLSearchParams(fragment).values()].includes(token)
}

/** Removes the token from the fragment and leaves the rest. */
function takeFromFragment(parameter: string): string | undefined {
  const parameters = new URLSearchParams(location.hash.slice(1))
  const token = parameters.get(parameter)
  if (token === null) return undefined
  parameters.delete(parameter)
  const rest = parameters.size > 0 ? `#${parameters.toString()}` : ''
  // This also replaces the entry in the history.
  history.replaceState(history.state, '', location.pathname + location.search + rest)
  return token === '' ? undefined : token
}

interface Asking {
  origin: string
  timeoutMs: number
  closing: AbortSignal
}

async function askForToken(asking: Asking): Promise<string> {
  const { token } = await askParent({ type: REQUEST }, ANSWER, asking)
  if (typeof token === 'string' && token !== '') return token
  throw new Error('the embedding page has no token')
}

/** Sends a question to the embedding page and waits for the answer with the same id. */
function askParent(
  question: { type: string; token?: string },
  answer: string,
  { origin, timeoutMs, closing }: Asking,
): Promise<Record<string, unknown>> {
  if (window.parent === window) return Promise.reject(new Error('there is no embedding page to ask for a token'))
  if (closing.aborted) return Promise.reject(new Error('closed'))
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
      if (event.origin !== origin || event.source !== window.parent || idOf(event.data, answer) !== id) return
      end(() => resolve(event.data as Record<string, unknown>)) // an object, or it would have no id
    }
    window.addEventListener('message', listener)
    closing.addEventListener('abort', stop)
    // The browser delivers the message only to this origin, even if another page has framed the app.
    window.parent.postMessage({ ...question, id }, origin)
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
