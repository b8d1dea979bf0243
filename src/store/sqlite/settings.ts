/** Settings of the database itself; a claimed one is set once, whoever comes first. */
import type { SettingName, Store } from '../store.ts'
import { eq, sql } from './drizzle.ts'
import type { Database } from './database.ts'
import { settings } from './schema.ts'

type SettingVerbs = Pick<Store, 'findSetting' | 'claimSetting' | 'putSetting'>

export function settingVerbs(database: Database): SettingVerbs {
  const values = { name: sql.placeholder('name'), value: sql.placeholder('value') }
  const select = database.sql
    .select({ value: settings.value })
    .from(settings)
    .where(eq(settings.name, sql.placeholder('name')))
    .prepare()
  const insert = database.sql.insert(settings).values(values).onConflictDoNothing().prepare()
  const upsert = database.sql
    .insert(settings)
    .values(values)
    .onConflictDoUpdate({ target: settings.name, set: { value: sql`excluded.value` } })
    .prepare()
  const find = (name: SettingName): string | undefined => select.get({ name })?.value
  return {
    findSetting: (name) => database.read(() => find(name)),
    claimSetting: (name, value) =>
      database.write(() => {
        insert.run({ name, value })
        return find(name) ?? value
      }),
    putSetting: (name, value) => database.write(() => void upsert.run({ name, value })),
  }
}
