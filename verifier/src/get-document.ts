/** Fetches one JSON document of the issuer, bounded in time and size, and from no other place than the one asked. */
import { VERSION } from './version.ts'

export interface GetOptions {
  userAgent: string
  maxBytes: number
  /** Ends the request from outside. */
  signal: AbortSignal
  /** The entity tag of the copy at hand. */
  etag?: string | undefined
}

export type DocumentAnswer =
  | { changed: true; json: unknown; text: string; headers: Headers }
  | { changed: false; headers: Headers }

export const REQUEST_TIMEOUT_MS = 5000

/** What went wrong with a request, in words for an operator. */
export class RequestFault extends Error {
  readonly status: number | undefined

  constructor(url: string, what: string, options: { cause?: unknown; status?: number } = {}) {
    super(`${url} ${what}`, { cause: options.cause })
    this.name = 'RequestFault'
    this.status = options.status
  }
}

/**
 * How a verifier introduces itself, so that an issuer can tell who has seen its next key.
 * @param name the API's, such as `orders-api`
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

/** A redirect is not followed: keys come from where they were asked for, or not at all. */
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
  // File servers send key sets as plain text or bytes: what a document is, its content says. HTML is a login page.
  const type = (headers.get('content-type') ?? '').slice(0, 60)
  return type.toLowerCase().includes('html') ? `answered ${type} instead of JSON` : undefined
}

async function readBounded(url: string, response: Response, maxBytes: number): Promise<string> {
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

/** Seconds; what an `Age` that cannot be read counts as. */
const LONGEST_AGE = 2 ** 31

/** RFC 9111 §5.1: how long ago a cache on the way has heard this from the issuer. Of several, the oldest counts. */
export function secondsInCaches(headers: Headers): number {
  const ages = headers.get('age')?.split(',') ?? ['0']
  return Math.max(...ages.map((age) => (/^\d{1,9}$/.test(age.trim()) ? Number(age) : LONGEST_AGE)))
}

export interface TimeLimit {
  ended: AbortSignal
  /** Time begins anew. */
  extend(milliseconds: number): void
  /** Ends at once. */
  end(reason: string): void
  /** Time does not count any more. */
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
