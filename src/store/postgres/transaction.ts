/**
 * An attempt at an act: a transaction that runs its steps in turn. The lock of all processes (lock.ts) keeps others from
 * changing the facts that it is decided by. An exclusive act reads the newest committed state after it has the lock (READ
 * COMMITTED). All others read the state in which they got it, and fail where another has changed what they write
 * (REPEATABLE READ); then they run again.
 */
import type { Instant } from '../../ground/clock.ts'
import { grantOfRow } from '../acts/grant-rows.ts'
import type { Act, ActKind, Rotated, Step } from '../engine.ts'
import type { RotationRule } from '../records/rotation.ts'
import { decodeRow } from '../rows.ts'
import type { Kept, Table } from '../table.ts'
import { grants } from '../tables/grants.ts'
import { changes, revision } from '../tables/service.ts'
import type { Noted } from './changes.ts'
import { Failure, allOf, isOfEarlier } from './failures.ts'
import { renewalOf, type Families } from './families.ts'
import { lockingFor, type LockNeeds } from './lock.ts'
import type { Measured } from './measured.ts'
import { personOfRow, type Persons } from './persons.ts'
import type { Session } from './pool.ts'
import { generatedOf, type Row, type Statement } from '../statements.ts'
import { encodeText } from './text.ts'
import { CLOCK_MS, type DatabaseTime } from './time.ts'

/** Thrown by an act that writes a kept table, or asks to be alone, and did not begin as exclusive; it is begun again. */
export class NeedsExclusive extends Error {}

/** The channel on which replicas call each other. The payload is the schema and the revision. */
export const CHANNEL = 'signet_changes'

/**
 * A guarded act waits for a row for this part of its time. Acts that wait for each other lock rows in other
 * orders, and the server looks for that only after a second (`deadlock_timeout`), which leaves a request no time.
 */
const ROW_WAITS = 6

export interface TransactionNeeds extends LockNeeds {
  measured: Measured
  families: Families
  persons: Persons
  time: DatabaseTime
  schema: string
  /** Whether the database can notify. */
  notifies: boolean
}

export class Transaction {
  readonly #session: Session
  readonly #needs: TransactionNeeds
  readonly #kind: ActKind
  /** The time that decides in this transaction: read when the lock was held, and again for what is left for the end. */
  #now: Instant
  readonly #last: (() => Act<void>)[] = []
  #revision: number
  readonly #changes: Noted[] = []
  /** Writes whose result no act can see. They are not waited for until the end. */
  readonly #sent: Promise<unknown>[] = []
  /** The first failure of these. The server answers in order, so it is known before that of any later statement. */
  #failed: unknown

  private constructor(session: Session, needs: TransactionNeeds, begun: { kind: ActKind; now: Instant; at: number }) {
    this.#session = session
    this.#needs = needs
    this.#kind = begun.kind
    this.#now = begun.now
    this.#revision = begun.at
  }

  /** @param limitMs how long each statement and each wait for a lock may take */
  static async begin(session: Session, kind: ActKind, needs: TransactionNeeds, limitMs: number): Promise<Transaction> {
    const limit = Math.max(1, Math.floor(limitMs))
    const rowLimit = kind === 'guarded' ? Math.ceil(limit / ROW_WAITS) : limit
    const read = needs.time.reading()
    const level = kind === 'exclusive' ? 'READ COMMITTED' : 'REPEATABLE READ'
    const results = await session.script(
      `BEGIN ISOLATION LEVEL ${level}; SET LOCAL statement_timeout = ${limit}; SET LOCAL lock_timeout = ${limit};
      SET LOCAL standard_conforming_strings = on; SET LOCAL idle_in_transaction_session_timeout = ${2 * limit + 1000};
      ${lockingFor(kind, needs)}; SELECT ${CLOCK_MS}, set_config('lock_timeout', '${rowLimit}', true)`,
    )
    const [at, clock] = results.slice(-2).map(({ rows }) => rows[0]?.[0])
    const begun = { kind, now: read(Number(clock)), at: Number(at) }
    return new Transaction(session, needs, begun)
  }

  /** The revision that was read at the beginning, raised by the changes so far. */
  get revision(): number {
    return this.#revision
  }

  /** The changes so far. */
  get changes(): Noted[] {
    return this.#changes
  }

  /** Runs an act, and then what it has left for its end. */
  async runWhole<Result>(act: Act<Result>): Promise<Result> {
    const result = await this.run(act)
    if (this.#last.length > 0) this.#now = Math.max(this.#now, this.#needs.time.now())
    for (const begin of this.#last) await this.run(begin())
    return result
  }

  /** Runs an act to its end. */
  async run<Result>(act: Act<Result>): Promise<Result> {
    let next = act.next()
    while (!next.done) next = act.next(await this.#done(next.value))
    return next.value
  }

  /** A step after a write that has failed fails, too, and only with the word that the transaction is over. */
  async #done(step: Step): Promise<unknown> {
    try {
      return await this.#take(step)
    } catch (error) {
      throw isOfEarlier(error) ? (this.#failed ?? error) : error
    }
  }

  /** Resolves when every step so far is done. */
  async ready(): Promise<void> {
    await Promise.all(this.#sent)
  }

  async commit(): Promise<void> {
    const results = await this.#session.script(`${this.#news()}COMMIT`).catch(async (error: unknown) => {
      await this.rollBack()
      throw error
    })
    if (results.at(-1)?.command !== 'COMMIT') throw new Failure('conflict', '', 'the transaction was ended')
  }

  async rollBack(): Promise<void> {
    await Promise.allSettled(this.#sent)
    await this.#session.script('ROLLBACK').catch(() => this.#session.giveUp())
  }

  /** The statements that tell all processes of the changes, in one message with the end of the transaction. */
  #news(): string {
    if (this.#changes.length === 0) return ''
    const { statements, schema, notifies } = this.#needs
    const rows = this.#changes.map((each) => `(${each.revision}, '${each.noun}', ${literal(each.id)}, ${this.#now})`)
    return `UPDATE ${statements.name(revision)} SET value = ${this.#revision} WHERE id = 1;
      INSERT INTO ${statements.name(changes)} (revision, noun, id, at) VALUES ${rows.join(', ')};
      ${notifies ? `SELECT pg_notify('${CHANNEL}', '${schema} ${this.#revision}');` : ''}`
  }

  #take(step: Step): unknown {
    const { measured } = this.#needs
    switch (step.step) {
      case 'time':
        return this.#now
      case 'alone':
        return this.#requireExclusive()
      case 'heed':
        return this.#requireNews()
      case 'atEnd':
        return this.#last.push(step.begin)
      case 'together':
        return allOf(step.acts.map((act) => this.run(act)))
      case 'select':
        return this.#select(step)
      case 'insert':
        return this.#insert(step.table, step.row, step.ifAbsent)
      case 'update':
        return this.#update(step.table, step.where, step.change)
      case 'delete':
        return this.#delete(step)
      case 'tell':
        return this.#raise({ noun: step.noun, id: null }, step.skipping)
      case 'rotate':
        return this.#rotate(step.sid, step.decide)
      case 'reserve':
        return measured.reserve(step.kid, step.until, this.#session)
      case 'welcome':
        return measured.welcome(step, this.#now, this.#session)
      case 'person':
        return this.#needs.persons.find(step.id, this.#session)
      case 'countOwned':
        return measured.countOwned(step, this.#session)
      case 'beyond':
        return measured.beyond(step, this.#session)
      case 'latestMark':
        return measured.latestMark(this.#session)
      case 'newestGrantAt':
        return measured.newestGrantAt(step.clientKey, this.#session)
    }
  }

  /** A refresh does not wait for exclusive acts, so they keep the grants that they read as they are. */
  async #select({ table, selection }: Extract<Step, { step: 'select' }>): Promise<unknown[]> {
    const isLocking = this.#kind === 'exclusive' && table.name === grants.name
    const { text, values } = this.#needs.statements.select(table, selection, isLocking)
    const rows = await this.#session.ask(text, values)
    return rows.flatMap((row) => decodeRow(table, row, selection.onUnreadable) ?? [])
  }

  #insert(table: Table, row: Row, ifAbsent: boolean): unknown {
    const { kept } = table
    const stamp = kept && this.#tell(kept, row)
    const stamped = kept?.stamped === undefined ? row : { ...row, [kept.stamped]: stamp }
    const statement = this.#needs.statements.insert(table, stamped, ifAbsent)
    if (ifAbsent) return this.#write(statement)
    if (generatedOf(table) !== undefined) return this.#generate(statement)
    // Nothing that an act can see depends on it, so the next step need not wait.
    this.#send(statement)
    return stamp ?? 0
  }

  #send(statement: Statement): void {
    const sent = this.#write(statement)
    // `ready` and `rollBack` wait for it. A failure before that would otherwise count as unhandled, and end the process.
    sent.catch((error: unknown) => (this.#failed ??= error))
    this.#sent.push(sent)
  }

  async #generate({ text, values }: Statement): Promise<number> {
    const [row] = await this.#session.ask(text, values)
    return Number(row?.[0])
  }

  #update(table: Table, where: Row, change: Row): Promise<number> {
    const { kept } = table
    const stamp = kept && this.#tell(kept, where)
    const stamped = kept?.stamped === undefined ? change : { ...change, [kept.stamped]: stamp }
    return this.#write(this.#needs.statements.update(table, where, stamped))
  }

  #delete({ table, where, unended, isQuiet }: Extract<Step, { step: 'delete' }>): Promise<number> {
    if (table.kept) this.#requireExclusive()
    if (table.kept && !isQuiet) this.#tell(table.kept, where)
    return this.#write(this.#needs.statements.delete(table, where, unended))
  }

  #write({ text, values }: Statement): Promise<number> {
    return this.#session.write(text, values)
  }

  #tell({ noun, id }: Kept, row: Row): number {
    const named = row[id]
    return this.#raise({ noun, id: typeof named === 'string' ? named : null }, 1)
  }

  #requireExclusive(): void {
    if (this.#kind !== 'exclusive') throw new NeedsExclusive()
  }

  #requireNews(): void {
    if (this.#kind === 'free') throw new Error('a free act asks memory, which may be older than the database')
  }

  #raise(change: Pick<Noted, 'noun' | 'id'>, by: number): number {
    this.#requireExclusive()
    this.#revision += by
    this.#changes.push({ ...change, revision: this.#revision })
    return this.#revision
  }

  /** The lock of this transaction stands for the revision, so only the grant itself can have changed. */
  async #rotate(sid: string, decide: RotationRule): Promise<Rotated> {
    const { families, persons } = this.#needs
    const found = await families.find([sid], this.#session, true)
    const row = found?.rows.get(sid)
    const grant = row && grantOfRow(row)
    if (!found || !grant) return { outcome: 'unknown' }
    const person = personOfRow((await persons.behind([grant], this.#session)).get(grant.sub))
    const verdict = decide(grant, this.#now, person)
    if (verdict.act === 'refuse') return { outcome: 'refused', verdict }
    if (verdict.act === 'end') return { outcome: 'ending', grant, verdict }
    const renewal = renewalOf(grant, verdict, this.#now)
    const renewed = (await families.renew([renewal], found.revision, this.#session)).get(sid)
    if (!renewed) throw new Failure('conflict', '', 'the grant was changed meanwhile')
    return { outcome: verdict.act === 'rotate' ? 'rotated' : 'repeated', grant: renewed, person, at: this.#now }
  }
}

/** A text in SQL; the server's standard strings know no other escape. */
const literal = (text: string | null): string =>
  text === null ? 'NULL' : `'${encodeText(text).replaceAll("'", "''")}'`
