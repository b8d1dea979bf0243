/**
 * The connections of one process to PostgreSQL. Every statement has a time limit on this side too: a connection that does
 * not answer in time is closed, since a network that is cut says nothing. Behind a pooler that lends connections for one
 * transaction each, nothing here depends on the session.
 */
import { hash } from 'node:crypto'
import {
  Pool as ClientPool,
  types as parsers,
  type ClientConfig,
  type CustomTypesConfig,
  type PoolClient,
  type QueryArrayConfig,
  type QueryArrayResult,
} from 'pg'
import { Unavailable } from '../../ground/errors.ts'
import type { PostgresAddress } from '../../ground/postgres-url.ts'
import { Connection } from './connection.ts'
import { Failure, isMisled, sortFailure } from './failures.ts'
import { decodeText, encodeText } from './text.ts'
import { patienceLeft } from './time-limits.ts'

/** A row as the driver gives it: values in the order of the columns. */
export type Values = unknown[]

/** Runs one statement. Rejects with `Failure`. */
export interface Asker {
  ask(text: string, values: unknown[]): Promise<Values[]>
}

export interface PoolOptions {
  size: number
  /** Resolved already: `prefer` is for the opening to decide. */
  ssl: ClientConfig['ssl']
}

/** How columns of these types are read. Numbers up to 2^53 are all that Signet stores, so eight bytes become a number. */
const READERS: Record<number, (text: string) => unknown> = { 20: Number, 25: decodeText }
const types: CustomTypesConfig = {
  getTypeParser: (id: number, format?: 'text' | 'binary') =>
    READERS[id] ?? (parsers.getTypeParser(id, format ?? 'text') as never),
}

/** The configuration of the driver. Everything is said, so that it reads no PG… variable and no ~/.pgpass. */
export const clientConfig = (address: PostgresAddress, ssl: ClientConfig['ssl']): ClientConfig => ({
  host: address.host,
  port: address.port,
  user: address.user,
  password: address.password,
  database: address.database,
  ssl,
  application_name: address.applicationName,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  connectionTimeoutMillis: CONNECT_MS,
  types,
})

/** Milliseconds until a connection has to stand. */
const CONNECT_MS = 1500

/** The pool makes connections of this kind, and has no limit of its own: that would hold while all are in use, too. */
const connectionOf = (config: ClientConfig) =>
  class extends Connection {
    constructor() {
      super(config)
    }
  }

export class Pool implements Asker {
  readonly #pool: ClientPool
  readonly #names: StatementNames
  readonly #size: number
  /** Connections that are in use. */
  #lent = 0

  constructor(address: PostgresAddress, { size, ssl }: PoolOptions) {
    this.#names = new StatementNames()
    this.#size = size
    this.#pool = new ClientPool({
      Client: connectionOf({ ...clientConfig(address, ssl), pipeline: true }),
      max: size,
      idleTimeoutMillis: 60_000,
      allowExitOnIdle: true,
    })
    // The pool throws away a connection that ends while it is idle. A connection that ends in use tells its user.
    this.#pool.on('error', () => {})
    this.#pool.on('acquire', () => void (this.#lent += 1))
    this.#pool.on('release', () => void (this.#lent -= 1))
  }

  /** Lends a connection until `release`. @param deadline of `performance.now()` */
  async session(deadline: number): Promise<Session> {
    return new Session(await this.#connect(deadline), this.#names, deadline)
  }

  /** Runs a statement in a transaction of its own. */
  ask(text: string, values: unknown[], deadline = patienceLeft()): Promise<Values[]> {
    return this.alone((session) => session.ask(text, values), deadline)
  }

  /** The same. @returns how many rows were written */
  write(text: string, values: unknown[]): Promise<number> {
    return this.alone((session) => session.write(text, values))
  }

  /**
   * Lends a connection for one statement. A statement that the pooler has lost was not run, so it is sent again, in full.
   */
  async alone<Result>(run: (session: Session) => Promise<Result>, deadline = patienceLeft()): Promise<Result> {
    const attempt = async () => {
      const session = await this.session(deadline)
      return run(session).finally(() => session.release())
    }
    return attempt().catch((error: unknown) => {
      if (error instanceof Failure && error.kind === 'unprepared') return attempt()
      throw error
    })
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end()
  }

  /** The pool's own wait has no limit, so that the caller's deadline is the limit. */
  async #connect(deadline: number): Promise<PoolClient> {
    if (this.#pool.ending) throw new Unavailable('the database is closed')
    const connecting = this.#pool.connect()
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(this.#lateness()), Math.max(0, deadline - performance.now()))
    try {
      return await Promise.race([connecting, late.promise])
    } catch (error) {
      // A connection that comes too late is given back. If none comes, the caller has its error already.
      connecting.then((client) => client.release()).catch(() => {})
      throw sortFailure(error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Why there is no connection in time. */
  #lateness(): Failure {
    if (this.#lent >= this.#size) return new Failure('outage', '', 'all connections are in use')
    return new Failure('lost', '', 'no connection was made in time')
  }
}

/** A connection that is lent to one caller. */
export class Session implements Asker {
  readonly #client: PoolClient
  readonly #names: StatementNames
  readonly #deadline: number
  #isBroken = false

  constructor(client: PoolClient, names: StatementNames, deadline: number) {
    this.#client = client
    this.#names = names
    this.#deadline = deadline
  }

  async ask(text: string, values: unknown[]): Promise<Values[]> {
    const { rows } = await this.#query(this.#prepared(text, values))
    return rows as Values[] // `rowMode` says so
  }

  /** How many rows a statement has written. */
  async write(text: string, values: unknown[]): Promise<number> {
    const { rowCount } = await this.#query(this.#prepared(text, values))
    return rowCount ?? 0
  }

  /** Several statements without values, in one message. @returns the rows of each */
  async script(text: string): Promise<{ command: string; rows: Values[] }[]> {
    // The driver gives a list where the text has several statements.
    const results = await this.#query({ text, rowMode: 'array' })
    return [results].flat()
  }

  /** Gives the connection back. After a failure of the connection itself it is closed. */
  release(): void {
    this.#client.release(this.#isBroken)
  }

  /** The connection is of no use any more, e.g. because a transaction could not be ended. */
  giveUp(): void {
    this.#isBroken = true
  }

  #prepared(text: string, values: unknown[]): QueryArrayConfig {
    return { ...this.#names.named(text), text, values: values.map(encode), rowMode: 'array' }
  }

  async #query(query: QueryArrayConfig & { query_timeout?: number }): Promise<QueryArrayResult> {
    try {
      const query_timeout = Math.max(100, this.#deadline - performance.now())
      // The driver takes `query_timeout`; its types do not name it.
      return await this.#client.query({ ...query, query_timeout } as QueryArrayConfig)
    } catch (error) {
      const failure = sortFailure(error)
      if (isMisled(failure)) this.#isBroken = true
      if (failure.kind === 'unprepared') this.#names.doWithout()
      throw failure
    }
  }
}

/** A value for the driver; a list is one value. */
const encode = (value: unknown): unknown =>
  typeof value === 'string' ? encodeText(value) : Array.isArray(value) ? value.map(encode) : value

/**
 * Names of prepared statements. A name is made from the text: behind a pooler another process, perhaps of another version,
 * may have prepared a statement on the same connection. A pooler that forgets statements makes this process do without.
 */
class StatementNames {
  readonly #names = new Map<string, string>()
  #isPreparing = true

  named(text: string): { name?: string } {
    if (!this.#isPreparing) return {}
    let name = this.#names.get(text)
    if (name === undefined) this.#names.set(text, (name = `signet_${hash('sha256', text, 'base64url').slice(0, 24)}`))
    return { name }
  }

  doWithout(): void {
    this.#isPreparing = false
  }
}
