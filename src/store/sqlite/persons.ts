/** Persons: a user's row with the user's groups and factors, all of one state. */
import type { Database as RawDatabase } from 'better-sqlite3'
import { groupWithoutRow } from '../acts/people-rows.ts'
import type { GroupRecord, Person } from '../records/user.ts'
import { decodeRow } from '../rows.ts'
import { columnsOf } from '../statements.ts'
import { groups, users } from '../tables/people.ts'

/** @returns a look-up by id, for the transaction that is open */
export function personsIn(raw: RawDatabase): (id: string) => Person | undefined {
  const statements = prepare(raw)
  const groupOf = (name: string): GroupRecord | undefined => {
    const row = statements.group.get(name)
    return row ? decodeRow(groups, row) : groupWithoutRow(name)
  }
  return (id) => {
    const row = statements.user.get(id)
    if (!row) return undefined
    const [passkeys, recoveryCodes, names] = statements.belongings.get({ id }) ?? [0, 0, '[]']
    return {
      user: decodeRow(users, row),
      // SQLite itself has made the list, of a column of texts.
      groups: (JSON.parse(names) as string[]).flatMap((name) => groupOf(name) ?? []),
      factors: { passkeys, recoveryCodes },
    }
  }
}

/** The plus keeps values from the planner: see statements.ts. One statement for all of it would cost SQLite more. */
const prepare = (raw: RawDatabase) => ({
  user: raw.prepare<[string], unknown[]>(`SELECT ${columnsOf(users)} FROM users WHERE id = +?`).raw(),
  belongings: raw
    .prepare<[{ id: string }], [passkeys: number, recoveryCodes: number, groups: string]>(
      `SELECT (SELECT count(*) FROM passkeys WHERE user_id = :id), (SELECT count(*) FROM recovery_codes WHERE user_id = :id),
        (SELECT json_group_array(name) FROM
          (SELECT group_name AS name FROM group_members WHERE user_id = +:id ORDER BY group_name))`,
    )
    .raw(),
  group: raw.prepare<[string], unknown[]>(`SELECT ${columnsOf(groups)} FROM groups WHERE name = +?`).raw(),
})
