/** The processes that serve one database. Each says from time to time that it lives. */
import { find, insert, select, time, update, type Act, type Engine } from '../engine.ts'
import type { Instant } from '../../ground/clock.ts'
import type { LivingReplica, NamesClaim, ReplicaRecord, ServedNames } from '../records/facts.ts'
import type { Store } from '../store.ts'
import { replicas, settings } from '../tables/service.ts'
import { put } from './settings.ts'

type Verbs = Pick<Store, 'claimNames' | 'returnNames' | 'noteReplica' | 'listReplicas' | 'othersHearWithinMs'>

/** A replica that was not seen for this many heartbeats is dead. */
const BEATS_TO_LIVE = 3

export function replicaVerbs(engine: Engine): Verbs {
  const { heartbeatEveryMs = 0, readyHearWithinMs } = engine.pace
  /** The name of this process, once it has said that it lives. */
  let own: string | undefined
  const hasOthers = (all: ReplicaRecord[], now: Instant, self = own) =>
    all.some(
      ({ name, stoppedAt, lastSeenAt }) =>
        name !== self && stoppedAt === null && lastSeenAt > now - BEATS_TO_LIVE * heartbeatEveryMs,
    )
  const listReplicas = () => engine.read(() => select(replicas, { orderBy: 'name' }))
  return {
    claimNames: async (names, replica) => {
      const claim = await engine.act(
        function* (): Act<NamesClaim> {
          const before = yield* readNames()
          const isOther = before.issuer !== undefined && before.issuer !== names.issuer
          if (isOther && hasOthers(yield* select(replicas, {}), yield* time(), replica?.name))
            return { outcome: 'others', serve: before.issuer ?? '' }
          yield* putNames(names)
          if (replica) yield* note(replica, 'lives')
          return { outcome: 'claimed', before }
        },
        'exclusive',
        'operator',
      )
      if (claim.outcome === 'claimed') own = replica?.name
      return claim
    },
    returnNames: (before) =>
      engine.act(
        function* () {
          if (!hasOthers(yield* select(replicas, {}), yield* time())) yield* putNames(before)
        },
        'exclusive',
        'operator',
      ),
    noteReplica: async (replica, state = 'lives') => {
      await engine.act(() => note(replica, state), 'free')
      own = replica.name
    },
    listReplicas,
    othersHearWithinMs: async () => {
      if (heartbeatEveryMs === 0) return 0
      return hasOthers(await listReplicas(), engine.now()) ? readyHearWithinMs : 0
    },
  }
}

function* readNames(): Act<Partial<ServedNames>> {
  const valueOf = function* (name: keyof ServedNames) {
    return (yield* find(settings, { name }))?.value
  }
  const [issuer, domain] = [yield* valueOf('issuer'), yield* valueOf('rp_id')]
  return { ...(issuer !== undefined && { issuer }), ...(domain !== undefined && { rp_id: domain }) }
}

function* putNames({ issuer, rp_id: domain }: Partial<ServedNames>): Act<void> {
  yield* put('issuer', issuer)
  yield* put('rp_id', domain)
}

function* note(replica: LivingReplica, state: 'lives' | 'stops'): Act<void> {
  const now = yield* time()
  const row = { ...replica, lastSeenAt: now, stoppedAt: state === 'stops' ? now : null }
  if ((yield* update(replicas, { name: row.name }, row)) === 0) yield* insert(replicas, row)
}
