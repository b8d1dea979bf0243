/** The engine on one SQLite file: runs the steps of acts inside the batches of the write queue. */
import { find, isRead, type Act, type Engine, type Step } from '../engine.ts'
import type { Person } from '../records/user.ts'
import type { Kept, Table } from '../table.ts'
import { settings } from '../tables/service.ts'
import { backupVerb } from './backup.ts'
import type { OpenDatabase } from './database.ts'
import { examineVerb } from './examine.ts'
import { factsVerb } from './facts.ts'
import { measuredSteps, type Measured } from './measured.ts'
import { personsIn } from './persons.ts'
import { PreparedStatements } from './statements.ts'
import { subjectVerbs } from './subjects.ts'
import { sweepVerb } from './sweep.ts'

type Row = Record<string, unknown>

export function sqliteEngine(database: OpenDatabase): Engine {
  const runner = new Runner(database)
  const { changes, files } = database
  const facts = factsVerb(database)
  return {
    time: database.time,
    now: database.now,
    act: (act) => database.write(() => runner.runWhole(act())),
    read: (act) => database.readTogether(() => runner.run(readOnly(act()))),
    findGrant: (sid) => database.read(() => runner.measured.findGrant(sid)),
    ...subjectVerbs(database),
    ...sweepVerb(database),
    ...facts,
    ...examineVerb(facts),
    ...backupVerb(database),
    onChange: (listener) => changes.onChange(listener),
    catchUp: () => changes.catchUp(),
    // A request sees what any process has committed, so nobody has to be called.
    pace: { noticeEveryMs: 50, heardWithinMs: 0, readyHearWithinMs: 0, heartbeatEveryMs: undefined },
    listen: () => async () => {},
    silenceMs: () => files.silenceMs(),
    requireAnswer: () =>
      database.read(() => {
        files.requireInPlace()
        runner.run(find(settings, { name: 'issuer' }))
      }),
    machineAheadMs: () => 0,
    pollChanges: async () => {
      files.requireInPlace()
      await changes.deliver(await database.read(() => changes.look()))
    },
    // The absolute path is the name, and a copy of the file has a path of its own.
    placeId: async () => undefined,
    close: database.close,
  }
}

/** Lets only reads pass. A write here would be committed outside of the queue, and no process would hear of it. */
function* readOnly<Result>(act: Act<Result>): Act<Result> {
  let next = act.next()
  while (!next.done) {
    if (!isRead(next.value)) throw new Error(`a read takes no ${next.value.step}`)
    const step = next.value
    next = act.next(yield step.step === 'together' ? { ...step, acts: step.acts.map(readOnly) } : step)
  }
  return next.value
}

class Runner {
  readonly measured: Measured
  readonly #database: OpenDatabase
  readonly #statements: PreparedStatements
  readonly #findPerson: (id: string) => Person | undefined
  #last: (() => Act<void>)[] = []

  constructor(database: OpenDatabase) {
    this.#database = database
    this.#statements = new PreparedStatements(database.connection.raw)
    this.#findPerson = personsIn(database.connection.raw)
    this.measured = measuredSteps(database)
  }

  /** Runs an act, and then what it has left for its end. */
  runWhole<Result>(act: Act<Result>): Result {
    this.#last = []
    const result = this.run(act)
    for (const begin of this.#last) this.run(begin())
    return result
  }

  /** Runs an act to its end, inside the transaction that is open. */
  run<Result>(act: Act<Result>): Result {
    let next = act.next()
    while (!next.done) next = act.next(this.#take(next.value))
    return next.value
  }

  #take(step: Step): unknown {
    switch (step.step) {
      case 'time':
        return this.#database.now()
      // Every act is, in a batch of acts that follow each other.
      case 'alone':
      case 'heed':
        return undefined
      case 'atEnd':
        return this.#last.push(step.begin)
      case 'together':
        return step.acts.map((act) => this.run(act))
      case 'select':
        return this.#statements.select(step.table, step.selection)
      case 'insert':
        return this.#insert(step.table, step.row, step.ifAbsent)
      case 'update':
        return this.#update(step.table, step.where, step.change)
      case 'delete':
        return this.#delete(step)
      case 'tell':
        return this.#database.changes.skip(step.noun, step.skipping)
      case 'rotate':
        return this.measured.rotate(step.sid, step.decide, this.#findPerson)
      case 'reserve':
        return this.measured.reserve(step.kid, step.until)
      case 'welcome':
        return this.measured.welcome(step)
      case 'person':
        return this.#findPerson(step.id)
      case 'countOwned':
        return this.measured.countOwned(step)
      case 'beyond':
        return this.measured.beyond(step)
      case 'latestMark':
        return this.measured.latestMark()
      case 'newestGrantAt':
        return this.measured.newestGrantAt(step.clientKey)
    }
  }

  #insert(table: Table, row: Row, ifAbsent: boolean): number {
    const { kept } = table
    if (!kept) {
      const { changes, key } = this.#statements.insert(table, row, ifAbsent)
      return ifAbsent ? changes : key
    }
    // The change is told first, because the row may hold the revision. Telling a row that exists already does no harm.
    const revision = this.#tell(kept, row)
    const stamped = kept.stamped === undefined ? row : { ...row, [kept.stamped]: revision }
    const { changes, key } = this.#statements.insert(table, stamped, ifAbsent)
    if (ifAbsent) return changes
    return kept.stamped === undefined ? key : revision
  }

  #update(table: Table, where: Row, change: Row): number {
    const { kept } = table
    if (!kept) return this.#statements.update(table, where, change)
    const revision = this.#tell(kept, where)
    const stamped = kept.stamped === undefined ? change : { ...change, [kept.stamped]: revision }
    return this.#statements.update(table, where, stamped)
  }

  #delete({ table, where, unended, isQuiet }: Extract<Step, { step: 'delete' }>): number {
    if (table.kept && !isQuiet) this.#tell(table.kept, where)
    return this.#statements.delete(table, where, unended)
  }

  #tell({ noun, id }: Kept, row: Row): number {
    const named = row[id]
    return this.#database.changes.note(noun, typeof named === 'string' ? named : null)
  }
}
