/**
 * A client of Signet that keeps its connections and distinguishes a response from a broken connection. It never repeats a
 * request by itself: the trials decide that.
 */
import { Agent } from 'node:http'
import { basic, sendOnce, type Credentials, type Outgoing, type TimedAnswer } from '../harness/call.ts'

export type { Credentials, Outgoing, TimedAnswer as Answer } from '../harness/call.ts'

/** Longer than any response of Signet may take: such a request hangs. */
const HANGS_MS = 15_000

export class Caller {
  readonly #url: string
  readonly #authorization: Record<string, string>
  readonly #agent = new Agent({ keepAlive: true })

  /** @param client the client that authenticates; without it requests have no credentials */
  constructor(url: string, client?: Credentials) {
    this.#url = url
    this.#authorization = client ? basic(client) : {}
  }

  /** @throws Error if the connection breaks before the whole response has come */
  send(path: string, { headers, ...outgoing }: Outgoing = {}): Promise<TimedAnswer> {
    const all = { withinMs: HANGS_MS, ...outgoing, headers: { ...this.#authorization, ...headers } }
    return sendOnce(this.#url + path, all, this.#agent)
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
    const { status, text, body } = await this.send('/token', { form: { grant_type: 'client_credentials', ...form } })
    if (!body.access_token) throw new Error(`no access token: ${status} ${text}`)
    return body.access_token
  }

  refresh(refreshToken: string): Promise<TimedAnswer> {
    return this.send('/refresh', { form: { refresh_token: refreshToken } })
  }

  revoke(token: string): Promise<TimedAnswer> {
    return this.send('/revoke', { form: { token } })
  }

  /** Whether a token is active; a missing token is not. The inactive response must be exactly the one of RFC 7662 §2.2. */
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

/** The response, or nothing where the connection broke. */
export const orNothing = (answer: Promise<TimedAnswer>): Promise<TimedAnswer | undefined> =>
  answer.catch(() => undefined)
