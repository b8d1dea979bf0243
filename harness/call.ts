/**
 * Requests to Signet or another HTTP server: with a form or JSON, and with Basic, Bearer or no credentials. Redirects are
 * not followed.
 */
import { Agent, request as sendPlain, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as sendOverTls } from 'node:https'
import { text as textOf } from 'node:stream/consumers'

export interface Answer {
  status: number
  headers: Headers
  /** The members of a JSON body; empty for any other body. */
  body: Record<string, any>
  text: string
}

export interface TimedAnswer extends Answer {
  /** From the first byte sent to the last byte received. */
  tookMs: number
}

export interface Credentials {
  clientId: string
  secret: string
}

export interface Outgoing {
  /** POST where there is a body, else GET. */
  method?: string
  headers?: Record<string, string>
  form?: Record<string, string> | [string, string][]
  json?: unknown
  /** Any other body; its type stands in the headers. */
  body?: string | Uint8Array
  /** The time limit for the whole response. Milliseconds. */
  withinMs?: number
}

/** RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
export const basic = ({ clientId, secret }: Credentials): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

export const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

/** Longer than any response of Signet may take: such a request hangs. */
const HANGS_MS = 30_000

const kept = new Agent({ keepAlive: true })

/**
 * Sends a request over a kept connection, as most programs do. The server may close a kept connection at the moment when
 * a request is sent. The server did not read such a request, so it is sent again over a new connection.
 */
export async function request(url: string, outgoing: Outgoing = {}): Promise<Answer> {
  try {
    return await sendOnce(url, outgoing, kept)
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error
    return sendOnce(url, outgoing, kept)
  }
}

/** Posts a form as an authenticated client. */
export const post = (
  issuer: { url: string },
  path: string,
  form: Record<string, string> | [string, string][],
  client?: Credentials,
): Promise<Answer> => request(issuer.url + path, { form, headers: client ? basic(client) : {} })

/** The server closed a kept connection before the first byte of a response. */
class StaleConnection extends Error {}

/**
 * Sends a request and never repeats it.
 *
 * @param agent one of `node:https` for an https URL, with the authority that it trusts
 * @throws Error if the connection breaks before the whole response has come
 */
export function sendOnce(
  url: string,
  { withinMs = HANGS_MS, ...outgoing }: Outgoing,
  agent: Agent,
): Promise<TimedAnswer> {
  const began = performance.now()
  const { body, headers } = bodyOf(outgoing)
  const send = agent instanceof TlsAgent ? sendOverTls : sendPlain
  return new Promise((done, failed) => {
    const sent = send(url, {
      agent,
      method: outgoing.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { ...headers, ...outgoing.headers },
      signal: AbortSignal.timeout(withinMs),
    })
    let hasBegun = false
    sent.on('response', (incoming) => {
      hasBegun = true
      done(answerOf(incoming, began))
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = sent.reusedSocket && !hasBegun && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      failed(isStale ? new StaleConnection(error.message, { cause: error }) : error)
    })
    sent.end(body)
  })
}

/** The bytes of a body, and the headers that belong to it. */
function bodyOf({ form, json, body }: Outgoing): { body?: string | Uint8Array; headers?: Record<string, string> } {
  if (json !== undefined) return withLength(JSON.stringify(json), 'application/json')
  if (form) return withLength(new URLSearchParams(form).toString(), 'application/x-www-form-urlencoded;charset=UTF-8')
  return body === undefined ? {} : withLength(body)
}

const withLength = (body: string | Uint8Array, type?: string) => ({
  body,
  headers: { 'content-length': String(Buffer.byteLength(body)), ...(type !== undefined && { 'content-type': type }) },
})

async function answerOf(incoming: IncomingMessage, began: number): Promise<TimedAnswer> {
  const text = await textOf(incoming)
  const { statusCode = 0, rawHeaders, complete } = incoming
  if (!complete) throw new Error('the answer was cut off')
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  const isJson = (headers.get('content-type') ?? '').includes('json') && text !== ''
  return { status: statusCode, headers, text, body: isJson ? JSON.parse(text) : {}, tookMs: performance.now() - began }
}

/** The claims of a JWT, unverified. */
export const claimsOf = (token: string): Record<string, any> => partOf(token, 1)

/** The header of a JWT, unverified. */
export const headerOf = (token: string): Record<string, any> => partOf(token, 0)

const partOf = (token: string, index: 0 | 1): Record<string, any> =>
  JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString())
