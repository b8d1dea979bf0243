/**
 * The feed that downstream verifiers follow. It names nobody (values are hashed), and it stays small: an
 * entry is in it only while a token that it denies could still be alive.
 */
import { createHash } from 'node:crypto'
import { toSeconds, type Clock } from '../clock.ts'
import type { BlacklistEntry } from '../store/store.ts'
import type { Blacklist } from './match.ts'

export interface FeedEntry {
  id: string
  kind: BlacklistEntry['kind']
  /** base64url SHA-256 of `kind:value`. */
  hash: string
  /** Seconds; a token matches when its `iat` is not after this. */
  issued_before: number
  /** Seconds; followers forget the entry then. */
  expires_at: number
}

export interface FeedDocument {
  /** Give it back as `?after=` for what came since. */
  cursor: string
  entries: FeedEntry[]
  /** Ids of entries that were lifted. */
  removed: string[]
}

export class BlacklistFeed {
  readonly #blacklist: Blacklist
  readonly #clock: Clock

  constructor(blacklist: Blacklist, clock: Clock) {
    this.#blacklist = blacklist
    this.#clock = clock
  }

  get cursor(): string {
    return String(this.#blacklist.revision)
  }

  /** What came after a cursor; everything that counts now for `0`. */
  since(after: number): FeedDocument {
    const now = this.#clock.now()
    // A cursor from the future was given by a database that a restore replaced: start over.
    const from = after > this.#blacklist.revision ? 0 : after
    const entries: FeedEntry[] = []
    const removed: string[] = []
    for (const entry of this.#blacklist.entries()) {
      if (entry.revision <= from || entry.deniesUntil <= now) continue
      if (entry.removedAt !== null) removed.push(entry.id)
      else entries.push(feedEntry(entry))
    }
    return { cursor: this.cursor, entries, removed }
  }

  follow(notify: () => void): () => void {
    return this.#blacklist.follow(notify)
  }
}

function feedEntry({ id, kind, value, issuedBefore, deniesUntil }: BlacklistEntry): FeedEntry {
  return {
    id,
    kind,
    hash: createHash('sha256').update(`${kind}:${value}`).digest('base64url'),
    issued_before: toSeconds(issuedBefore),
    expires_at: toSeconds(deniesUntil),
  }
}
