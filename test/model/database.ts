/**
 * The database of the models: the acts of `src/store/acts/` themselves, over plain rows. An act reads rows as they were
 * at one instant, and its writes are kept back. A model may let other events happen before it commits them. So a model
 * can show what an engine has to lock or to compare, and what goes wrong without it.
 *
 * As on a database of READ COMMITTED, the condition of an update is asked of the rows at its commit.
 */
import type { Instant } from '../../src/ground/clock.ts'
import { blacklistVerbs } from '../../src/store/acts/blacklist.ts'
import { grantOf } from '../../src/store/acts/grant-rows.ts'
import { grantVerbs } from '../../src/store/acts/grants.ts'
import { keyVerbs } from '../../src/store/acts/keys.ts'
import type { Act, Engine, Rotated, Selection, Step } from '../../src/store/engine.ts'
import type { RotationRule } from '../../src/store/records/rotation.ts'
import type { RowOf, Table } from '../../src/store/table.ts'
import { TABLES } from '../../src/store/tables.ts'
import { blacklistEntries } from '../../src/store/tables/blacklist.ts'
import { clients } from '../../src/store/tables/clients.ts'
import { grants } from '../../src/store/tables/grants.ts'
import { signingKeys } from '../../src/store/tables/keys.ts'

export type Row = Readonly<Record<string, unknown>>

export interface Database {
  /** By the name of their table. Writes to tables that are not here are left out. */
  readonly rows: Readonly<Record<string, readonly Row[]>>
  readonly revision: number
}

export type Write =
  | { table: string; insert: Row }
  /**
   * `must`: the transaction fails where no row fulfils the condition any more. `raise`: numbers that this write may raise
   * and never lowers, whatever was written since it was decided on.
   */
  | { table: string; where: Row; change: Row; must?: true; raise?: Readonly<Record<string, number>> }
  | { kid: string; mark: Instant }

/** The rows of a table, as tables.ts describes them: only acts write them, and the model's first state. */
export const rowsOf = <T extends Table>({ rows }: Database, { name }: T): RowOf<T>[] =>
  (rows[name] ?? []) as unknown as RowOf<T>[]

const matches = (row: Row, where: Row): boolean => Object.entries(where).every(([name, value]) => row[name] === value)

const keptOf = (name: string): Table['kept'] => TABLES.map((table): Table => table).find((it) => it.name === name)?.kept

/** Writes to the database as it is now. `undefined` where a write that must happen meets no row. */
export function commit(database: Database, writes: readonly Write[]): Database | undefined {
  let after = database
  for (const write of writes) {
    const written = apply(after, write)
    if (written === undefined) return undefined
    after = written
  }
  return after
}

function apply(database: Database, write: Write): Database | undefined {
  if ('mark' in write) return raiseMark(database, write)
  const { rows } = database
  const known = rows[write.table]
  if (!known) return database
  const kept = keptOf(write.table)
  const revision = database.revision + (kept ? 1 : 0)
  const stamp = kept?.stamped === undefined ? {} : { [kept.stamped]: revision }
  if ('insert' in write)
    return { revision, rows: { ...rows, [write.table]: [...known, { ...write.insert, ...stamp }] } }
  const { where, change, must, raise = {} } = write
  if (must && !known.some((row) => matches(row, where))) return undefined
  const changed = known.map((row) =>
    matches(row, where) ? { ...row, ...change, ...raised(row, raise), ...stamp } : row,
  )
  return { revision, rows: { ...rows, [write.table]: changed } }
}

const raised = (row: Row, raise: Readonly<Record<string, number>>): Row =>
  Object.fromEntries(Object.entries(raise).map(([name, value]) => [name, Math.max(Number(row[name]), value)]))

/** The statement by which processes reserve a key's mark. No process has to hear of it. */
function raiseMark(database: Database, { kid, mark }: { kid: string; mark: Instant }): Database {
  const keys = rowsOf(database, signingKeys).map((key) =>
    key.kid === kid && maySign(key) ? { ...key, signedUntil: Math.max(key.signedUntil, mark) } : key,
  )
  return { ...database, rows: { ...database.rows, [signingKeys.name]: keys } }
}

const maySign = ({ status }: RowOf<typeof signingKeys>): boolean => status === 'active' || status === 'retiring'

/** Runs one act against rows that stand still. */
class Runner {
  readonly writes: Write[] = []
  readonly #now: Instant
  readonly #last: (() => Act<void>)[] = []
  #database: Database

  constructor(database: Database, now: Instant) {
    this.#database = database
    this.#now = now
  }

  runWhole<Result>(act: Act<Result>): Result {
    const result = this.run(act)
    for (const begin of this.#last) this.run(begin())
    return result
  }

  run<Result>(act: Act<Result>): Result {
    let next = act.next()
    while (!next.done) next = act.next(this.#take(next.value))
    return next.value
  }

  #take(step: Step): unknown {
    switch (step.step) {
      case 'time':
        return this.#now
      case 'alone':
      case 'heed':
        return undefined
      case 'atEnd':
        return this.#last.push(step.begin)
      case 'together':
        return step.acts.map((act) => this.run(act))
      case 'select':
        return this.#select(step.table, step.selection)
      case 'insert':
        return this.#insert(step.table, step.row)
      case 'update':
        return this.#update(step.table, step.where, step.change)
      case 'rotate':
        return this.#rotate(step.sid, step.decide)
      case 'reserve':
        return this.#reserve(step.kid, step.until)
      case 'latestMark':
        return Math.max(
          0,
          ...this.#keys()
            .filter(isTrusted)
            .map((key) => key.signedUntil),
        )
      case 'newestGrantAt':
        return Math.max(0, ...rowsOf(this.#database, grants).map(({ createdAt }) => createdAt))
      case 'delete':
      case 'tell':
      case 'welcome':
      case 'person':
      case 'countOwned':
      case 'beyond':
        throw new Error(`no model has the step ${step.step} yet`)
    }
  }

  #keys(): RowOf<typeof signingKeys>[] {
    return rowsOf(this.#database, signingKeys)
  }

  #write(write: Write): void {
    this.writes.push(write)
    // Nobody else writes while these rows stand still.
    this.#database = commit(this.#database, [write]) ?? this.#database
  }

  #select(table: Table, { where = {}, orderBy, descending, after, limit }: Selection<Table>): Row[] {
    const found = (this.#database.rows[table.name] ?? []).filter((row) => matches(row, where))
    if (orderBy === undefined) return found.slice(0, limit)
    // Columns that order rows are numbers or texts.
    const valueOf = (row: Row) => row[orderBy] as number | string
    const ordered = found.toSorted((a, b) => (valueOf(a) < valueOf(b) ? -1 : 1) * (descending ? -1 : 1))
    return ordered.filter((row) => after === undefined || valueOf(row) > after).slice(0, limit)
  }

  #insert(table: Table, row: Row): number {
    // Ids of entries are random, and two states that differ only by that are the same.
    const count = this.#database.rows[table.name]?.length ?? 0
    this.#write({ table: table.name, insert: table === blacklistEntries ? { ...row, id: `e${count}` } : row })
    return this.#database.revision
  }

  #update(table: Table, where: Row, change: Row): number {
    const count = (this.#database.rows[table.name] ?? []).filter((row) => matches(row, where)).length
    if (count > 0) this.#write({ table: table.name, where, change })
    return count
  }

  /** Reads, decides, and writes on the condition that the grant is live and its generation the one decided on. */
  #rotate(sid: string, decide: RotationRule): Rotated {
    const row = rowsOf(this.#database, grants).find((each) => each.sid === sid)
    const client = rowsOf(this.#database, clients).find(({ key }) => key === row?.clientKey)
    const grant = row && grantOf(row, client)
    if (!grant) return { outcome: 'unknown' }
    const now = this.#now
    // No person signed in for the grants of the models.
    const person = undefined
    const verdict = decide(grant, now, person)
    if (verdict.act === 'refuse') return { outcome: 'refused', verdict }
    if (verdict.act === 'end') return { outcome: 'ending', grant, verdict }
    const isNew = verdict.act === 'rotate'
    const change = isNew ? { generation: grant.generation + 1, rotatedAt: now } : {}
    const where = { sid, generation: grant.generation, endedAt: null }
    const raise = { accessExpiresAt: verdict.accessExpiresAt }
    this.#write({ table: grants.name, where, change, must: true, raise })
    const accessExpiresAt = Math.max(grant.accessExpiresAt, verdict.accessExpiresAt)
    return { outcome: isNew ? 'rotated' : 'repeated', at: now, person, grant: { ...grant, ...change, accessExpiresAt } }
  }

  #reserve(kid: string, until: Instant): boolean {
    const mayRaise = this.#keys().some((key) => key.kid === kid && maySign(key))
    if (mayRaise) this.#write({ kid, mark: until })
    return mayRaise
  }
}

const isTrusted = ({ status }: RowOf<typeof signingKeys>): boolean => status !== 'retired' && status !== 'revoked'

/** The verbs of the store that the models use. */
type Verbs = ReturnType<typeof grantVerbs> & ReturnType<typeof keyVerbs> & ReturnType<typeof blacklistVerbs>

/**
 * Runs one verb of the store against rows that stand still.
 * @returns the writes that it wants to commit, and its result
 * @throws what the act throws
 */
export function transact<Result>(
  database: Database,
  now: Instant,
  perform: (store: Verbs) => Promise<Result>,
): { result: Result; writes: readonly Write[] } {
  const runner = new Runner(database, now)
  let result: unknown
  const act = <R>(begin: () => Act<R>): Promise<R> => {
    const own = runner.runWhole(begin())
    result = own
    return Promise.resolve(own)
  }
  // These verbs call nothing of an engine but `act`, and they call it before they return their promise.
  const engine = { act, read: act, now: () => now } as unknown as Engine
  void perform({ ...grantVerbs(engine), ...keyVerbs(engine), ...blacklistVerbs(engine) })
  return { result: result as Result, writes: runner.writes } // the result of the one verb that was performed
}
