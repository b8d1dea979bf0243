/** Reads pages of the issuer's feed, holds their entries, and tells whether one denies a token. Touches no network. */
import { sha256Bytes } from './digest.ts'
import { EntryTable, type Row } from './entry-table.ts'
import type { TokenClaims } from './token.ts'

const KINDS = ['jti', 'sid', 'sub', 'client_id', 'kid'] as const
export type RevocationKind = (typeof KINDS)[number]

export interface FeedEntry {
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
  entries: FeedEntry[]
  /** Ids of entries that were lifted. */
  removed: string[]
  /** Another page follows, which is asked for by the cursor. */
  hasMore: boolean
}

/** The entry that denies a token. */
export interface Denial {
  id: string
  kind: RevocationKind
}

/** Hashes of values that come again and again are remembered, so many of each kind. */
const MOST_REMEMBERED = 2000

export class RevocationList {
  readonly #table = new EntryTable()
  /** Entries of each kind. */
  readonly #counts = KINDS.map(() => 0)
  readonly #remembered: Partial<Record<RevocationKind, Map<string, Uint8Array>>> = {
    sub: new Map(),
    client_id: new Map(),
    kid: new Map(),
  }
  readonly #lingerSeconds: number
  /** Seconds; the end of the last entry that was forgotten. */
  #prunedUntil = -Infinity

  /** @param lingerSeconds how much longer than the issuer thinks a token may be accepted here */
  constructor(lingerSeconds: number) {
    this.#lingerSeconds = lingerSeconds
  }

  get size(): number {
    return this.#table.size
  }

  /** The kinds that there are entries of. */
  get kinds(): RevocationKind[] {
    return KINDS.filter((_kind, index) => this.#counts[index] !== 0)
  }

  /** Takes over a page. @returns the kinds of the entries that came or went */
  change({ entries, removed }: Pick<FeedDocument, 'entries' | 'removed'>): Set<RevocationKind> {
    const touched = new Set<RevocationKind>()
    for (const id of removed) {
      const row = this.#table.find(id)
      if (row >= 0) touched.add(this.#remove(row))
    }
    for (const entry of entries) {
      const told = rowOf(entry)
      const known = this.#table.find(entry.id)
      if (known >= 0 && this.#table.holds(known, told)) continue
      if (known >= 0) touched.add(this.#remove(known))
      this.#table.add(told)
      this.#count(told.kind, 1)
      touched.add(entry.kind)
    }
    return touched
  }

  /** The entry that denies a token. @param kid of the key that verified it */
  findDenying(claims: TokenClaims, kid: string | undefined, nowSeconds: number): Denial | undefined {
    if (this.#table.size === 0) return undefined
    for (const [index, kind] of KINDS.entries()) {
      if (this.#counts[index] === 0) continue
      const value = kind === 'kid' ? kid : claims[kind]
      if (typeof value !== 'string') continue
      const hash = this.#hash(kind, value)
      for (let row = this.#table.findHash(hash); row >= 0; row = this.#table.findHash(hash, row))
        if (this.#denies(row, claims, nowSeconds)) return { id: this.#table.idAt(row), kind }
    }
    return undefined
  }

  /** Forgets entries that have ended by themselves. */
  prune(nowSeconds: number): void {
    // From the end: the row that takes the place of a removed one was looked at already.
    for (let row = this.#table.size - 1; row >= 0; row--) {
      const until = this.#table.expiresAtAt(row) + this.#lingerSeconds
      if (until > nowSeconds) continue
      this.#remove(row)
      this.#prunedUntil = Math.max(this.#prunedUntil, until)
    }
  }

  /** Whether an entry was forgotten as ended that has not ended after all, because the clock was set back. */
  isMissing(nowSeconds: number): boolean {
    return this.#prunedUntil > nowSeconds
  }

  /** A token that does not say when it was issued may have been issued before. */
  #denies(row: number, { iat }: TokenClaims, nowSeconds: number): boolean {
    const isAfter = Number(iat) > this.#table.issuedBeforeAt(row)
    return !isAfter && this.#table.expiresAtAt(row) + this.#lingerSeconds > nowSeconds
  }

  #remove(row: number): RevocationKind {
    const kind = this.#table.kindAt(row)
    this.#table.remove(row)
    this.#count(kind, -1)
    return KINDS[kind] ?? 'jti'
  }

  #count(kind: number, change: 1 | -1): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + change
  }

  #hash(kind: RevocationKind, value: string): Uint8Array {
    const remembered = this.#remembered[kind]
    const known = remembered?.get(value)
    if (known !== undefined) return known
    const hash = sha256Bytes(`${kind}:${value}`)
    if (!remembered) return hash
    if (remembered.size >= MOST_REMEMBERED) remembered.clear()
    remembered.set(value, hash)
    return hash
  }
}

const rowOf = ({ id, kind, hash, issued_before, expires_at }: FeedEntry): Row => ({
  id,
  kind: KINDS.indexOf(kind),
  hash: Buffer.from(hash, 'base64url'),
  issuedBefore: issued_before,
  expiresAt: expires_at,
})

/** A cursor is a decimal number of any length: it is never turned into a number, which could not hold it. */
const CURSOR = /^\d{1,40}$/

/** Whether one cursor stands before another. */
export function isBefore(one: string, other: string): boolean {
  const width = Math.max(one.length, other.length)
  return one.padStart(width, '0') < other.padStart(width, '0')
}

/** The feed has at most 512 KiB a page. */
const MOST_PAGE_CHARACTERS = 576 * 1024

/**
 * Reads a page of the feed. Kinds that a later issuer may add are left out.
 * @param characters the length of the page as it came
 * @throws Error where it is no page of a feed
 */
export function readFeed(json: unknown, characters: number): FeedDocument {
  const { cursor, entries, removed, more } = (json ?? {}) as Record<string, unknown> // each is looked at below
  if (typeof cursor !== 'string' || !Array.isArray(entries) || !Array.isArray(removed))
    throw new Error('is no blacklist feed: cursor, entries or removed is missing')
  if (!CURSOR.test(cursor)) throw new Error('is no blacklist feed: cursor is not a whole number')
  if (more !== undefined && typeof more !== 'boolean')
    throw new Error('is no blacklist feed: more is neither true nor false')
  // An issuer that knows no pages sends one document, of any size that can be taken.
  if (more === true && characters > MOST_PAGE_CHARACTERS)
    throw new Error(`sends pages of more than ${MOST_PAGE_CHARACTERS} characters`)
  return {
    cursor,
    entries: entries.filter(isEntry),
    removed: removed.filter((id) => typeof id === 'string'),
    hasMore: more === true,
  }
}

function isEntry(value: unknown): value is FeedEntry {
  const entry = (value ?? {}) as Record<string, unknown> // each is looked at here
  return (
    typeof entry.id === 'string' &&
    typeof entry.hash === 'string' &&
    isSha256(entry.hash) &&
    typeof entry.issued_before === 'number' &&
    typeof entry.expires_at === 'number' &&
    KINDS.some((kind) => kind === entry.kind)
  )
}

const isSha256 = (hash: string): boolean => hash.length === 43 && /^[\w-]{43}$/.test(hash)
