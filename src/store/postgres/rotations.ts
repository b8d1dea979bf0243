/**
 * Refreshes that come together share their two statements: all families are read, each refresh is judged by its own rule,
 * and the families that renew are written. Each outcome goes to its own caller: a refusal or a conflict of a family touches
 * no other. Refreshes of one family are judged in turn, each on what the one before leaves, and written as one.
 */
import { grantOfRow } from '../acts/grant-rows.ts'
import type { Rotated } from '../engine.ts'
import type { GrantRecord } from '../records/grant.ts'
import type { RotationRule } from '../records/rotation.ts'
import type { Person } from '../records/user.ts'
import type { Database } from './database.ts'
import { renewalOf, type Renewal } from './families.ts'
import { Failure, isOfStatement, sortFailure } from './failures.ts'
import type { Gate } from './gate.ts'
import { personOfRow } from './persons.ts'
import type { Session, Values } from './pool.ts'

interface Asked {
  sid: string
  decide: RotationRule
  deadline: number
  resolve: (rotated: Rotated) => void
  reject: (error: unknown) => void
}

/** A family as it was read, the person who gave its grant by signing in, and the refreshes that ask for it. */
interface Family {
  grant: GrantRecord
  person: Person | undefined
  asked: Asked[]
}

/** A refresh that is granted, the grant as it leaves it, and the person whom its rule has judged. */
interface Use {
  asked: Asked
  outcome: 'rotated' | 'repeated'
  after: GrantRecord
  person: Person | undefined
}

/** A family that is to be written, for all uses of it together. */
interface Due {
  renewal: Renewal
  uses: Use[]
}

/** Batches under way at once. While they are, the next ones grow. */
const MOST_BATCHES = 2

/** Refreshes of one batch. */
const MOST_IN_A_BATCH = 200

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

  /** The refreshes that have waited longest, of families that are in no batch. */
  #take(): Asked[] {
    const batch: Asked[] = []
    this.#waiting = this.#waiting.filter((asked) => {
      if (batch.length === MOST_IN_A_BATCH || this.#underWay.has(asked.sid)) return true
      batch.push(asked)
      return false
    })
    for (const { sid } of batch) this.#underWay.add(sid)
    return batch
  }

  /** Every caller gets an outcome. A statement that the database refuses is tried for each refresh alone. */
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
   * The rules are asked when memory is at the revision that the reading names, or newer, and the writes hold only at that
   * revision. A denial of a person is a change that raises it, as every denial is.
   */
  async #rotateTogether(batch: Asked[], session: Session): Promise<void> {
    const { families, persons, changes, time } = this.#database
    const read = time.reading()
    const asked = Map.groupBy(batch, ({ sid }) => sid)
    const found = await families.find([...asked.keys()], session)
    if (!found) return batch.forEach(({ resolve }) => resolve({ outcome: 'unknown' }))
    if (!(await changes.reach(found.revision, HELD_MS))) throw new Failure('conflict', '', 'memory is behind')
    const now = read(found.clock)
    const grants = [...asked].flatMap(([sid, uses]) => readGrant(found.rows.get(sid), uses) ?? [])
    // Read last, so that little time is left until the writes.
    const rows = await persons.behind(grants, session)
    const due = grants.flatMap((grant) => {
      const family = readFamily(grant, rows.get(grant.sub), asked.get(grant.sid) ?? [])
      return family ? this.#judge(family, now) : []
    })
    if (due.length === 0) return
    const began = performance.now()
    const renewals = due.map(({ renewal }) => renewal)
    const used = due.flatMap(({ uses }) => uses)
    const written = await families.renew(renewals, found.revision, session).catch((error: unknown) => {
      // If the server itself refuses, nothing was written.
      if (sortFailure(error).kind === 'lost')
        for (const use of used) if (use.outcome === 'rotated') this.#untold.set(use.asked.decide, use.after)
      throw error
    })
    this.#count(began, used.length)
    for (const use of used) answer(use, written.get(use.asked.sid), now)
  }

  /**
   * Asks the rules of one family's refreshes in turn.
   * @returns what is to be written; where nothing is, the callers have their outcomes
   */
  #judge(family: Family, now: number): Due[] {
    const { grant: before, person } = family
    const uses: Use[] = []
    for (const each of family.asked) {
      const untold = this.#untold.get(each.decide)
      if (untold && isSameRotation(untold, before))
        each.resolve({ outcome: 'rotated', grant: before, person, at: before.rotatedAt })
      else this.#judgeNext(each, uses, family, now)
    }
    const last = uses.at(-1)
    return last ? [{ renewal: { before, after: last.after }, uses }] : []
  }

  /** A use that renews joins the others. Any other outcome is told only if it rests on what is stored, else judged later. */
  #judgeNext(asked: Asked, uses: Use[], { grant: stored, person }: Family, now: number): void {
    const grant = uses.at(-1)?.after ?? stored
    const { decide, resolve, reject } = asked
    try {
      const verdict = decide(grant, now, person)
      if (verdict.act === 'rotate' || verdict.act === 'repeat') {
        const { after } = renewalOf(grant, verdict, now)
        uses.push({ asked, outcome: verdict.act === 'rotate' ? 'rotated' : 'repeated', after, person })
      } else if (uses.length > 0) this.#waiting.push(asked)
      else if (verdict.act === 'refuse') resolve({ outcome: 'refused', verdict })
      else resolve({ outcome: 'ending', grant, verdict })
    } catch (error) {
      if (uses.length > 0) this.#waiting.push(asked)
      else reject(error)
    }
  }

  #count(began: number, families: number): void {
    const { commits } = this.#database
    commits.seconds.observe((performance.now() - began) / 1000)
    commits.batchSize.observe(families)
  }
}

/** The grant of a row; without one, the callers are told. */
function readGrant(row: unknown[] | undefined, asked: Asked[]): GrantRecord | undefined {
  try {
    const grant = row && grantOfRow(row)
    if (!grant) for (const { resolve } of asked) resolve({ outcome: 'unknown' })
    return grant
  } catch (error) {
    for (const { reject } of asked) reject(error)
    return undefined
  }
}

/** The family with its person; without one that can be read, the callers are told. */
function readFamily(grant: GrantRecord, row: Values | undefined, asked: Asked[]): Family | undefined {
  try {
    return { grant, person: grant.signIn === null ? undefined : personOfRow(row), asked }
  } catch (error) {
    for (const { reject } of asked) reject(error)
    return undefined
  }
}

/** @param written the family as it stands then, if it was written */
function answer({ asked, outcome, after, person }: Use, written: GrantRecord | undefined, at: number): void {
  if (!written) return asked.reject(new Failure('conflict', '', 'the grant was changed meanwhile'))
  asked.resolve({ outcome, grant: { ...after, accessExpiresAt: written.accessExpiresAt }, person, at })
}

/** Whether a grant is as one rotation left it. */
const isSameRotation = (after: GrantRecord, grant: GrantRecord): boolean =>
  grant.sid === after.sid &&
  grant.endedAt === null &&
  grant.generation === after.generation &&
  grant.rotatedAt === after.rotatedAt
