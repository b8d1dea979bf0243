/** Sends a form to an endpoint of the issuer, bounded in time and size. Redirects are not followed. */
import { asFault, readBounded, REQUEST_TIMEOUT_MS, RequestFault, timeLimit } from './get-document.ts'

export interface FormAnswer {
  status: number
  /** The members of the body; none if it is no JSON object. */
  members: Readonly<Record<string, unknown>>
}

const MOST_BYTES = 262_144

/** @throws RequestFault without an answer, and for a redirect */
export async function postForm(
  url: string,
  form: URLSearchParams,
  { headers, signal }: { headers: Record<string, string>; signal: AbortSignal },
): Promise<FormAnswer> {
  const { ended, done } = timeLimit(signal, REQUEST_TIMEOUT_MS)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', ...headers },
      body: form,
      redirect: 'manual',
      signal: ended,
    })
    const text = await readBounded(url, response, MOST_BYTES)
    if (response.status >= 300 && response.status < 400)
      throw new RequestFault(url, 'redirects, which is not followed', { status: response.status })
    return { status: response.status, members: membersOf(text) }
  } catch (cause) {
    throw asFault(url, cause, ended)
  } finally {
    done()
  }
}

function membersOf(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text)
    // An object, by the line itself.
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
