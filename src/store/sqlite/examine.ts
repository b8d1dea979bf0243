/** The checks that only SQLite can make of itself: its file, its lock, its disk, and its settings. */
import { Unavailable } from '../../ground/errors.ts'
import type { Engine } from '../engine.ts'
import type { Finding, StoreFacts } from '../records/facts.ts'
import { requireWriteLock } from './connection.ts'
import { checkDiskSpace } from './disk-space.ts'

export const examineVerb = ({ facts }: Pick<Engine, 'facts'>): Pick<Engine, 'examine'> => ({
  examine: async () => {
    const found = await facts({ integrity: true })
    const { location, settings, sizeBytes, journalBytes = 0 } = found
    return [
      checkIntegrity(found),
      await checkLock(location),
      await checkDiskSpace(location, sizeBytes + journalBytes),
      checkDurability(settings),
    ]
  },
})

const checkIntegrity = ({ location, integrity, sizeBytes }: StoreFacts): Finding =>
  integrity === 'ok'
    ? { check: 'database', ok: true, found: `${location}, ${sizeBytes} bytes, sound`, fix: null }
    : {
        check: 'database',
        ok: false,
        found: `${location} is damaged: ${integrity}`,
        fix: 'stop Signet and restore a backup',
      }

/** While another process holds the lock, reads go on, and refreshes and revocations fail. */
async function checkLock(file: string): Promise<Finding> {
  const check = 'database lock'
  try {
    await requireWriteLock(file)
    return { check, ok: true, found: 'free: nobody keeps others from writing', fix: null }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const fix = `find who it is, and end it: fuser -v ${file} (one of them is Signet)`
    return { check, ok: false, found: `nothing can be written: ${error.message}`, fix }
  }
}

function checkDurability({ journal_mode: journal, synchronous }: StoreFacts['settings']): Finding {
  const found = `journal_mode ${journal}, synchronous ${synchronous}`
  const ok = journal === 'wal' && Number(synchronous) >= 2
  return { check: 'durability', ok, found, fix: ok ? null : 'keep the database on a local disk' }
}
