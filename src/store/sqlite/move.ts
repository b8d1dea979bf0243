/**
 * A SQLite file as the source or the target of a move. The source is locked against every other process until it is closed,
 * and a process that ends in any way gives the lock back. The target is made under another name.
 */
import { draftBeside } from '../../ground/draft.ts'
import { Fault, Unavailable } from '../../ground/errors.ts'
import type { MoveSource, MoveTarget, Value } from '../move.ts'
import { inSql } from '../rows.ts'
import type { Kind, Table } from '../table.ts'
import { TABLES } from '../tables.ts'
import { openConnection, requireKeys, type Connection } from './connection.ts'
import { databaseFault, makeFolder, placeFile, removeFile } from './database-file.ts'
import { isOutage } from './failures.ts'
import { hasNewerTables, migrate } from './migrate.ts'
import { requireFree } from './restore.ts'

const PAGE = 500

/** @throws Fault where the file is no database of Signet, or another process has it open. */
export async function openSqliteSource(file: string): Promise<MoveSource> {
  const connection = await openConnection(file, { mustExist: true, isAlone: true }).catch((error: unknown) => {
    throw error instanceof Unavailable ? inUse(file, error) : error
  })
  const { raw } = connection
  try {
    requireKeys(connection)
    if (hasNewerTables(connection)) throw tooNew(file)
    await migrate(connection)
    const sequence = raw.prepare<[string], number>('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck()
    // An older version raises the sequence of the changes alone. The higher of both is the revision (changes.ts).
    raw
      .prepare('UPDATE revision SET value = max(value, coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0))')
      .run('changes')
    return {
      pages: (table) => readPages(connection, table),
      lastGenerated: async ({ name }) => sequence.get(name) ?? 0,
      lookAgain: async () => {},
      close: async () => void raw.close(),
    }
  } catch (error) {
    raw.close()
    throw error
  }
}

/** @throws Fault where the place is taken or cannot be written; then nothing was made. */
export async function createSqliteTarget(file: string): Promise<MoveTarget> {
  requireFree(file)
  const temporary = draftBeside(file)
  const unmakeFolder = makeFolder(file)
  let isFinished = false
  let connection: Connection | undefined
  const close = async () => {
    connection?.raw.close()
    removeFile(temporary)
    if (!isFinished) unmakeFolder()
  }
  try {
    const opened = (connection = await openConnection(temporary, { mustExist: false }))
    await emptyTables(opened)
    return {
      pages: (table) => readPages(opened, table),
      insert: async (table, rows) => onDisk(file, () => insertRows(opened, table, rows)),
      raiseGenerated: async (table, last) => onDisk(file, () => raiseSequence(opened, table, last)),
      finish: async () => {
        onDisk(file, () => {
          opened.raw.close()
          requireFree(file)
          placeFile(temporary, file)
        })
        isFinished = true
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A migration puts rows into new tables. Durability comes at the end, with the file's name. */
async function emptyTables(connection: Connection): Promise<void> {
  await migrate(connection)
  connection.raw.pragma('synchronous = OFF')
  for (const { name } of TABLES.toReversed()) connection.raw.exec(`DELETE FROM ${name}`)
}

const columnNames = (table: Table): string[] => Object.keys(table.columns).map(inSql)
const kindsOf = (table: Table): Kind[] => Object.values(table.columns).map(({ kind }) => kind)

async function* readPages({ raw }: Connection, table: Table): AsyncGenerator<Value[][]> {
  const kinds = kindsOf(table)
  // The driver gives each row as a list of such values.
  const all = raw.prepare<[], Value[]>(`SELECT ${columnNames(table).join(', ')} FROM ${table.name}`).raw()
  let page: Value[][] = []
  for (const row of all.iterate()) {
    page.push(row.map((value, at) => plainValue(kinds[at], value)))
    if (page.length < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** SQLite gives truth as a number. Earlier versions stored fractions of a millisecond. */
function plainValue(kind: Kind | undefined, value: Value): Value {
  if (typeof value !== 'number') return value
  return kind === 'boolean' ? value === 1 : Math.floor(value)
}

function insertRows({ raw }: Connection, table: Table, rows: Value[][]): void {
  const names = columnNames(table)
  const insert = raw.prepare(
    `INSERT INTO ${table.name} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
  )
  const all = raw.transaction(() => {
    for (const row of rows) insert.run(row.map((value) => (typeof value === 'boolean' ? Number(value) : value)))
  })
  all.immediate()
}

function raiseSequence({ raw }: Connection, { name }: Table, last: number): void {
  raw.prepare('DELETE FROM sqlite_sequence WHERE name = ?').run(name)
  raw.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, last)
}

/** Runs a step that writes. Its failure names the file that was to be. */
function onDisk(file: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    const isOfDisk = isOutage(error) || (error instanceof Error && 'syscall' in error)
    throw isOfDisk ? databaseFault('write', file, error) : error
  }
}

const inUse = (file: string, cause: unknown): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: the database ${file} is in use: a server or a command has it open`,
    'stop it, then move again; nothing was moved',
    { cause },
  )

const tooNew = (file: string): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: the database ${file} has tables of a newer version, of which this one would lose some`,
    'move it with the newer version',
  )
