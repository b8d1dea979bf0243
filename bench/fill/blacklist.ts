/** A blacklist of many live entries, each about a token of its own. */
import { randomUUID } from 'node:crypto'
import { timeOrderedId } from '../../src/ground/ids.ts'
import Database from 'better-sqlite3'
import { runOn, type Place } from '../sides/signet.ts'
import { fillWithCopies, readFigure, type Row } from './copies.ts'

const DAY = 86_400_000

export async function fillBlacklist(place: Place, count: number, say: (line: string) => void): Promise<void> {
  await runOn(place, 'blacklist', 'add', '--jti', randomUUID())
  const first = readFigure(place.database, 'SELECT max(revision) FROM blacklist_entries')
  const now = Date.now()
  const until = now + DAY
  const differing = (index: number): Row => ({
    id: timeOrderedId(now - count + index),
    value: randomUUID(),
    revision: first + 1 + index,
    issued_before: until,
    expires_at: until,
    denies_until: until,
  })
  fillWithCopies({ database: place.database, table: 'blacklist_entries', count, differing, say })
  moveRevisions(place.database, first + count)
}

/** The next revision must come after those that were taken here. An earlier version counts them by its table of changes. */
function moveRevisions(file: string, last: number): void {
  const database = new Database(file)
  const hasRow = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'revision'").get() !== undefined
  const move = hasRow ? 'UPDATE revision SET value = ?' : "UPDATE sqlite_sequence SET seq = ? WHERE name = 'changes'"
  database.prepare(move).run(last)
  database.close()
}
