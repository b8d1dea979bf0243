/**
 * The invariant of the feed's pages: whoever applies them in the order in which they follow each other holds what the
 * blacklist held at the last page's cursor, whatever is added, changed and lifted between two pages.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FeedPages } from '../../src/blacklist/feed-pages.ts'
import { BlacklistFeed, type FeedDocument, type FeedSource } from '../../src/blacklist/feed.ts'
import type { BlacklistEntry } from '../../src/store/records/blacklist.ts'

const SIZES = { mostLines: 6, mostExact: 2 }
const HOUR = 3_600_000

/** A blacklist as the feed sees it: entries in order of revision, the changed one last. */
class Changes implements FeedSource {
  revision = 0
  now = 0
  readonly #byId = new Map<string, BlacklistEntry>()

  entries = () => this.#byId.values()

  replacements = 0

  get size(): number {
    return this.#byId.size
  }

  follow = () => () => true

  /** Adds an entry, or tells of it again with a later end. */
  put(number: number, until: number): void {
    const id = `id-${number}`
    this.#set(id, { deniesUntil: Math.max(until, this.#byId.get(id)?.deniesUntil ?? 0), removedAt: null })
  }

  lift(number: number): void {
    const entry = this.#byId.get(`id-${number}`)
    if (entry) this.#set(entry.id, { deniesUntil: entry.deniesUntil, removedAt: this.now })
  }

  /** As the blacklist forgets what has ended by itself. */
  prune(): void {
    for (const { id, deniesUntil } of this.#byId.values()) if (deniesUntil <= this.now) this.#byId.delete(id)
  }

  standing(): string[] {
    const all = [...this.#byId.values()]
    return all.filter(({ removedAt, deniesUntil }) => removedAt === null && deniesUntil > this.now).map(({ id }) => id)
  }

  #set(id: string, { deniesUntil, removedAt }: Pick<BlacklistEntry, 'deniesUntil' | 'removedAt'>): void {
    this.#byId.delete(id)
    this.revision += 1
    const times = { issuedBefore: deniesUntil, expiresAt: deniesUntil, deniesUntil, createdAt: 0 }
    const rest = { refusesNew: false, reason: null, createdBy: 'x' }
    const lasting: Partial<BlacklistEntry> = { id, kind: 'jti', value: id, ...times, ...rest }
    // The feed reads no other members, should the store add some.
    this.#byId.set(id, { ...lasting, revision: this.revision, removedAt } as BlacklistEntry)
  }
}

/** Applies pages as a verifier does. */
class Reader {
  cursor = '0'
  readonly held = new Map<string, number>()
  readonly #pages: FeedPages

  constructor(pages: FeedPages) {
    this.#pages = pages
  }

  /** @returns whether more pages follow */
  read(): boolean {
    const { body, cursor } = this.#pages.since(Number(this.cursor))
    const document = JSON.parse(body.toString()) as FeedDocument
    expect(document.cursor).toBe(cursor)
    expect(document.entries.length + document.removed.length).toBeLessThanOrEqual(SIZES.mostLines)
    expect(Number(cursor)).toBeGreaterThanOrEqual(Number(this.cursor))
    if (document.more) expect(Number(cursor)).toBeGreaterThan(Number(this.cursor))
    for (const id of document.removed) this.held.delete(id)
    for (const { id, expires_at: until } of document.entries) this.held.set(id, until)
    this.cursor = cursor
    return document.more === true
  }

  standing(now: number): string[] {
    return [...this.held].filter(([, until]) => until * 1000 > now).map(([id]) => id)
  }
}

const step = fc.record({
  what: fc.constantFrom('put', 'put', 'put', 'lift', 'read', 'read', 'newcomer', 'time', 'prune'),
  number: fc.nat(40),
  which: fc.nat(5),
})

test('pages lead every follower to what the blacklist holds, whatever changes on the way', () => {
  let compared = 0
  const property = fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), (steps) => {
    const source = new Changes()
    const clock = { now: () => source.now, elapsed: () => source.now }
    const pages = new FeedPages(new BlacklistFeed(source, clock, SIZES), clock, { hit: 0, miss: 0 })
    const readers = [new Reader(pages)]
    for (const { what, number, which } of steps) {
      if (what === 'put') source.put(number, source.now + (1 + which) * HOUR)
      else if (what === 'lift') source.lift(number)
      else if (what === 'time') source.now += which * 600_000
      else if (what === 'prune') source.prune()
      else if (what === 'newcomer') readers.push(new Reader(pages))
      else readers[which % readers.length]?.read()
    }
    for (const reader of readers) {
      while (reader.read());
      expect(new Set(reader.standing(source.now))).toEqual(new Set(source.standing()))
      if (source.standing().length > SIZES.mostLines) compared += 1
    }
  })
  fc.assert(property, { numRuns: 500 })
  expect(compared).toBeGreaterThan(100)
})
