/** The checks that only PostgreSQL can make of itself: its version, its lock, its settings, and its clock. */
import type { Engine } from '../engine.ts'
import type { Finding, StoreFacts } from '../records/facts.ts'
import type { Database } from './database.ts'
import { sortFailure } from './failures.ts'
import { lockingFor } from './lock.ts'
import { patienceLeft } from './time-limits.ts'

/** More than that between two clocks is no matter of NTP. Milliseconds. */
const MOST_APART_MS = 30_000

export const examineVerb = (database: Database, { facts }: Pick<Engine, 'facts'>): Pick<Engine, 'examine'> => ({
  examine: async () => {
    const { location, sizeBytes, settings } = await facts({ integrity: true })
    return [
      good('database', `${location}, PostgreSQL ${settings.server_version}, ${sizeBytes} bytes`),
      await checkLock(database),
      checkDurability(settings),
      checkClock(database.time.machineAheadMs),
    ]
  },
})

const good = (check: string, found: string): Finding => ({ check, ok: true, found, fix: null })

/** While another transaction holds the lock of all processes, nothing that they keep in memory can be changed. */
async function checkLock(database: Database): Promise<Finding> {
  const check = 'database lock'
  const session = await database.pool.session(patienceLeft())
  try {
    await session.script(`BEGIN; SET LOCAL lock_timeout = 1500; ${lockingFor('exclusive', database)}; ROLLBACK`)
    return good(check, 'free: nobody keeps others from writing')
  } catch (error) {
    await session.script('ROLLBACK').catch(() => session.giveUp())
    const found = `nothing can be written: ${sortFailure(error).message}`
    const fix =
      'find the transaction that holds it, and end it: SELECT pid, query FROM pg_stat_activity WHERE xact_start IS NOT NULL'
    return { check, ok: false, found, fix }
  } finally {
    session.release()
  }
}

function checkDurability({ fsync, synchronous_commit: commit }: StoreFacts['settings']): Finding {
  const found = `fsync ${fsync}, synchronous_commit ${commit}`
  const ok = fsync === 'on' && commit !== 'off'
  return { check: 'durability', ok, found, fix: ok ? null : 'turn both on: acknowledged revocations would be lost' }
}

function checkClock(aheadMs: number): Finding {
  const seconds = Math.round(aheadMs / 1000)
  const ok = Math.abs(aheadMs) <= MOST_APART_MS
  const found = `this machine's clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the database's`
  return { check: 'database clock', ok, found, fix: ok ? null : 'set both clocks by NTP' }
}
