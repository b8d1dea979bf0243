/** Deletes rows that no decision needs any more, by the rules `expires` in tables.ts, some rows of each kind at a time. */
import type { Engine } from '../engine.ts'
import { marksAt } from '../marks.ts'
import { inSql } from '../rows.ts'
import type { Expiry, Mark, Table } from '../table.ts'
import { TABLES } from '../tables.ts'
import type { Database } from './database.ts'
import { unavailable } from './failures.ts'

interface Rule {
  text: string
  marks: Mark[]
}

export function sweepVerb(database: Database): Pick<Engine, 'sweep'> {
  const rules = TABLES.flatMap((table: Table) => (table.expires ?? []).map((expiry) => ruleOf(database, table, expiry)))
  return {
    sweep: async (limit, forgotten) => {
      const marks = marksAt(database.time.now(), forgotten)
      let swept = 0
      // Each rule has a transaction of its own, so that no request waits for long.
      for (const { text, marks: names } of rules)
        swept += await run(database, text, [limit, ...names.map((name) => marks[name])])
      return swept
    },
  }
}

/** The condition stands twice: a row may be renewed between the choice and the deletion. */
function ruleOf({ statements }: Database, table: Table, { where = {}, before }: Expiry): Rule {
  const marks = Object.values(before)
  const conditions = [
    ...Object.entries(where).map(([name, value]) => `${inSql(name)} = '${value}'`),
    ...Object.keys(before).map((name, at) => `${inSql(name)} < $${at + 2}`),
  ].join(' AND ')
  const key = table.key.map(inSql).join(', ')
  const chosen = `SELECT ${key} FROM ${statements.name(table)} WHERE ${conditions} LIMIT $1`
  return { text: `DELETE FROM ${statements.name(table)} WHERE (${key}) IN (${chosen}) AND ${conditions}`, marks }
}

async function run({ pool }: Database, text: string, values: unknown[]): Promise<number> {
  try {
    return await pool.write(text, values)
  } catch (error) {
    throw unavailable(error)
  }
}
