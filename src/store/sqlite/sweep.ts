/** Deletes rows that no decision needs any more, by the rules `expires` in tables.ts, some rows of each kind at a time. */
import type { Engine } from '../engine.ts'
import { expiryRules, marksAt } from '../expiry.ts'
import type { OpenDatabase } from './database.ts'

export function sweepVerb(database: OpenDatabase): Pick<Engine, 'sweep'> {
  const { raw } = database.connection
  const rules = expiryRules(() => '+?').map(({ table: { name }, condition, marks }) => {
    const doomed = `SELECT rowid FROM ${name} WHERE ${condition} LIMIT +?`
    return { statement: raw.prepare<number[]>(`DELETE FROM ${name} WHERE rowid IN (${doomed})`), marks }
  })
  return {
    sweep: async (limit, forgotten, maySweep) => {
      let swept = 0
      // Each statement is a write of its own, so that no request waits for long.
      for (const { statement, marks } of rules)
        swept += await database.write(() => {
          if (!maySweep()) return 0
          const at = marksAt(database.now(), forgotten)
          return statement.run(...marks.map((mark) => at[mark]), limit).changes
        })
      return swept
    },
  }
}
