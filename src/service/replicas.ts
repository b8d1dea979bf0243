/** This process as one of several with one database: it joins, and says from time to time that it lives. */
import { Fault } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'
import { readVersion } from '../ground/version.ts'
import type { ReplicaRecord } from '../store/records/facts.ts'
import type { Store } from '../store/store.ts'

/** More than that between this machine's clock and the database's is told. Milliseconds. */
const MOST_APART_MS = 30_000

export interface Membership {
  beat(): Promise<void>
  leave(): Promise<void>
}

/**
 * Joins the others before anything is read into memory, so that whoever makes a key later knows of this process.
 * @returns the work of each heartbeat, and of the end; `undefined` where the database serves this machine alone
 * @throws Fault where the others serve another issuer
 */
export async function joinReplicas(
  store: Store,
  { issuer, name, log }: { issuer: string; name: string; log: Log },
): Promise<Membership | undefined> {
  if (store.pace.heartbeatEveryMs === undefined) return undefined
  const replica = {
    name,
    version: readVersion(),
    startedAt: store.now(),
  } satisfies Omit<ReplicaRecord, 'lastSeenAt' | 'stoppedAt'>
  await requireSameIssuer(store, issuer, replica.name)
  await store.noteReplica(replica)
  const warn = warnOfClock(store, log)
  return {
    async beat() {
      await store.noteReplica(replica)
      warn()
    },
    leave: () => store.noteReplica(replica, 'stops'),
  }
}

/** A change of the name is possible while no other replica runs. */
async function requireSameIssuer(store: Store, issuer: string, own: string): Promise<void> {
  const served = await store.findSetting('issuer')
  if (served === undefined || served === issuer || (await store.othersHearWithinMs()) === 0) return
  throw new Fault(
    `SIGNET_ISSUER: this replica (${own}) would serve ${issuer}, and others with its database serve ${served}`,
    'set SIGNET_ISSUER to the same on all; to change the name, stop all of them first',
  )
}

/** Logs a line when the clocks are found apart, and none until they have agreed again. */
function warnOfClock(store: Store, log: Log): () => void {
  let isTold = false
  return () => {
    const aheadMs = store.machineAheadMs()
    const isApart = Math.abs(aheadMs) > MOST_APART_MS
    if (isApart && !isTold)
      log.warn("this machine's clock differs from the database's, which decides: set it by NTP", {
        duration_ms: Math.round(aheadMs),
      })
    isTold = isApart
  }
}
