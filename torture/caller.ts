/**
 * A client of Signet that keeps its connections and tells an answer from a connection that broke. It follows no
 * advice and repeats nothing by itself: the trials decide that.
 */
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import type { Credentials } from './place.ts'

/** Members that the oracles look at; an answer may have others. */
export interface Body {
  access_token?: string
  refresh_token?: string
  error?: string
  active?: boolean
  client_secret?: string
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  body: Body
  /** From the first byte sent to the last received. */
  tookMs: number
}

export interface Outgoing {
  method?: string
  headers?: Record<string, string>
  form?: Record<string, string>
  json?: unknown
  /** The answer must have come by then. */
  withinMs?: number
}

/** Longer than anything that Signet promises to answer in; a request that takes it hangs. */
const HANGS_MS = 15_000

export class Caller {
  readonly #url: string
  readonly #authorization: Record<string, string>
  readonly #agent: Agent

  /** @param client who calls; nobody where it is left out. Connections are kept unless told otherwise. */
  constructor(url: string, client?: Credentials, { keepAlive = true }: { keepAlive?: boolean } = {}) {
    this.#url = url
    this.#authorization = client ? { authorization: basic(client) } : {}
    this.#agent = new Agent({ keepAlive })
  }

  /** @throws Error where the connection breaks before the whole answer is there */
  send(path: string, { method, headers, form, json, withinMs = HANGS_MS }: Outgoing = {}): Promise<Answer> {
    const began = performance.now()
    const body = json === undefined ? form && new URLSearchParams(form).toString() : JSON.stringify(json)
    return new Promise((done, failed) => {
      const sent = request(
        this.#url + path,
        {
          agent: this.#agent,
          method: method ?? (body === undefined ? 'GET' : 'POST'),
          headers: {
            ...this.#authorization,
            ...(body !== undefined && {
              'content-type': json === undefined ? 'application/x-www-form-urlencoded' : 'application/json',
              'content-length': Buffer.byteLength(body),
            }),
            ...headers,
          },
          signal: AbortSignal.timeout(withinMs),
        },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', failed)
          incoming.on('aborted', () => failed(new Error('the answer was cut off')))
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            const { statusCode = 0, headers: received } = incoming
            done({ status: statusCode, headers: received, text, body: bodyOf(text), tookMs: performance.now() - began })
          })
        },
      )
      sent.on('error', failed)
      sent.end(body)
    })
  }

  /** Tokens of a new grant, with a refresh token. @throws Error for anything but 200 */
  async grant(): Promise<{ accessToken: string; refreshToken: string }> {
    const form = { grant_type: 'client_credentials', scope: 'read offline_access' }
    const { status, text, body } = await this.send('/token', { form })
    if (status !== 200 || !body.access_token || !body.refresh_token) throw new Error(`no grant: ${status} ${text}`)
    return { accessToken: body.access_token, refreshToken: body.refresh_token }
  }

  /** @throws Error for anything but 200 */
  async accessToken(form: Record<string, string> = {}): Promise<string> {
    const answer = await this.send('/token', { form: { grant_type: 'client_credentials', ...form } })
    if (!answer.body.access_token) throw new Error(`no access token: ${answer.status} ${answer.text}`)
    return answer.body.access_token
  }

  refresh(refreshToken: string): Promise<Answer> {
    return this.send('/refresh', { form: { refresh_token: refreshToken } })
  }

  revoke(token: string): Promise<Answer> {
    return this.send('/revoke', { form: { token } })
  }

  /** Whether a token is active; one that never came is not. The inactive answer must be exactly what RFC 7662 §2.2 says. */
  async isActive(token: string | undefined): Promise<boolean> {
    if (token === undefined) return false
    const { status, text, body } = await this.send('/introspect', { form: { token } })
    if (status === 200 && body.active === true) return true
    if (status === 200 && text === '{"active":false}') return false
    throw new Error(`no verdict: ${status} ${text}`)
  }

  /** Closes the connections that wait for their next request. */
  close(): void {
    this.#agent.destroy()
  }
}

/** The answer, or nothing where the connection broke. */
export const orNothing = (answer: Promise<Answer>): Promise<Answer | undefined> => answer.catch(() => undefined)

const basic = ({ clientId, secret }: Credentials): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`

function bodyOf(text: string): Body {
  if (!text.startsWith('{')) return {}
  return JSON.parse(text) as Body // every member is looked at with care: it may be absent
}
