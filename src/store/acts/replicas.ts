/** The processes that serve one database. Each says from time to time that it lives. */
import { insert, select, time, update, type Act, type Engine } from '../engine.ts'
import type { ReplicaRecord } from '../records/facts.ts'
import type { Store } from '../store.ts'
import { replicas } from '../tables.ts'

type Verbs = Pick<Store, 'noteReplica' | 'listReplicas' | 'othersHearWithinMs'>

/** A replica that was not seen for so many heartbeats is dead. */
const BEATS_TO_LIVE = 3

export function replicaVerbs(engine: Engine): Verbs {
  const { heartbeatEveryMs, readyHearWithinMs } = engine.pace
  /** The name of this process, once it has said that it lives. */
  let own: string | undefined
  const listReplicas = () => engine.read(() => select(replicas, { orderBy: 'name' }))
  return {
    noteReplica: async (replica, state = 'lives') => {
      await engine.act(() => note(replica, state), 'free')
      own = replica.name
    },
    listReplicas,
    othersHearWithinMs: async () => {
      if (heartbeatEveryMs === undefined) return 0
      const since = engine.now() - BEATS_TO_LIVE * heartbeatEveryMs
      const isLive = ({ lastSeenAt, stoppedAt }: ReplicaRecord) => stoppedAt === null && lastSeenAt > since
      const others = (await listReplicas()).filter((replica) => replica.name !== own && isLive(replica))
      return others.length > 0 ? readyHearWithinMs : 0
    },
  }
}

function* note(replica: Omit<ReplicaRecord, 'lastSeenAt' | 'stoppedAt'>, state: 'lives' | 'stops'): Act<void> {
  const now = yield* time()
  const row = { ...replica, lastSeenAt: now, stoppedAt: state === 'stops' ? now : null }
  if ((yield* update(replicas, { name: row.name }, row)) === 0) yield* insert(replicas, row)
}
