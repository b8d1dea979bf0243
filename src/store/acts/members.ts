/** Members of a record that share one column, so that a new member needs no migration. */

/** The members as the column keeps them: those that have their default are left out. */
export function packMembers<Members extends object>(defaults: Members, record: Members): Partial<Members> {
  const names = namesOf(defaults)
  const own = names.filter((name) => JSON.stringify(record[name]) !== JSON.stringify(defaults[name]))
  // Sound: each value stands under its own name.
  return Object.fromEntries(own.map((name) => [name, record[name]])) as Partial<Members>
}

/** The record without these members. */
export function withoutMembers<Members extends object, Row extends Members>(
  defaults: Members,
  record: Row,
): Omit<Row, keyof Members> {
  const rest: Partial<Row> = { ...record }
  for (const name of namesOf(defaults)) delete rest[name]
  // Sound: only the members were taken away.
  return rest as Omit<Row, keyof Members>
}

/** Sound: an object of this type has these keys. */
const namesOf = <Members extends object>(defaults: Members) => Object.keys(defaults) as (keyof Members)[]
