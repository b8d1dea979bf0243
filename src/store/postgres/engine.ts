/** The engine on PostgreSQL: runs acts as transactions that are tried again when another was faster. */
import { Unavailable, Unheard } from '../../ground/errors.ts'
import { NEWS_MS, isReadyAfter, publishedWithin } from '../../ground/silence.ts'
import { isRead, type Act, type ActKind, type Engine, type Patience, type Step } from '../engine.ts'
import { backOff } from '../patience.ts'
import type { GrantRecord } from '../records/grant.ts'
import type { RotationRule } from '../records/rotation.ts'
import { decodeRow } from '../rows.ts'
import type { ChangeLog } from './changes.ts'
import type { Database } from './database.ts'
import { Failure, allOf, isInTheWay, isMisled, isOfStatement, unavailable } from './failures.ts'
import { readPlaceId } from './place-id.ts'
import { examineVerb } from './examine.ts'
import { backupFault, factsVerb } from './facts.ts'
import { Gate } from './gate.ts'
import type { Session } from './pool.ts'
import { Rotations } from './rotations.ts'
import { subjectVerbs } from './subjects.ts'
import { sweepVerb } from './sweep.ts'
import { patienceLeft } from './time-limits.ts'
import { NeedsExclusive, Transaction } from './transaction.ts'

/** Below a second, with what a look takes: a notification may be lost. */
const NOTICE_EVERY_MS = 250

export function postgresEngine(database: Database): Engine {
  const { changes, time } = database
  const acts = new Acts(database)
  const facts = factsVerb(database)
  return {
    time: time.steady,
    now: () => time.now(),
    act: (act, kind, patience) => acts.run(act, kind, patience),
    read: (act, patience) => patiently(database, (deadline) => readTogether(act, database, deadline), patience),
    findGrant: (sid) =>
      patiently(database, async (deadline): Promise<GrantRecord | undefined> => {
        const session = await database.pool.session(deadline)
        return database.families.findGrant(sid, session).finally(() => session.release())
      }),
    ...subjectVerbs(database),
    ...sweepVerb(database),
    ...facts,
    ...examineVerb(database, facts),
    placeId: () => readPlaceId(database),
    onChange: (listener) => changes.onChange(listener),
    catchUp: () => changes.catchUp(),
    pollChanges: () => look(changes),
    pace: {
      noticeEveryMs: NOTICE_EVERY_MS,
      heardWithinMs: NEWS_MS,
      readyHearWithinMs: publishedWithin(),
      heartbeatEveryMs: 5000,
    },
    listen: () => database.listener.start(),
    silenceMs: () => changes.silenceMs(),
    requireAnswer: async () => {
      const silenceMs = changes.silenceMs()
      if (!isReadyAfter(silenceMs))
        throw new Unavailable(`the database has not answered for ${Math.round(silenceMs / 1000)} s`)
    },
    machineAheadMs: () => time.machineAheadMs,
    backup: () => Promise.reject(backupFault()),
    close: async () => {
      await acts.finished()
      await changes.settled()
      await database.close()
    },
  }
}

async function look(changes: ChangeLog): Promise<void> {
  try {
    await changes.look()
  } catch (error) {
    throw unavailable(error)
  }
}

/**
 * How often an act may find a key taken. Each attempt reads the state anew, and others cannot make and remove a row that
 * often in between: an act that still inserts it has not looked.
 */
const MOST_TAKEN = 20

/** Tries again what failed by no fault of its own, until the deadline. A second attempt never follows a commit. */
async function patiently<Result>(
  { outage }: Database,
  attempt: (deadline: number) => Promise<Result>,
  patience?: Patience,
): Promise<Result> {
  const deadline = patienceLeft(patience)
  let taken = 0
  let told: Failure | undefined
  for (let tries = 0; ; tries++) {
    try {
      const result = await attempt(deadline)
      outage.end()
      return result
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const isOver = performance.now() > deadline || (isMisled(error) && outage.lasts())
      if (error.kind === 'taken') taken++
      const isHopeless = isOfStatement(error) || error.kind === 'outage' || taken >= MOST_TAKEN
      // The server's own words say more than that the next connection was not made in time.
      told = error.code === '' ? (told ?? error) : error
      if (isOver || isHopeless) throw unavailable(told)
    }
    await backOff(tries)
  }
}

/** Runs reads in one snapshot. Its beginning is sent together with the first step, and its end is waited for by nobody. */
async function readTogether<Result>(act: () => Act<Result>, database: Database, deadline: number): Promise<Result> {
  const session = await database.pool.session(deadline)
  const begun = session.script('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  // It is awaited below. A failure before that would otherwise count as unhandled, and end the process.
  begun.catch(() => {})
  const end = () =>
    void session
      .script('COMMIT')
      .catch(() => session.giveUp())
      .finally(() => session.release())
  try {
    const result = await runReads(act(), database, session)
    await begun
    return result
  } finally {
    end()
  }
}

async function runReads<Result>(act: Act<Result>, database: Database, session: Session): Promise<Result> {
  const { statements, persons, time } = database
  const take = async (step: Step): Promise<unknown> => {
    if (step.step === 'time') return time.now()
    if (!isRead(step)) throw new Error(`a read takes no ${step.step}`)
    if (step.step === 'person') return persons.find(step.id, session)
    if (step.step === 'together') return allOf(step.acts.map((each) => runReads(each, database, session)))
    const { text, values } = statements.select(step.table, step.selection)
    const rows = await session.ask(text, values)
    return rows.flatMap((row) => decodeRow(step.table, row, step.selection.onUnreadable) ?? [])
  }
  let next = act.next()
  while (!next.done) next = act.next(await take(next.value))
  return next.value
}

/** The error for a caller whose refresh was written, or not: nobody could be asked afterwards. */
const untold = (error: unknown): unknown =>
  error instanceof Unavailable
    ? new Unheard(`the answer of the database to a refresh was lost: it may be stored (${error.message})`, {
        cause: error,
      })
    : error

const needsToBeAlone = (error: unknown): boolean =>
  error instanceof NeedsExclusive || (error instanceof Failure && isInTheWay(error))

/** How long a transaction that holds a lock waits for memory. */
const HELD_MS = 100

/** Runs acts. Each attempt is one transaction, except for an act that only rotates, which takes two statements. */
class Acts {
  readonly #database: Database
  /** A connection stays free for reads: memory is read while an act waits for it. */
  readonly #gate: Gate
  /** Only one exclusive act of this process waits for the lock of all processes. */
  readonly #exclusiveGate = new Gate(1)
  readonly #rotations: Rotations
  readonly #running = new Set<Promise<unknown>>()
  #isClosed = false

  constructor(database: Database) {
    this.#database = database
    this.#gate = new Gate(Math.max(1, database.size - 1))
    this.#rotations = new Rotations(database, this.#gate)
  }

  run<Result>(act: () => Act<Result>, kind: ActKind = 'guarded', patience?: Patience): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new Unavailable('the database is closed'))
    let wanted = kind
    let rule: RotationRule | undefined
    const running = patiently(
      this.#database,
      async (deadline) => {
        const begun = act()
        const first = wanted === 'exclusive' ? undefined : begun.next()
        if (first?.done) return first.value
        if (first?.value.step === 'rotate') {
          rule = first.value.decide
          const rotated = await this.#rotations.rotate(first.value.sid, rule, deadline)
          const after = begun.next(rotated)
          if (after.done) return after.value
          wanted = 'exclusive'
        }
        try {
          return await this.#inTurn(act, wanted, deadline)
        } catch (error) {
          if (wanted === 'exclusive' || !needsToBeAlone(error)) throw error
          wanted = 'exclusive'
          return this.#inTurn(act, wanted, deadline)
        }
      },
      patience,
    ).catch((error: unknown) => {
      throw rule && this.#rotations.isUntold(rule) ? untold(error) : error
    })
    this.#running.add(running)
    const forget = () => this.#running.delete(running)
    running.then(forget, forget)
    return running
  }

  /** Resolves when the acts so far have ended; no other begins. */
  async finished(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#running)
  }

  async #inTurn<Result>(act: () => Act<Result>, kind: ActKind, deadline: number): Promise<Result> {
    const leaveExclusive = kind === 'exclusive' ? await this.#exclusiveGate.enter(deadline) : () => {}
    try {
      const leave = await this.#gate.enter(deadline, kind === 'exclusive' ? 'exclusive' : 'common')
      const done = await this.#attempt(act, kind, deadline).finally(leave)
      leaveExclusive()
      await done.announced
      return done.result
    } finally {
      leaveExclusive()
    }
  }

  async #attempt<Result>(
    act: () => Act<Result>,
    kind: ActKind,
    deadline: number,
  ): Promise<{ result: Result; announced: Promise<void> | undefined }> {
    const { pool } = this.#database
    const session = await pool.session(deadline)
    try {
      const transaction = await this.#begin(session, kind, deadline)
      let result: Result
      try {
        result = await transaction.runWhole(act())
        await transaction.ready()
        if (performance.now() > deadline) throw new Failure('outage', '', 'the act took too long')
      } catch (error) {
        await transaction.rollBack()
        throw error
      }
      const began = performance.now()
      await this.#commit(transaction)
      this.#count(began)
      return { result, announced: this.#announce(transaction) }
    } finally {
      session.release()
    }
  }

  /** Begins with memory as new as the database: the rules of acts read memory, too. */
  async #begin(session: Session, kind: ActKind, deadline: number): Promise<Transaction> {
    const transaction = await Transaction.begin(session, kind, this.#database, deadline - performance.now()).catch(
      async (error: unknown) => {
        // The beginning may have got as far as the lock.
        await session.script('ROLLBACK').catch(() => session.giveUp())
        throw error
      },
    )
    if (kind === 'free' || (await this.#database.changes.reach(transaction.revision, HELD_MS))) return transaction
    await transaction.rollBack()
    throw new Failure('conflict', '', 'this process cannot take over what another has changed')
  }

  /** A failure on the way back says nothing about the outcome, so the act is not run again. */
  async #commit(transaction: Transaction): Promise<void> {
    try {
      await transaction.commit()
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'lost') throw error
      throw new Unheard('the connection was lost while the change was being stored: it may be stored', { cause: error })
    }
  }

  #count(began: number): void {
    const { commits } = this.#database
    commits.seconds.observe((performance.now() - began) / 1000)
    commits.batchSize.observe(1)
  }

  #announce({ changes: told, revision }: Transaction): Promise<void> | undefined {
    if (told.length === 0) return undefined
    return this.#database.changes.announce(told, revision).then((isHeard) => {
      if (!isHeard) throw new Unheard('the change is stored, and this process could not take it over yet')
    })
  }
}
