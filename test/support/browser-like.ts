/**
 * A browser without a window: keeps cookies, follows redirects within the issuer, reads forms, and sends them as a person
 * would. It stops where a redirect leads to another site.
 */
import { parse, type DefaultTreeAdapterTypes } from 'parse5'

type Element = DefaultTreeAdapterTypes.Element
type Node = DefaultTreeAdapterTypes.Node

export interface Form {
  action: string
  method: string
  /** Values of fields by name, as the page brings them; a checkbox that is not checked is absent. */
  values: Record<string, string>
  /** Names of all fields, hidden ones included. */
  names: string[]
  buttons: { name: string; value: string; text: string }[]
}

/** An answer to the browser, after the redirects within the issuer. */
export interface Seen {
  /** Where the browser stands; a foreign URL where the issuer has sent it away. */
  url: URL
  /** Whether a redirect has led to another site. No request was made there. */
  isAway: boolean
  status: number
  headers: Headers
  html: string
  /** `data-page` and `data-error`. */
  page: string | undefined
  error: string | undefined
  forms: Form[]
  /** The text of the page. */
  text: string
  /** `data-…` attributes and elements, for the tests of one page. */
  all(name: string): Element[]
}

/** What the client reads in an answer by redirect or by form. */
export type ClientAnswer = Record<string, string>

export class BrowserLike {
  readonly origin: string
  readonly base: string
  readonly cookies = new Map<string, string>()
  /** Headers of every request. */
  readonly headers: Record<string, string>
  /** URLs of the last navigation, redirects included. */
  visited: string[] = []

  /** @param issuer the issuer URL */
  constructor(issuer: string, headers: Record<string, string> = {}) {
    this.base = issuer.replace(/\/$/, '')
    this.origin = new URL(issuer).origin
    this.headers = headers
  }

  /** @param path of the issuer, or a whole URL */
  get(path: string, headers: Record<string, string> = {}): Promise<Seen> {
    return this.#navigate(this.#urlOf(path), { method: 'GET', headers })
  }

  /** Sends a form of the issuer's own page. */
  post(path: string, values: Record<string, string> | URLSearchParams, headers: Record<string, string> = {}) {
    const own = { origin: this.origin, 'sec-fetch-site': 'same-origin', ...headers }
    return this.#navigate(this.#urlOf(path), { method: 'POST', body: new URLSearchParams(values), headers: own })
  }

  /** Sends a form that stands on a page of another site: SameSite cookies stay at home. */
  postFromElsewhere(path: string, values: Record<string, string>): Promise<Seen> {
    const headers = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
    const init = { method: 'POST', body: new URLSearchParams(values), headers }
    return this.#navigate(this.#urlOf(path), init, { isWithoutCookies: true })
  }

  /** Sends a form that stands at another origin of the same site, such as another port: the cookies come with it. */
  postFromNextDoor(path: string, values: Record<string, string>): Promise<Seen> {
    const headers = { origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' }
    return this.#navigate(this.#urlOf(path), { method: 'POST', body: new URLSearchParams(values), headers })
  }

  /**
   * Fills a form of a page and presses a button.
   * @param action value of the button named `action`; the first form that has it is sent
   */
  async submit(at: Seen, values: Record<string, string>, action: string): Promise<Seen> {
    const form = at.forms.find(({ buttons }) => buttons.some(({ value }) => value === action))
    if (!form) throw new Error(`no button "${action}" on page ${at.page ?? at.status}: ${at.html.slice(0, 400)}`)
    const unknown = Object.keys(values).find((name) => !form.names.includes(name))
    if (unknown !== undefined) throw new Error(`the form has no field "${unknown}"`)
    const url = new URL(form.action === '' ? at.url : form.action, at.url)
    const next = await this.post(url.href, { ...form.values, ...values, action })
    this.#holdToFormAction(at, next)
    return next
  }

  /** Chromium stops at the first redirect of a form that `form-action` of its page does not allow, and shows nothing of it. */
  #holdToFormAction({ headers, page }: Seen, { url }: Seen): void {
    const allowed = formActionOf(headers)?.map((source) => (source === "'self'" ? this.origin : source))
    const blocked = [...this.visited, url.href].find((each) => allowed?.includes(new URL(each).origin) === false)
    if (blocked !== undefined)
      throw new Error(`form-action of page "${page}" blocks ${blocked}: a browser stays on the page, without a word`)
  }

  cookie(kind: 'session' | 'login' | 'device'): string | undefined {
    return this.cookies.get(`signet_${kind}`) ?? this.cookies.get(`__Host-signet_${kind}`)
  }

  /** Ends the browser: only cookies with an age stay. */
  close(): void {
    for (const name of this.#ofThisRun) this.cookies.delete(name)
  }

  readonly #ofThisRun = new Set<string>()

  #urlOf(path: string): URL {
    return path.startsWith('/') ? new URL(this.base + path) : new URL(path)
  }

  async #navigate(first: URL, init: RequestInit, { isWithoutCookies = false } = {}): Promise<Seen> {
    this.visited = []
    let url = first
    let request = init
    let bare = isWithoutCookies
    for (let hops = 0; hops < 10; hops += 1) {
      this.visited.push(url.href)
      const response = await fetch(url, { ...request, redirect: 'manual', headers: this.#headersOf(request, bare) })
      this.#keepCookies(response.headers)
      const location = response.headers.get('location')
      if (location === null || response.status < 300 || response.status > 399) return seen(url, response)
      url = new URL(location, url)
      if (url.origin !== this.origin) return { ...(await seen(url, response)), isAway: true }
      // A redirect that is followed by GET is a navigation of the top: SameSite=Lax cookies go along.
      request = { method: 'GET' }
      bare = false
    }
    throw new Error(`too many redirects: ${this.visited.join(' ')}`)
  }

  #headersOf({ headers }: RequestInit, isBare: boolean): Record<string, string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const own = isBare || cookie === '' ? {} : { cookie }
    // Sound: the tests give headers as objects.
    return { accept: 'text/html', ...this.headers, ...own, ...(headers as Record<string, string> | undefined) }
  }

  #keepCookies(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const [, name = '', value = ''] = /^([^=]*)=?(.*)$/.exec(pair) ?? []
      const age = attributes.find((each) => /^max-age=/i.test(each))
      if (age?.endsWith('=0') || value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
      if (age === undefined) this.#ofThisRun.add(name)
      else this.#ofThisRun.delete(name)
    }
  }
}

async function seen(url: URL, response: Response): Promise<Seen> {
  const html = await response.text()
  const elements = [...elementsOf(parse(html))]
  const attribute = (name: string) => elements.map((each) => valueOf(each, name)).find((value) => value !== undefined)
  return {
    url,
    isAway: false,
    status: response.status,
    headers: response.headers,
    html,
    page: attribute('data-page'),
    error: attribute('data-error'),
    forms: elements.filter(({ tagName }) => tagName === 'form').map(formOf),
    text: textOf(parse(html)).replaceAll(/\s+/g, ' ').trim(),
    all: (name) => elements.filter((each) => each.tagName === name || valueOf(each, name) !== undefined),
  }
}

/** The sources of `form-action` in the policy of a page; `undefined` where its forms may lead anywhere. */
export const formActionOf = (headers: Headers): string[] | undefined =>
  /form-action ([^;]*)/.exec(headers.get('content-security-policy') ?? '')?.[1]?.split(' ')

/** The parameters that a client is given: in the query, in the fragment, or in a form. */
export function answerOf({ url, isAway, forms }: Seen): ClientAnswer {
  if (!isAway) return forms[0]?.values ?? {}
  return Object.fromEntries(new URLSearchParams(url.hash === '' ? url.search : url.hash.slice(1)))
}

function* elementsOf(node: Node): Generator<Element> {
  if ('tagName' in node) yield node
  if ('childNodes' in node) for (const child of node.childNodes) yield* elementsOf(child)
}

export const valueOf = ({ attrs }: Element, name: string): string | undefined =>
  attrs.find((each) => each.name === name)?.value

function formOf(form: Element): Form {
  const fields = [...elementsOf(form)].filter(({ tagName }) => ['input', 'select', 'textarea'].includes(tagName))
  const isSent = (field: Element) =>
    !['checkbox', 'radio'].includes(valueOf(field, 'type') ?? '') || valueOf(field, 'checked') !== undefined
  const named = fields.filter((field) => valueOf(field, 'name') !== undefined)
  return {
    action: valueOf(form, 'action') ?? '',
    method: valueOf(form, 'method') ?? 'get',
    values: Object.fromEntries(
      named.filter(isSent).map((field) => [valueOf(field, 'name') ?? '', valueOf(field, 'value') ?? '']),
    ),
    names: named.map((field) => valueOf(field, 'name') ?? ''),
    buttons: [...elementsOf(form)]
      .filter(({ tagName }) => tagName === 'button')
      .map((button) => ({
        name: valueOf(button, 'name') ?? '',
        value: valueOf(button, 'value') ?? '',
        text: textOf(button).trim(),
      })),
  }
}

export function textOf(node: Node): string {
  if ('value' in node) return node.value
  if ('tagName' in node && ['script', 'style'].includes(node.tagName)) return ''
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : ''
}
