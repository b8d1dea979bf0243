/** Deletes rows that no decision needs any more, by the rules `expires` in tables.ts, some rows of each kind at a time. */
import type { Engine } from '../engine.ts'
import { marksAt } from '../marks.ts'
import type { Expiry, Mark, Table } from '../table.ts'
import { TABLES } from '../tables.ts'
import type { Database } from './database.ts'
import { and, eq, lt, sql } from './drizzle.ts'
import { columnNamed, sqliteTableOf } from './schema.ts'

type Marks = Record<Mark, number> & { limit: number }

export function sweepVerb(database: Database): Pick<Engine, 'sweep'> {
  const statements = TABLES.flatMap((table: Table) =>
    (table.expires ?? []).map((expiry) => prepare(database, table, expiry)),
  )
  return {
    sweep: async (limit, forgotten) => {
      let swept = 0
      // Each statement is a write of its own, so that no request waits for long.
      for (const statement of statements) {
        swept += await database.write(() => {
          return statement({ limit, ...marksAt(database.now(), forgotten) })
        })
      }
      return swept
    },
  }
}

function prepare({ sql: database }: Database, table: Table, { where = {}, before }: Expiry): (marks: Marks) => number {
  const built = sqliteTableOf(table)
  const condition = and(
    ...Object.entries(where).map(([name, value]) => eq(columnNamed(built, name), sql.raw(`'${value}'`))),
    ...Object.entries(before).map(([name, mark]) => lt(columnNamed(built, name), sql.placeholder(mark))),
  )
  const doomed = sql`SELECT rowid FROM ${built} WHERE ${condition} LIMIT ${sql.placeholder('limit')}`
  const statement = database
    .delete(built)
    .where(sql`rowid IN (${doomed})`)
    .prepare()
  return (marks) => statement.run({ ...marks }).changes
}
