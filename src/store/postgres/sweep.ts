/** Deletes rows that no decision needs any more, by the rules `expires` in tables.ts, some rows of each kind at a time. */
import type { Engine } from '../engine.ts'
import { expiryRules, marksAt, type ExpiryRule } from '../expiry.ts'
import { inSql } from '../rows.ts'
import type { Database } from './database.ts'
import { unavailable } from './failures.ts'

export function sweepVerb(database: Database): Pick<Engine, 'sweep'> {
  const rules = expiryRules((n) => `$${n}`).map((rule) => ({ ...rule, text: textOf(database, rule) }))
  return {
    sweep: async (limit, forgotten, maySweep) => {
      let swept = 0
      // Each rule has a transaction of its own, so that no request waits for long.
      for (const { text, marks } of rules) {
        if (!maySweep()) break
        const at = marksAt(database.time.now(), forgotten)
        swept += await run(database, text, [...marks.map((mark) => at[mark]), limit])
      }
      return swept
    },
  }
}

/** The condition stands twice: a row may be renewed between the choice and the deletion. */
function textOf({ statements }: Database, { table, condition, marks }: ExpiryRule): string {
  const name = statements.name(table)
  const key = table.key.map(inSql).join(', ')
  const chosen = `SELECT ${key} FROM ${name} WHERE ${condition} LIMIT $${marks.length + 1}`
  return `DELETE FROM ${name} WHERE (${key}) IN (${chosen}) AND ${condition}`
}

async function run({ pool }: Database, text: string, values: unknown[]): Promise<number> {
  try {
    return await pool.write(text, values)
  } catch (error) {
    throw unavailable(error)
  }
}
