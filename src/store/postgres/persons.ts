/**
 * Persons in one statement, however many there are: refreshes that come together share it. A person is a user with the
 * user's groups and factors, all of one state.
 */
import { groupWithoutRow } from '../acts/people-rows.ts'
import type { GrantRecord } from '../records/grant.ts'
import type { GroupRecord, Person } from '../records/user.ts'
import { decodeRow } from '../rows.ts'
import { columnsOf, type Statements } from '../statements.ts'
import { groupMembers, groups, passkeys, recoveryCodes, users } from '../tables/people.ts'
import type { Asker, Values } from './pool.ts'

export class Persons {
  readonly #text: string

  constructor(statements: Statements) {
    this.#text = textOf(statements)
  }

  /**
   * The persons who gave grants by signing in.
   * @returns rows by `sub`. A person is made of a row when it is asked for: one that cannot be read concerns nobody else.
   */
  async behind(grants: Pick<GrantRecord, 'sub' | 'signIn'>[], by: Asker): Promise<Map<string, Values>> {
    const subs = grants.flatMap(({ sub, signIn }) => (signIn === null ? [] : [sub]))
    const rows = subs.length === 0 ? [] : await by.ask(this.#text, [[...new Set(subs)]])
    return new Map(rows.map((row) => [String(row[ID]), row]))
  }

  async find(id: string, by: Asker): Promise<Person | undefined> {
    const [row] = await by.ask(this.#text, [[id]])
    return personOfRow(row)
  }
}

const ID = Object.keys(users.columns).indexOf('id')
const USER_COLUMNS = Object.keys(users.columns).length

/** @param row of the statement; absent where there is no such user */
export function personOfRow(row: Values | undefined): Person | undefined {
  if (!row) return undefined
  const [ofPasskeys, ofCodes, memberships] = row.slice(USER_COLUMNS)
  // The database itself has made the list: for each group its name and its row.
  const lists = JSON.parse(String(memberships)) as [string, Values][]
  return {
    user: decodeRow(users, row),
    groups: lists.flatMap(([name, values]) => groupOf(name, values) ?? []),
    factors: { passkeys: Number(ofPasskeys), recoveryCodes: Number(ofCodes) },
  }
}

/** Without a row its columns are all null. */
function groupOf(name: string, values: Values): GroupRecord | undefined {
  if (values.every((value) => value === null)) return groupWithoutRow(name)
  return decodeRow(groups, values)
}

/** Each user is looked up by itself, with a limit, so that the plan is by the index however small the table was once. */
function textOf(statements: Statements): string {
  const countOf = (table: typeof passkeys | typeof recoveryCodes) =>
    `(SELECT count(*) FROM ${statements.name(table)} WHERE user_id = u.id)`
  return `SELECT ${columnsOf(users, 'u.')}, ${countOf(passkeys)}, ${countOf(recoveryCodes)},
      (SELECT coalesce(json_agg(json_build_array(m.group_name, json_build_array(${columnsOf(groups, 'g.')}))
          ORDER BY m.group_name), '[]')::text
        FROM ${statements.name(groupMembers)} m LEFT JOIN ${statements.name(groups)} g ON g.name = m.group_name
        WHERE m.user_id = u.id)
    FROM unnest($1::text[]) AS asked (id)
    CROSS JOIN LATERAL (SELECT * FROM ${statements.name(users)} WHERE id = asked.id LIMIT 1) u`
}
