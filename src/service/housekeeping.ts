/**
 * The timetable of repeated work: learn of changes by other processes, write notes to the database, rotate and retire
 * keys, delete expired rows. Every run may fail (the database may be locked) and is then tried again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { BY_SYSTEM } from '../audit.ts'
import { Displaced } from '../ground/errors.ts'
import type { Blacklist } from '../blacklist/match.ts'
import { CLOCK_SKEW_SECONDS, isAhead, toIso, type Jump } from '../ground/clock.ts'
import type { Config } from '../config/setting.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { KeyHolderNote } from '../keys/key-holder.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import type { KeyRotation } from '../keys/rotation.ts'
import type { Log } from '../ground/log.ts'
import type { BackChannel } from '../sessions/back-channel.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import { ringOf } from '../resources/resource.ts'
import { SHARED_RING, isSameRing, type RingId } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'

const FLUSH_EVERY_MS = 5000
/** A command that changes the master key waits until each server has noted that it has the key. */
const MASTER_KEY_EVERY_MS = 200
const KEYS_EVERY_MS = 5000
/** A session that another process ended, such as a command, is told to its clients within this time. */
const LOGOUTS_EVERY_MS = 1000
const SWEEP_EVERY_MS = 60_000
/** Rows of each kind in one transaction. The number is small, so that no request waits long. */
const SWEEP_SLICE = 200
const SWEEP_PAUSE_MS = 50

interface Needs {
  config: Pick<Config, 'auditRetentionSeconds'>
  store: Store
  masterKeys: MasterKeys
  keyHolder: KeyHolderNote
  keys: KeyRing
  rotation: KeyRotation
  resources: ResourceDirectory
  blacklist: Blacklist
  writeNotes: () => Promise<void>
  backChannel: BackChannel
  log: Log
  /** Says that this replica lives, where there can be others. */
  beat: (() => Promise<void>) | undefined
}

/** Work that may take several transactions begins none of them after a stop. */
type Work = (stopping: AbortSignal) => Promise<void>

/** Starts the timetable. The function that it returns stops the timetable, and waits for what it has begun. */
export function startHousekeeping(needs: Needs): () => Promise<void> {
  const run = (everyMs: number, what: string, work: Work) => every(everyMs, what, needs.log, work)
  const inBelievedTime =
    (work: Work): Work =>
    async (stopping) => {
      const { time } = needs.store
      warnOfJump(time.look(), needs.log)
      if (time.isBelieved()) await work(stopping)
    }
  const rotate = inBelievedTime((stopping) => tendKeys(needs, stopping))
  const deleteExpired = inBelievedTime(async (stopping) => {
    await needs.store.noteTime(() => needs.store.time.isBelieved())
    await sweep(needs, stopping)
  })
  const stops = [
    // Followers of the feed only wait, and memory must not stay behind a lost call of another replica.
    run(needs.store.pace.noticeEveryMs, 'noticing changes', () => needs.store.pollChanges()),
    run(FLUSH_EVERY_MS, 'writing notes', needs.writeNotes),
    run(LOGOUTS_EVERY_MS, 'back-channel logout', async () => needs.backChannel.deliver()),
    run(MASTER_KEY_EVERY_MS, 'looking for the master key', () => tendMasterKeys(needs)),
    run(KEYS_EVERY_MS, 'key rotation', rotate),
    run(SWEEP_EVERY_MS, 'forgetting', async () => needs.blacklist.prune()),
    run(SWEEP_EVERY_MS, 'sweeping', deleteExpired),
  ]
  const { heartbeatEveryMs } = needs.store.pace
  const { beat } = needs
  if (beat && heartbeatEveryMs !== undefined) stops.push(run(heartbeatEveryMs, 'the heartbeat', beat))
  stops.push(needs.store.listen())
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}

function warnOfJump(jump: Jump | undefined, log: Log): void {
  if (!jump) return
  log.warn(
    'the clock has jumped: keys are neither rotated nor retired and nothing is swept until it has run evenly for ten minutes',
    { duration_ms: Math.round(jump.byMs) },
  )
  if (jump.behindMs === 0) return
  log.warn(
    'restart Signet if the clock is right now: it was set back, and Signet goes on by its own time, so that nothing expired comes back; where that time is more than ten minutes ahead, nothing is rotated or swept until then',
    { duration_ms: Math.round(jump.behindMs) },
  )
}

/** A start takes the clock's time. Where that is behind what is on record, tokens that had expired can be good again. */
export async function warnOfClockBehind(store: Store, log: Log): Promise<void> {
  const newest = Math.max((await store.believedTime()) ?? 0, (await store.newestEventAt()) ?? 0)
  const now = store.time.now()
  if (!isAhead(newest, now)) return
  log.warn(
    `the clock says ${toIso(now)}, and something on record happened at ${toIso(newest)}: if the clock is wrong, set it by NTP and start again; if it was wrong then, signet doctor names what is left of that`,
    { duration_ms: newest - now },
  )
}

/** If the current master key was missing and is found, private keys can be opened again. */
async function tendMasterKeys({ masterKeys, keyHolder, keys, log }: Needs): Promise<void> {
  if (masterKeys.lookAgain()) {
    await keys.reload()
    log.info('the current master key was found')
  }
  await keyHolder.tend()
}

/** Makes the first keys of own rings, so that they are published before they are needed, and ends what is out of use. */
async function tendOwnRings({ keys, rotation, resources, log }: Needs, stopping: AbortSignal): Promise<void> {
  for (const resource of resources.withOwnKeys()) if (!stopping.aborted) await keys.ensure(ringOf(resource))
  const isUsed = (id: RingId) => {
    const resource = resources.find(id.ring)
    return id.ring === SHARED_RING || (resource !== undefined && isSameRing(ringOf(resource), id))
  }
  for (const kid of await rotation.rest(isUsed)) log.info('no resource uses this signing key any more', { kid })
}

/** Rotates keys that are due and retires keys whose last token has expired, as the database decides. */
async function tendKeys(needs: Needs, stopping: AbortSignal): Promise<void> {
  const { keys, rotation, log } = needs
  for (const kid of await rotation.redate())
    log.warn('a clock that was ahead had dated a signing key: it is dated now', { kid })
  for (const ring of keys.rings()) {
    if (stopping.aborted) return
    const rotated = await rotation.rotate(ring, 'scheduled', BY_SYSTEM)
    if (rotated.outcome === 'promoted') log.info('signing key rotated', ring)
  }
  for (const kid of await rotation.retire(CLOCK_SKEW_SECONDS)) log.info('signing key retired', { kid })
  // Last, because a resource that cannot be read must not keep other keys from their turn.
  await tendOwnRings(needs, stopping)
}

/** Transactions follow each other until nothing is left to delete. After a stop, the next start goes on. */
export async function sweep({ store, config }: Pick<Needs, 'store' | 'config'>, stopping: AbortSignal): Promise<void> {
  const forgetBefore = store.now() - config.auditRetentionSeconds * 1000
  const maySweep = () => store.time.isBelieved()
  while (!stopping.aborted && (await store.sweep(SWEEP_SLICE, forgetBefore, maySweep)) > 0)
    await pause(SWEEP_PAUSE_MS, undefined, { signal: stopping }).catch(() => {})
}

/** Repeats work after a pause with a tenth of jitter. The function that it returns waits for the running work. */
function every(pauseMs: number, name: string, log: Log, work: Work): () => Promise<void> {
  const stopping = new AbortController()
  let running = Promise.resolve()
  let timer: NodeJS.Timeout
  // A failure that goes on is logged once: the work is tried again many times a second.
  let failure = ''
  const tell = (error: unknown) => {
    const level = error instanceof Displaced ? 'error' : 'warn'
    if (String(error) !== failure) log[level](`${name} failed and is tried again`, { reason: String(error) })
    failure = String(error)
  }
  const schedule = () => {
    timer = setTimeout(
      () => {
        running = work(stopping.signal)
          .then(() => void (failure = ''))
          .catch(tell)
          .finally(() => {
            if (!stopping.signal.aborted) schedule()
          })
      },
      pauseMs * (0.95 + Math.random() / 10),
    ).unref()
  }
  schedule()
  return async () => {
    stopping.abort()
    clearTimeout(timer)
    await running
  }
}
