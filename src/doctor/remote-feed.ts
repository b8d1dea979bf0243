/** The public blacklist feed of an issuer, read page by page. Its values are hashed, so that it names nobody. */
import { createHash } from 'node:crypto'
import type { Members } from './check.ts'
import { fetchDocument } from './remote-document.ts'

interface RemoteEntry {
  id: string
  kind: 'jti' | 'sid' | 'sub' | 'client_id' | 'kid'
  hash: string
  issued_before: number
}

/** The entries that count now, or why not all of them could be read. */
export interface RemoteFeed {
  entries: RemoteEntry[]
  fault: string | undefined
}

/** An issuer that sends more pages than this is not read to the end. */
const MOST_PAGES = 1000

/** @returns `undefined` where this issuer has no feed, as all issuers but Signet */
export async function readFeed(issuer: string): Promise<RemoteFeed | undefined> {
  const url = `${issuer.replace(/\/$/, '')}/blacklist/feed`
  const entries = new Map<string, RemoteEntry>()
  let after: string | undefined
  for (let read = 0; read < MOST_PAGES; read++) {
    const page = await readPage(url, after)
    if (page === 'no feed') return undefined
    const fault = typeof page === 'string' ? page : faultOfOrder(url, page, after)
    if (typeof page === 'string' || fault !== undefined) return { entries: [...entries.values()], fault }
    for (const id of page.removed) entries.delete(id)
    for (const entry of page.entries) entries.set(entry.id, entry)
    if (!page.hasMore) return { entries: [...entries.values()], fault: undefined }
    after = page.cursor
  }
  return { entries: [...entries.values()], fault: `${url} has more than ${MOST_PAGES} pages` }
}

interface RemotePage {
  cursor: string
  entries: RemoteEntry[]
  removed: string[]
  hasMore: boolean
}

/** @returns the page, or in words why there is none */
async function readPage(url: string, after: string | undefined): Promise<RemotePage | string> {
  const fetched = await fetchDocument(after === undefined ? url : `${url}?after=${encodeURIComponent(after)}`, '')
  // A server without a feed answers something else, or refuses. A server that fails or is silent may have a feed.
  if ('fault' in fetched) return after === undefined && isAnswer(fetched) ? 'no feed' : fetched.fault
  const { cursor, entries, removed, more } = fetched.document.value
  if (!Array.isArray(entries)) return after === undefined ? 'no feed' : `${url} answers no page of a feed`
  return {
    cursor: String(cursor),
    entries: entries.filter(isEntry),
    removed: Array.isArray(removed) ? removed.filter((id) => typeof id === 'string') : [],
    hasMore: more === true,
  }
}

const isAnswer = ({ fault, status }: { fault: string; status?: number }): boolean =>
  status === undefined ? / answers /.test(fault) : status < 500 && status !== 429

/** A page that does not lead on would be asked for without end. */
function faultOfOrder(url: string, { cursor, hasMore }: RemotePage, after: string | undefined): string | undefined {
  const isForward = after === undefined || (/^\d+$/.test(cursor) && BigInt(cursor) > BigInt(after))
  if (isForward || (!hasMore && cursor === after)) return undefined
  return `${url} started over while it was read: its database was restored, or several answer in turn`
}

function isEntry(value: unknown): value is RemoteEntry {
  if (value === null || typeof value !== 'object') return false
  const { id, kind, hash, issued_before: before } = { id: '', kind: '', hash: '', issued_before: 0, ...value }
  return [id, kind, hash].every((member) => typeof member === 'string') && typeof before === 'number'
}

const hashOf = (kind: string, value: string): string =>
  createHash('sha256').update(`${kind}:${value}`).digest('base64url')

/** The entry that denies a token, if one does. */
export function findDenying({ entries }: RemoteFeed, header: Members, claims: Members): RemoteEntry | undefined {
  const { jti, sid, sub, client_id } = claims
  const named = Object.entries({ jti, sid, sub, client_id, kid: header.kid })
  const hashes = new Set(named.flatMap(([kind, value]) => (typeof value === 'string' ? [hashOf(kind, value)] : [])))
  const iat = typeof claims.iat === 'number' ? claims.iat : 0
  return entries.find((entry) => hashes.has(entry.hash) && iat <= entry.issued_before)
}
