/** The public blacklist feed of an issuer (the contract, §4): hashed, so that it names nobody. */
import { createHash } from 'node:crypto'
import type { Members } from './check.ts'
import { fetchDocument } from './remote-document.ts'

interface RemoteEntry {
  id: string
  kind: 'jti' | 'sid' | 'sub' | 'client_id' | 'kid'
  hash: string
  issued_before: number
}

/** The entries that count now; `undefined` where this issuer has no feed, as all but Signet. */
export async function readFeed(issuer: string): Promise<RemoteEntry[] | undefined> {
  const fetched = await fetchDocument(`${issuer.replace(/\/$/, '')}/blacklist/feed`, '')
  if ('fault' in fetched || !Array.isArray(fetched.document.value.entries)) return undefined
  return fetched.document.value.entries.filter(isEntry)
}

function isEntry(value: unknown): value is RemoteEntry {
  if (value === null || typeof value !== 'object') return false
  const { id, kind, hash, issued_before: before } = { id: '', kind: '', hash: '', issued_before: 0, ...value }
  return [id, kind, hash].every((member) => typeof member === 'string') && typeof before === 'number'
}

const hashOf = (kind: string, value: string): string =>
  createHash('sha256').update(`${kind}:${value}`).digest('base64url')

/** The entry that denies a token, if one does. */
export function findDenying(feed: RemoteEntry[], header: Members, claims: Members): RemoteEntry | undefined {
  const { jti, sid, sub, client_id } = claims
  const named = Object.entries({ jti, sid, sub, client_id, kid: header.kid })
  const hashes = new Set(named.flatMap(([kind, value]) => (typeof value === 'string' ? [hashOf(kind, value)] : [])))
  const iat = typeof claims.iat === 'number' ? claims.iat : 0
  return feed.find((entry) => hashes.has(entry.hash) && iat <= entry.issued_before)
}
