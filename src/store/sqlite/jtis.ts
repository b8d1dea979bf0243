/** One-time ids: the primary key decides who was first, in whatever process. */
import { createHash } from 'node:crypto'
import type { Store } from '../store.ts'
import { placeholdersFor, type Database } from './database.ts'
import { usedJtis } from './schema.ts'

export function jtiVerbs(database: Database): Pick<Store, 'consumeJti'> {
  const insert = database.sql.insert(usedJtis).values(placeholdersFor(usedJtis)).onConflictDoNothing().prepare()
  return {
    consumeJti: (purpose, owner, jti, expiresAt) => {
      const row = { purpose, owner, jtiHash: createHash('sha256').update(jti).digest(), expiresAt }
      return database.write(() => (insert.run(row).changes === 1 ? 'fresh' : 'replayed'))
    },
  }
}
