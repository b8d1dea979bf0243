/**
 * The invariant of a follower: whenever its list counts as whole, it is what the feed held at its cursor, however many
 * questions are open at a time, in whatever order pages arrive, and even if replicas lag behind. A page may already
 * leave out what was lifted after its cursor, and nothing else.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FollowedList, type Position } from '../../verifiers/node/src/followed-list.ts'
import type { FeedDocument, FeedEntry } from '../../verifiers/node/src/revocation-list.ts'

const IDS = ['a', 'b', 'c']

const entryOf = (id: string): FeedEntry => ({
  id,
  kind: 'jti',
  hash: createHash('sha256').update(`jti:${id}`).digest('base64url'),
  issued_before: 1,
  expires_at: Infinity,
})

/** The entries of the issuer: each change is an id that came or went. */
class Feed {
  readonly #changes: { id: string; isThere: boolean }[] = []

  get cursor(): number {
    return this.#changes.length
  }

  toggle(id: string): void {
    this.#changes.push({ id, isThere: !this.standing(this.cursor).includes(id) })
  }

  standing(cursor: number): string[] {
    const newest = new Map(this.#changes.slice(0, cursor).map(({ id, isThere }) => [id, isThere]))
    return IDS.filter((id) => newest.get(id))
  }

  /**
   * A page of a replica that knows the changes up to `cursor`; the first page where it is asked for what it does not
   * know. Whoever asks from within a page may be sent that page from its beginning.
   */
  since(after: number, cursor: number, pageSize: number): FeedDocument {
    const asked = after > cursor ? 0 : after
    const from = asked - (asked % pageSize)
    const to = Math.min(from + pageSize, cursor)
    const touched = new Set(this.#changes.slice(from, to).map(({ id }) => id))
    const standing = this.standing(to)
    const later = this.standing(cursor)
    return {
      cursor: String(to),
      entries: standing.filter((id) => touched.has(id) && later.includes(id)).map(entryOf),
      removed: [...touched].filter((id) => !standing.includes(id)),
      hasMore: to < cursor,
    }
  }

  /** The entries that were not touched since. */
  lasting(cursor: number): string[] {
    const touched = this.#changes.slice(cursor).map(({ id }) => id)
    return this.standing(cursor).filter((id) => !touched.includes(id))
  }
}

/** A question, with the answers that are on their way; an event line goes on from each of them. */
interface Line {
  at: Position
  sent: number
  answers: FeedDocument[]
}

interface Step {
  what: 'change' | 'ask' | 'answer' | 'arrive'
  which: number
  /** By how many changes the replica lags that answers. */
  behind: number
  pageSize: number
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('change', 'ask', 'answer', 'arrive', 'arrive'),
  which: fc.nat(20),
  behind: fc.constantFrom(0, 0, 0, 1, 3),
  pageSize: fc.constantFrom(2, 3, 100),
})

class Scene {
  readonly feed = new Feed()
  readonly list = new FollowedList(0)
  #lines: Line[] = []

  do({ what, which, behind, pageSize }: Step): void {
    const line = this.#lines[which % this.#lines.length]
    if (what === 'change') this.feed.toggle(IDS[which % IDS.length] ?? 'a')
    else if (what === 'ask') this.#ask()
    else if (line && what === 'answer') this.#answer(line, Math.max(0, this.feed.cursor - behind), pageSize)
    else if (line) this.#arrive(line)
  }

  denied(): string[] {
    return IDS.filter((jti) => this.list.findDenying({ exp: 0, jti }, undefined, 0))
  }

  #ask(): void {
    const at = this.list.position
    this.#lines.push({ at, sent: Number(at.after ?? 0), answers: [] })
  }

  #answer(line: Line, cursor: number, pageSize: number): void {
    const page = this.feed.since(line.sent, cursor, pageSize)
    line.answers.push(page)
    line.sent = Number(page.cursor)
  }

  #arrive(line: Line): void {
    const document = line.answers.shift()
    const taken = document && this.list.take(line.at, document)
    if (typeof taken === 'object') line.at = taken.at
    // As the follower does: a line that has nothing more to say about this list is closed.
    else if (taken) this.#lines = this.#lines.filter((each) => each !== line)
  }
}

test('the list is what the feed held at its cursor, whatever the order of answers', () => {
  let compared = 0
  const property = fc.property(fc.array(step, { minLength: 10, maxLength: 80 }), (steps) => {
    const scene = new Scene()
    for (const each of steps) {
      scene.do(each)
      const { isWhole, cursor } = scene.list
      if (!isWhole) continue
      expect(scene.feed.standing(Number(cursor))).toEqual(expect.arrayContaining(scene.denied()))
      expect(scene.denied()).toEqual(expect.arrayContaining(scene.feed.lasting(Number(cursor))))
      if (scene.denied().length > 0) compared += 1
    }
  })
  fc.assert(property, { numRuns: 1000, interruptAfterTimeLimit: 8000 })
  expect(compared).toBeGreaterThan(100)
})
