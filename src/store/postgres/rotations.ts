/**
 * Refreshes that come together share their two statements: all families are read, each is judged by its own rule, and those
 * that renew are written. What becomes of each is its own caller's: a refusal or a conflict of a family touches no other.
 */
import { grantOfRow } from '../acts/grant-rows.ts'
import type { Rotated, RotationRule } from '../engine.ts'
import type { GrantRecord } from '../records/grant.ts'
import type { Database } from './database.ts'
import { renewalOf, type Renewal } from './families.ts'
import { Failure, isOfStatement, sortFailure } from './failures.ts'
import type { Gate } from './gate.ts'
import type { Session } from './pool.ts'

interface Asked {
  sid: string
  decide: RotationRule
  deadline: number
  resolve: (rotated: Rotated) => void
  reject: (error: unknown) => void
}

interface Due {
  asked: Asked
  renewal: Renewal
  outcome: 'rotated' | 'repeated'
}

/** Batches under way at once. While they are, the next ones grow. */
const MOST_BATCHES = 2

/** Families of one batch. */
const MOST_FAMILIES = 200

/** How long a batch waits for memory. */
const HELD_MS = 100

export class Rotations {
  readonly #database: Database
  readonly #gate: Gate
  #waiting: Asked[] = []
  /** Families in a batch. A family that comes again waits for the next one. */
  readonly #underWay = new Set<string>()
  /**
   * Renewals whose answer was lost, by the rule of their caller, who tries again. If one was written after all, it is the
   * caller's: the rule would take the new generation for a reuse.
   */
  readonly #untold = new WeakMap<RotationRule, GrantRecord>()
  #batches = 0
  #isDue = false

  /** @param gate limits how many connections are in use */
  constructor(database: Database, gate: Gate) {
    this.#database = database
    this.#gate = gate
  }

  /** Rotates a family, unless its rule ends it. Rejects with `Failure`, or with what the rule throws. */
  rotate(sid: string, decide: RotationRule, deadline: number): Promise<Rotated> {
    const { promise, resolve, reject } = Promise.withResolvers<Rotated>()
    this.#waiting.push({ sid, decide, deadline, resolve, reject })
    this.#beginSoon()
    return promise
  }

  /** Whether a renewal by this rule may have been written, because its answer was lost. */
  isUntold(decide: RotationRule): boolean {
    return this.#untold.has(decide)
  }

  /** At the end of this turn of the event loop, so that all requests of the turn are in. */
  #beginSoon(): void {
    if (this.#isDue || this.#batches >= MOST_BATCHES || this.#waiting.length === 0) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.#begin()
    })
  }

  #begin(): void {
    const batch = this.#take()
    if (batch.length === 0) return
    this.#batches += 1
    const end = () => {
      this.#batches -= 1
      for (const { sid } of batch) this.#underWay.delete(sid)
      this.#beginSoon()
    }
    void this.#settle(batch).finally(end)
  }

  /** The families that have waited longest, each once. */
  #take(): Asked[] {
    const batch: Asked[] = []
    this.#waiting = this.#waiting.filter((asked) => {
      if (batch.length === MOST_FAMILIES || this.#underWay.has(asked.sid)) return true
      this.#underWay.add(asked.sid)
      batch.push(asked)
      return false
    })
    return batch
  }

  /** Every caller gets an outcome. A statement that the database refuses is tried for each family alone. */
  async #settle(batch: Asked[]): Promise<void> {
    try {
      await this.#attempt(batch)
    } catch (error) {
      const isOfOne = isOfStatement(sortFailure(error)) && batch.length > 1
      if (isOfOne) for (const asked of batch) await this.#settle([asked])
      else for (const { reject } of batch) reject(error)
    }
  }

  async #attempt(batch: Asked[]): Promise<void> {
    const deadline = Math.max(...batch.map((asked) => asked.deadline))
    const leave = await this.#gate.enter(deadline)
    try {
      const session = await this.#database.pool.session(deadline)
      await this.#rotateTogether(batch, session).finally(() => session.release())
    } finally {
      leave()
    }
  }

  /**
   * The rules are asked when memory is at the revision that the reading names, and the writes hold only at that revision.
   */
  async #rotateTogether(batch: Asked[], session: Session): Promise<void> {
    const { families, changes, time } = this.#database
    const read = time.reading()
    const sids = batch.map(({ sid }) => sid)
    const found = await families.find(sids, session)
    if (!found) return batch.forEach(({ resolve }) => resolve({ outcome: 'unknown' }))
    if (!(await changes.reach(found.revision, HELD_MS))) throw new Failure('conflict', '', 'memory is behind')
    const now = read(found.clock)
    const due = batch.flatMap((asked) => judge(asked, found.rows.get(asked.sid), now, this.#untold.get(asked.decide)))
    if (due.length === 0) return
    const began = performance.now()
    const renewals = due.map(({ renewal }) => renewal)
    const written = await families.renew(renewals, found.revision, session).catch((error: unknown) => {
      for (const { asked, renewal, outcome } of due)
        if (outcome === 'rotated') this.#untold.set(asked.decide, renewal.after)
      throw error
    })
    this.#count(began, due.length)
    for (const { asked, outcome } of due) {
      const grant = written.get(asked.sid)
      if (grant) asked.resolve({ outcome, grant, at: now })
      else asked.reject(new Failure('conflict', '', 'the grant was changed meanwhile'))
    }
  }

  #count(began: number, families: number): void {
    const { commits } = this.#database
    commits.seconds.observe((performance.now() - began) / 1000)
    commits.batchSize.observe(families)
  }
}

/** Asks the rule of one family. @returns what is to be written; where nothing is, the caller has its outcome */
function judge(asked: Asked, row: unknown[] | undefined, now: number, untold: GrantRecord | undefined): Due[] {
  const { decide, resolve, reject } = asked
  try {
    const grant: GrantRecord | undefined = row && grantOfRow(row)
    if (!grant) return (resolve({ outcome: 'unknown' }), [])
    if (untold && isSameRotation(untold, grant))
      return (resolve({ outcome: 'rotated', grant, at: grant.rotatedAt }), [])
    const verdict = decide(grant, now)
    if (verdict.act === 'refuse') return (resolve({ outcome: 'refused', verdict }), [])
    if (verdict.act === 'end') return (resolve({ outcome: 'ending', grant, verdict }), [])
    const outcome = verdict.act === 'rotate' ? 'rotated' : 'repeated'
    return [{ asked, renewal: renewalOf(grant, verdict, now), outcome }]
  } catch (error) {
    return (reject(error), [])
  }
}

/** Whether a grant is as one rotation left it. */
const isSameRotation = (after: GrantRecord, grant: GrantRecord): boolean =>
  grant.sid === after.sid &&
  grant.endedAt === null &&
  grant.generation === after.generation &&
  grant.rotatedAt === after.rotatedAt
