/** Fetches a JSON document of an issuer over HTTP, or says why there is none. It follows no redirect and caches nothing. */
import { systemClock } from '../ground/clock.ts'
import { shell } from '../ground/shell-word.ts'
import { explainCertificate } from './tls.ts'

const PATIENCE_MS = 5000

/** The user agent. A server can tell the doctor from a verifier by it. */
const DOCTOR_AGENT = 'signet-doctor'

export interface RemoteDocument {
  value: Record<string, unknown>
  bytes: number
  headers: Headers
}

/** `status` is set if a server answered with something else than 200. */
export type Fetched = { document: RemoteDocument } | { fault: string; fix: string; status?: number }

/** @param unreachableFix the step that helps if nothing answers at all */
export async function fetchDocument(
  url: string,
  unreachableFix: string,
  headers: Record<string, string> = {},
): Promise<Fetched> {
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json', 'user-agent': DOCTOR_AGENT, ...headers },
      // Verifiers do not follow either: keys come from where they were asked for, or not at all.
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const text = await response.text()
    if (response.status !== 200) return { ...explainStatus(url, response), status: response.status }
    return readObject(url, text, response.headers)
  } catch (error) {
    return explainFailure(url, error, unreachableFix)
  }
}

function explainStatus(url: string, { status, headers }: Response): Fetched {
  if (status >= 300 && status < 400) {
    const target = headers.get('location') ?? 'elsewhere'
    return {
      fault: `${url} answers ${status} and redirects to ${target}`,
      fix: 'verifiers do not follow redirects: serve it right there, or give issuer and apps the address where it ends',
    }
  }
  if (status === 404)
    return {
      fault: `${url} answers 404`,
      fix: 'the path is wrong, or a proxy does not pass /.well-known on to the issuer',
    }
  if (status === 401 || status === 403)
    return {
      fault: `${url} answers ${status}`,
      fix: 'this document is public: let the proxy in front ask for no login here',
    }
  return { fault: `${url} answers ${status}`, fix: "look into the issuer's log, and into that of the proxy in front" }
}

function readObject(url: string, text: string, headers: Headers): Fetched {
  const isHtml = (headers.get('content-type') ?? '').includes('html') || /^\s*</.test(text)
  if (isHtml) {
    return {
      fault: `${url} answers HTML, no JSON`,
      fix: 'a login page, an error page or a single-page app answers in its place: let the proxy pass this path on to the issuer',
    }
  }
  const fix = `see what answers there: curl -i ${shell(url)}`
  try {
    const value: unknown = JSON.parse(text)
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return { document: { value: { ...value }, bytes: Buffer.byteLength(text), headers } }
  } catch {
    return { fault: `${url} answers no JSON`, fix }
  }
  return { fault: `${url} answers no JSON object`, fix }
}

function explainFailure(url: string, error: unknown, fix: string): Fetched {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return { fault: `${url} does not answer within ${PATIENCE_MS / 1000} s`, fix }
  // fetch wraps the system's error; of several addresses tried, the first tells enough.
  const cause = error instanceof Error ? error.cause : undefined
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  const why = first instanceof Error ? first.message : String(error)
  const certificate = explainCertificate(first)
  return certificate === undefined
    ? { fault: `${url} cannot be reached: ${why}`, fix }
    : { fault: `${url} is refused over TLS: ${certificate.found}`, fix: certificate.fix }
}

/**
 * How far the server's clock is ahead of this clock, in milliseconds. `Date` tells its time, and `Age` how long a cache kept
 * the answer (RFC 9110 §6.6.1, RFC 9111 §5.1).
 */
export function clockAhead(headers: Headers): number | undefined {
  const at = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(at) ? undefined : at + Number(headers.get('age') ?? 0) * 1000 - systemClock.now()
}
