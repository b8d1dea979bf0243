/** What the issuer's feed has told so far, and whether it denies a token. Touches no network. */
import { sha256 } from './digest.ts'
import type { TokenClaims } from './token.ts'

const KINDS = ['jti', 'sid', 'sub', 'client_id', 'kid'] as const
export type RevocationKind = (typeof KINDS)[number]

export interface RevocationEntry {
  id: string
  kind: RevocationKind
  /** base64url SHA-256 of `kind:value`: the feed names nobody. */
  hash: string
  /** Seconds; a token matches when its `iat` is not after this. */
  issued_before: number
  /** Seconds; forgotten then, because every token that it denies has expired. */
  expires_at: number
}

export interface FeedDocument {
  cursor: string
  entries: RevocationEntry[]
  removed: string[]
}

/** Of each kind whose values come again and again; their hashes are kept for a while. */
const MOST_REMEMBERED = 2000

export class RevocationList {
  readonly #byId = new Map<string, RevocationEntry>()
  readonly #byHash = new Map<string, RevocationEntry[]>()
  readonly #counts: Record<RevocationKind, number> = { jti: 0, sid: 0, sub: 0, client_id: 0, kid: 0 }
  readonly #remembered: Partial<Record<RevocationKind, Map<string, string>>> = {
    sub: new Map(),
    client_id: new Map(),
    kid: new Map(),
  }
  readonly #lingerSeconds: number
  /** Seconds; when the last of what was forgotten would have ended. */
  #prunedUntil = -Infinity

  /** @param lingerSeconds how much longer than the issuer thinks a token may be accepted here */
  constructor(lingerSeconds: number) {
    this.#lingerSeconds = lingerSeconds
  }

  /** Rises with every entry that comes: what was not denied before may be now. */
  version = 0

  get size(): number {
    return this.#byId.size
  }

  /** Takes the whole list in the place of this one. @returns the kinds that entries came or went of */
  replace(document: FeedDocument): Set<RevocationKind> {
    const touched = new Set<RevocationKind>()
    const standing = new Set(document.entries.map(({ id }) => id))
    for (const entry of this.#byId.values()) if (!standing.has(entry.id)) touched.add(this.#remove(entry))
    this.#prunedUntil = -Infinity
    for (const kind of this.change(document)) touched.add(kind)
    return touched
  }

  /** Takes over what came. @returns the kinds that entries came or went of */
  change({ entries, removed }: Pick<FeedDocument, 'entries' | 'removed'>): Set<RevocationKind> {
    const touched = new Set<RevocationKind>()
    for (const id of removed) {
      const entry = this.#byId.get(id)
      if (entry) touched.add(this.#remove(entry))
    }
    for (const entry of entries) {
      const known = this.#byId.get(entry.id)
      if (known && saysTheSame(known, entry)) continue
      if (known) touched.add(this.#remove(known))
      this.#add(entry)
      touched.add(entry.kind)
    }
    return touched
  }

  /** The entry that denies a token. @param kid of the key that verified it */
  findDenying(claims: TokenClaims, kid: string | undefined, nowSeconds: number): RevocationEntry | undefined {
    if (this.#byId.size === 0) return undefined
    for (const kind of KINDS) {
      if (this.#counts[kind] === 0) continue
      const value = kind === 'kid' ? kid : claims[kind]
      if (typeof value !== 'string') continue
      const entries = this.#byHash.get(this.#hash(kind, value))
      const denying = entries?.find(
        // A token that does not say when it was issued may have been issued before.
        (entry) => !(Number(claims.iat) > entry.issued_before) && entry.expires_at + this.#lingerSeconds > nowSeconds,
      )
      if (denying) return denying
    }
    return undefined
  }

  /** Forgets what has ended by itself. */
  prune(nowSeconds: number): void {
    for (const entry of this.#byId.values()) {
      const until = entry.expires_at + this.#lingerSeconds
      if (until > nowSeconds) continue
      this.#remove(entry)
      this.#prunedUntil = Math.max(this.#prunedUntil, until)
    }
  }

  /** Whether something was forgotten as ended that has not ended after all: the clock was set back. */
  isMissing(nowSeconds: number): boolean {
    return this.#prunedUntil > nowSeconds
  }

  #add(entry: RevocationEntry): void {
    this.version += 1
    this.#byId.set(entry.id, entry)
    const same = this.#byHash.get(entry.hash)
    if (same) same.push(entry)
    else this.#byHash.set(entry.hash, [entry])
    this.#counts[entry.kind] += 1
  }

  #remove(entry: RevocationEntry): RevocationKind {
    this.#byId.delete(entry.id)
    const rest = (this.#byHash.get(entry.hash) ?? []).filter((each) => each !== entry)
    if (rest.length > 0) this.#byHash.set(entry.hash, rest)
    else this.#byHash.delete(entry.hash)
    this.#counts[entry.kind] -= 1
    return entry.kind
  }

  #hash(kind: RevocationKind, value: string): string {
    const remembered = this.#remembered[kind]
    const known = remembered?.get(value)
    if (known !== undefined) return known
    const hash = sha256(`${kind}:${value}`)
    if (!remembered) return hash
    if (remembered.size >= MOST_REMEMBERED) remembered.clear()
    remembered.set(value, hash)
    return hash
  }
}

const saysTheSame = (one: RevocationEntry, other: RevocationEntry): boolean =>
  one.kind === other.kind &&
  one.hash === other.hash &&
  one.issued_before === other.issued_before &&
  one.expires_at === other.expires_at

/** Cursors are compared, so they are whole numbers that a double holds exactly. */
const CURSOR = /^\d{1,15}$/

/**
 * Reads a document of the feed. Kinds that a later issuer may add are left out.
 * @throws Error where it is no feed
 */
export function readFeed(json: unknown): FeedDocument {
  const { cursor, entries, removed } = (json ?? {}) as Record<string, unknown> // each is looked at below
  if (typeof cursor !== 'string' || !Array.isArray(entries) || !Array.isArray(removed))
    throw new Error('is no blacklist feed: cursor, entries or removed is missing')
  if (!CURSOR.test(cursor)) throw new Error('is no blacklist feed: cursor is not a whole number')
  return { cursor, entries: entries.filter(isEntry), removed: removed.filter((id) => typeof id === 'string') }
}

function isEntry(value: unknown): value is RevocationEntry {
  const entry = (value ?? {}) as Record<string, unknown> // each is looked at here
  return (
    typeof entry.id === 'string' &&
    typeof entry.hash === 'string' &&
    typeof entry.issued_before === 'number' &&
    typeof entry.expires_at === 'number' &&
    KINDS.some((kind) => kind === entry.kind)
  )
}
