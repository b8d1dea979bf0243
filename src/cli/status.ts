/** `signet status`: the deployment in numbers. `signet doctor` finds its faults. */
import type { Command } from 'commander'
import { toIso } from '../ground/clock.ts'
import type { Issuer } from '../issuer.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { SHARED_RING, type SigningAlgorithm, type SigningKeyRecord } from '../store/records/key.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, bold, fieldList } from './output.ts'
import { withExample } from './subcommand.ts'

export function defineStatus(command: Command): void {
  withExample(command, '--json').action(status)
}

const status = (_options: object, command: Command): Promise<void> =>
  withIssuer(async (issuer) => {
    const facts = await gather(issuer)
    answer(command, facts, () => forPeople(facts))
  })

type Facts = Awaited<ReturnType<typeof gather>>

async function gather({ issuer, store, keys }: Issuer) {
  const { location, sizeBytes, journalBytes, settings, counts } = await store.facts({ integrity: false })
  const records = await keys.list()
  return {
    issuer,
    database: {
      location,
      size_bytes: sizeBytes,
      ...(journalBytes !== undefined && { journal_bytes: journalBytes }),
      settings,
    },
    replicas: (await store.listReplicas()).map(({ name, version, startedAt, lastSeenAt, stoppedAt }) => ({
      name,
      version,
      started_at: toIso(startedAt),
      last_seen_at: toIso(lastSeenAt),
      stopped_at: toIso(stoppedAt),
    })),
    keys: Object.fromEntries(SIGNING_ALGORITHMS.map((alg) => [alg, ringFacts(records, alg)])),
    counts,
  }
}

function ringFacts(records: SigningKeyRecord[], alg: SigningAlgorithm) {
  const ring = records.filter((key) => key.ring === SHARED_RING && key.alg === alg)
  const active = ring.find((key) => key.status === 'active')
  return {
    active: active?.kid ?? null,
    active_since: toIso(active?.activatedAt ?? null),
    next: ring.find((key) => key.status === 'next')?.kid ?? null,
    retiring: ring.filter((key) => key.status === 'retiring').length,
  }
}

function forPeople({ issuer, database, keys, counts, replicas }: Facts): string {
  const { settings, ...place } = database
  const rings = Object.entries(keys).map(([alg, ring]) => `${bold(alg)}\n${fieldList(ring)}`)
  return [
    fieldList({ issuer, ...place }),
    ...rings,
    ...replicas.map(({ name, ...replica }) => `${bold(`replica ${name}`)}\n${fieldList(replica)}`),
    `${bold('counts')}\n${fieldList(counts)}`,
    `${bold('database settings')}\n${fieldList(settings)}`,
  ].join('\n\n')
}
