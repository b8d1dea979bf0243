/** Checks a key set as verifiers get it: its size, its members, and how long caches may keep it. */
import type { JSONWebKeySet, JWK } from 'jose'
import { PRIVATE_MEMBERS } from '../clients/assertion-key.ts'
import { bad, good, type Check } from './check.ts'
import { clockAhead, fetchDocument } from './remote-document.ts'

/** Some servers fetch a larger key set anew at every request. */
const MOST_JWKS_BYTES = 16_384

/** The known facts about the place of a key set. */
interface KeyPlace {
  prepublishSeconds: number | undefined
  unreachableFix: string
}

interface RemoteKeys {
  checks: Check[]
  jwks: JSONWebKeySet | undefined
  ahead: number
}

/** Fetches a key set and checks it. `ahead` is 0 where the response has no `Date`. */
export async function lookAtKeySet(url: string, place: KeyPlace): Promise<RemoteKeys> {
  const fetched = await fetchDocument(url, place.unreachableFix)
  if ('fault' in fetched) return { checks: [bad('jwks', fetched.fault, fetched.fix)], jwks: undefined, ahead: 0 }
  const { value, bytes, headers } = fetched.document
  const jwks = readKeys(value)
  const ahead = clockAhead(headers) ?? 0
  if (!jwks)
    return {
      checks: [bad('jwks', `${url} holds no keys`, 'is this the jwks_uri of the metadata? A JWKS is {"keys":[…]}')],
      jwks,
      ahead,
    }
  return {
    checks: [
      good('jwks', `${jwks.keys.length} keys at ${url}`),
      checkSize(bytes),
      checkPrivateMembers(jwks),
      checkNames(jwks),
      checkCaching(headers, place),
    ],
    jwks,
    ahead,
  }
}

/** The keys of a set, without checks. With `fresh` the request asks for a copy that no cache keeps. */
export async function fetchKeySet(url: string, { fresh = false } = {}): Promise<JSONWebKeySet | undefined> {
  const address = new URL(url)
  // A name that no cache has seen; servers ignore a query that they do not know.
  if (fresh) address.searchParams.set('signet-doctor', String(Date.now()))
  const fetched = await fetchDocument(address.href, '', fresh ? { 'cache-control': 'no-cache' } : {})
  return 'document' in fetched ? readKeys(fetched.document.value) : undefined
}

function readKeys({ keys }: Record<string, unknown>): JSONWebKeySet | undefined {
  if (!Array.isArray(keys) || keys.length === 0) return undefined
  // Each member is checked where it is used.
  return { keys: keys.filter((key): key is JWK => key !== null && typeof key === 'object') }
}

const checkSize = (bytes: number): Check =>
  bytes < MOST_JWKS_BYTES
    ? good('jwks size', `${bytes} bytes`)
    : bad(
        'jwks size',
        `${bytes} bytes, ${MOST_JWKS_BYTES} or more`,
        'some servers do not cache a key set of this size: retire old keys',
      )

function checkPrivateMembers({ keys }: JSONWebKeySet): Check {
  for (const key of keys) {
    const exposed = PRIVATE_MEMBERS.filter((member) => member in key)
    if (exposed.length === 0) continue
    return bad(
      'jwks secrecy',
      `key ${key.kid ?? 'without a kid'} shows its private members (${exposed.join(', ')}) to everybody`,
      'revoke that key now and replace it (at Signet: signet key revoke KID): whoever fetched the set can sign tokens',
    )
  }
  return good('jwks secrecy', 'public members only')
}

function checkNames({ keys }: JSONWebKeySet): Check {
  const nameless = keys.filter(({ kid, alg }) => !kid || !alg).length
  return nameless === 0
    ? good('jwks names', 'every key has kid and alg')
    : bad('jwks names', `${nameless} keys without kid or alg`, 'verifiers may try the wrong key, or refuse')
}

/** How long a cache may keep it, shared or not, must fit into the time that a key is published before it signs. */
function checkCaching(headers: Headers, { prepublishSeconds }: KeyPlace): Check {
  const cacheControl = headers.get('cache-control') ?? ''
  const ages = [...cacheControl.matchAll(/(?:^|[\s,])(s-maxage|max-age)=(\d+)/g)]
  if (ages.length === 0) return good('jwks caching', 'no max-age: verifiers cache as they like')
  const longest = Math.max(...ages.map(([, , seconds]) => Number(seconds)))
  const found = ages.map(([, name, seconds]) => `${name} is ${seconds} s`).join(', ')
  if (prepublishSeconds === undefined) return good('jwks caching', found)
  if (longest <= prepublishSeconds)
    return good('jwks caching', `${found}, keys are published ${prepublishSeconds} s before they sign`)
  return bad(
    'jwks caching',
    `${found}, longer than keys are published before they sign (${prepublishSeconds} s)`,
    'lower SIGNET_JWKS_MAX_AGE, or what a proxy makes of it: a verifier would meet a key that it has never seen',
  )
}
