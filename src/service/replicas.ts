/** This process as one of several with one database: it joins, and says from time to time that it lives. */
import { Fault } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'
import { readVersion } from '../ground/version.ts'
import type { LivingReplica, ServedNames } from '../store/records/facts.ts'
import type { Store } from '../store/store.ts'

/** More than that between this machine's clock and the database's is told. Milliseconds. */
const MOST_APART_MS = 30_000

export interface Membership {
  beat(): Promise<void>
  leave(): Promise<void>
}

/** This process, noted under the names that it serves. */
interface Joined {
  /** The names of the last start. */
  before: Partial<ServedNames>
  /** `undefined` where the database serves this machine alone. */
  membership: Membership | undefined
  /** Notes the names of the last start again: a start that fails has served nobody. */
  giveBack(): Promise<void>
}

/**
 * Joins the others before anything is read into memory, so that a process that makes a key later knows of this one. A change
 * of the issuer is possible while no other replica runs.
 * @throws Fault where the others serve another issuer
 */
export async function joinReplicas(
  store: Store,
  { names, name, log }: { names: ServedNames; name: string; log: Log },
): Promise<Joined> {
  const isAlone = store.pace.heartbeatEveryMs === undefined
  const replica = { name, version: readVersion(), startedAt: store.now() } satisfies LivingReplica
  const claim = await store.claimNames(names, isAlone ? undefined : replica)
  if (claim.outcome === 'others') throw otherIssuer(names.issuer, claim.serve, name)
  const { before } = claim
  const giveBack = () => store.returnNames(before)
  return { before, giveBack, membership: isAlone ? undefined : membershipOf(replica, store, log) }
}

function membershipOf(replica: LivingReplica, store: Store, log: Log): Membership {
  const warn = warnOfClock(store, log)
  return {
    async beat() {
      await store.noteReplica(replica)
      warn()
    },
    leave: () => store.noteReplica(replica, 'stops'),
  }
}

const otherIssuer = (issuer: string, served: string, own: string): Fault =>
  new Fault(
    `SIGNET_ISSUER: this replica (${own}) would serve ${issuer}, and others with its database serve ${served}`,
    'set SIGNET_ISSUER to the same on all; to change the name, stop all of them first',
  )

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
