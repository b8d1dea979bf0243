/** Fetches the key set that a client publishes at its `jwks_uri` (RFC 7517 §5). */
import { AllowedHosts } from '../outbound/allowed.ts'
import { sendOutbound, type OutboundAnswer } from '../outbound/request.ts'
import type { ClientJwk } from '../store/records/client.ts'
import { readPublishedKeys } from './assertion-key.ts'

/**
 * `keys`: keys that serve. `refused`: a key set that must not be used, so earlier keys end. `away`: no key set came, so
 * earlier keys may go on.
 */
export type KeyFetch =
  | { outcome: 'keys'; keys: readonly ClientJwk[]; freshSeconds: number }
  | { outcome: 'refused' | 'away'; fault: string }

/** How long a key set is used without another look, in seconds, unless its answer says otherwise. */
const FRESH = 300
const LEAST_FRESH = 60
const MOST_FRESH = 3600

/**
 * Never rejects. A fault is for the operator alone: it may name addresses.
 * @param allowed SIGNET_OUTBOUND_ALLOW
 */
export async function fetchKeySet(uri: string, allowed: readonly string[]): Promise<KeyFetch> {
  try {
    const headers = { Accept: 'application/jwk-set+json, application/json' }
    return readAnswer(await sendOutbound(uri, { method: 'GET', headers }, new AllowedHosts(allowed)))
  } catch (error) {
    return away(error instanceof Error ? error.message : 'the request failed')
  }
}

/** The doctor knows these words. */
const BEGINS = 'the key set at its jwks_uri'

const away = (why: string): KeyFetch => ({ outcome: 'away', fault: `${BEGINS} could not be fetched: ${why}` })

function readAnswer({ status, headers, body }: OutboundAnswer): KeyFetch {
  if (status !== 200)
    return away(`the answer was ${status}${status >= 300 && status < 400 ? ', and redirects are not followed' : ''}`)
  const keys = keysIn(body)
  if (!keys) return away('the answer is no JWK Set, an object with a list of keys')
  const read = readPublishedKeys(keys)
  if ('fault' in read) return { outcome: 'refused', fault: `${BEGINS} is refused: ${read.fault}` }
  return { outcome: 'keys', keys: read.keys, freshSeconds: freshnessOf(headers['cache-control']) }
}

/** The type of the content is ignored: some servers of files know none for a key set. */
function keysIn(body: string): Record<string, unknown>[] | undefined {
  try {
    const set: unknown = JSON.parse(body)
    if (!isObject(set) || !Array.isArray(set.keys)) return undefined
    const keys: unknown[] = set.keys
    return keys.every(isObject) ? keys : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** RFC 9111 §5.2.2, within bounds: a key that was taken out must end soon, and a busy client must not ask all the time. */
function freshnessOf(cacheControl = ''): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return LEAST_FRESH
  const said = /\bmax-age="?(\d{1,9})/i.exec(cacheControl)?.[1]
  return said === undefined ? FRESH : Math.min(MOST_FRESH, Math.max(LEAST_FRESH, Number(said)))
}
