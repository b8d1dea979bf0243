/** Who reads the key set and the feed. The table is bounded: user agents are whatever callers say they are. */
import type { Store } from '../store.ts'
import { desc, notInArray, sql } from './drizzle.ts'
import { placeholdersFor, type Database } from './database.ts'
import { keyReaders } from './schema.ts'

const MOST_READERS = 1000

export function readerVerbs({ sql: database, read, write }: Database): Pick<Store, 'noteReaders' | 'listReaders'> {
  const { name, lastSeenAt, knowsUntil } = keyReaders
  const upsert = database
    .insert(keyReaders)
    .values(placeholdersFor(keyReaders))
    .onConflictDoUpdate({
      target: name,
      // Several processes note the same reader; none may make it forget.
      set: {
        lastSeenAt: sql`max(${lastSeenAt}, excluded.last_seen_at)`,
        knowsUntil: sql`max(${knowsUntil}, excluded.knows_until)`,
      },
    })
    .prepare()
  const newest = database.select({ name }).from(keyReaders).orderBy(desc(lastSeenAt)).limit(MOST_READERS)
  const forgetOthers = database.delete(keyReaders).where(notInArray(name, newest)).prepare()
  const list = database.select().from(keyReaders).orderBy(desc(lastSeenAt)).prepare()
  return {
    noteReaders: (readers) =>
      write(() => {
        for (const reader of readers) upsert.run({ ...reader })
        forgetOthers.run()
      }),
    listReaders: () => read(() => list.all()),
  }
}
