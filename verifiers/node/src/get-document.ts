/** Fetches one JSON document of the issuer, bounded in time and size. Redirects are not followed. */
import { VERSION } from './version.ts'

export interface GetOptions {
  userAgent: string
  maxBytes: number
  /** Ends the request. */
  signal: AbortSignal
  /** The entity tag of the present copy. */
  etag?: string | undefined
}

export type DocumentAnswer =
  | { changed: true; json: unknown; text: string; headers: Headers }
  | { changed: false; headers: Headers }

export const REQUEST_TIMEOUT_MS = 5000

/** The failure of a request, described for an operator. */
export class RequestFault extends Error {
  readonly status: number | undefined

  constructor(url: string, what: string, options: { cause?: unknown; status?: number } = {}) {
    super(`${url} ${what}`, { cause: options.cause })
    this.name = 'RequestFault'
    this.status = options.status
  }
}

/**
 * The User-Agent of a verifier, by which an issuer knows which APIs have fetched its next key.
 * @param name of the API, such as `orders-api`
 */
export function userAgentOf(name: string | undefined): string {
  if (name === undefined) return `signet-verifier/${VERSION}`
  if (!/^[\x21-\x27\x2A-\x7E][\x20-\x27\x2A-\x7E]{0,63}$/.test(name))
    throw new TypeError('name has 1 to 64 printable ASCII characters, without parentheses')
  return `signet-verifier/${VERSION} (${name})`
}

/** @throws RequestFault */
export async function getJson(url: string, { userAgent, maxBytes, signal, etag }: GetOptions): Promise<DocumentAnswer> {
  const { ended, done } = timeLimit(signal, REQUEST_TIMEOUT_MS)
  try {
    const response = await fetch(url, {
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': userAgent,
        ...(etag !== undefined && { 'if-none-match': etag }),
      },
      redirect: 'manual',
      signal: ended,
    })
    if (response.status === 304 && etag !== undefined) return { changed: false, headers: response.headers }
    await requireDocument(url, response)
    const text = await readBounded(url, response, maxBytes)
    return { changed: true, json: parse(url, text, response.headers), text, headers: response.headers }
  } catch (cause) {
    throw asFault(url, cause, ended)
  } finally {
    done()
  }
}

/** A redirect is a fault: keys come from the configured address only. */
async function requireDocument(url: string, response: Response): Promise<void> {
  const fault = faultOf(response)
  if (fault === undefined) return
  await response.body?.cancel()
  throw new RequestFault(url, fault, { status: response.status })
}

function faultOf({ status, headers }: Response): string | undefined {
  if (status >= 300 && status < 400)
    return `redirects to ${headers.get('location') ?? 'elsewhere'}, which is not followed`
  if (status !== 200) return `answered ${status}`
  // A compressed answer could be a large one in a few bytes, and none was asked for.
  const encoding = (headers.get('content-encoding') ?? '').trim().slice(0, 60)
  if (!['', 'identity'].includes(encoding.toLowerCase()))
    return `answered compressed (${encoding}), without being asked to`
  // The content decides, because file servers send key sets as plain text or bytes. HTML is a login or error page.
  const type = (headers.get('content-type') ?? '').slice(0, 60)
  return type.toLowerCase().includes('html') ? `answered ${type} instead of JSON` : undefined
}

/** The body as text. @throws RequestFault if it is larger */
export async function readBounded(url: string, response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  const reader = response.body?.getReader()
  let text = ''
  let bytes = 0
  for (;;) {
    const chunk = await reader?.read()
    if (!chunk || chunk.done) return text + decoder.decode()
    bytes += chunk.value.byteLength
    if (bytes > maxBytes) {
      await reader?.cancel()
      throw new RequestFault(url, `answered more than ${maxBytes} bytes`)
    }
    text += decoder.decode(chunk.value, { stream: true })
  }
}

function parse(url: string, text: string, headers: Headers): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const type = headers.get('content-type')
    throw new RequestFault(url, `answered no JSON${type === null ? '' : ` (${type.slice(0, 60)})`}`, { cause })
  }
}

export function asFault(url: string, cause: unknown, ended: AbortSignal): RequestFault {
  if (cause instanceof RequestFault) return cause
  if (ended.aborted && ended.reason instanceof Error) return new RequestFault(url, ended.reason.message, { cause })
  const deeper = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return new RequestFault(url, `could not be reached: ${deeper instanceof Error ? deeper.message : String(deeper)}`, {
    cause,
  })
}

/** Seconds; the value of an unreadable `Age`. */
const LONGEST_AGE = 2 ** 31

/** RFC 9111 §5.1: how long a cache has kept this answer. Of several values the highest counts. */
export function secondsInCaches(headers: Headers): number {
  const ages = headers.get('age')?.split(',') ?? ['0']
  return Math.max(...ages.map((age) => (/^\d{1,9}$/.test(age.trim()) ? Number(age) : LONGEST_AGE)))
}

export interface TimeLimit {
  ended: AbortSignal
  /** Starts the time again. */
  extend(milliseconds: number): void
  /** Ends the request at once. */
  end(reason: string): void
  /** Stops the time. */
  done(): void
}

/** Ends when `signal` ends or time is up. The timer keeps no process alive. */
export function timeLimit(signal: AbortSignal, milliseconds: number): TimeLimit {
  const controller = new AbortController()
  const stop = () => controller.abort(new Error('was not waited for: the verifier is closed'))
  let timer: NodeJS.Timeout | undefined
  const extend = (time: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => controller.abort(new Error(`gave no answer within ${time / 1000} s`)), time)
    timer.unref()
  }
  extend(milliseconds)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return {
    ended: controller.signal,
    extend,
    end: (reason) => controller.abort(new Error(reason)),
    done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    },
  }
}
