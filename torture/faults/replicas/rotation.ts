/** Keys rotate every few seconds, and a verifier that caches the key set of any replica for five seconds knows every `kid`. */
import { setTimeout as pause } from 'node:timers/promises'
import { headerOf } from '../../../harness/call.ts'
import { orNothing, type Caller } from '../../caller.ts'
import type { Context, Fault } from '../../fault.ts'
import { atLeast, control, exactly } from '../../finding.ts'
import { operatorAt, startCluster, type Cluster } from '../../replicas/cluster.ts'

const CACHED_MS = 5000
/** Old keys leave soon, so that the key set has room. A rotation is forced before the time that a start demands is over. */
const EAGER = { SIGNET_JWKS_MAX_AGE: '5s', SIGNET_KEY_PREPUBLISH: '13s', SIGNET_ACCESS_TOKEN_TTL: '20s' }

interface Tally {
  tokens: number
  failed: string[]
  unknown: number
  /** The same for a verifier that never asks again. */
  unknownToStale: number
  rotations: number
}

export const rotation: Fault = {
  name: 'replica-rotation',
  title: 'key rotation again and again, a verifier that caches for 5 s',
  async run(context) {
    const wanted = context.count(2, 18)
    const [perSecond, everyMs] = [context.count(150, 500), context.count(7000, 10_000)]
    const cluster = await startCluster(context, { env: EAGER })
    const tally: Tally = { tokens: 0, failed: [], unknown: 0, unknownToStale: 0, rotations: 0 }
    let isOver = false
    const verifying = verify(context, cluster, { perSecond, isOver: () => isOver, tally })
    while (tally.rotations < wanted) {
      await pause(everyMs)
      await rotate(cluster, tally.rotations)
      tally.rotations++
      context.progress(`${tally.rotations} of ${wanted} rotations, ${tally.tokens} tokens`)
    }
    await pause(1000)
    isOver = true
    const pace = await verifying
    const note = `${tally.tokens} tokens at ${pace.toFixed(0)}/s, ${tally.rotations} rotations`
    return [
      exactly('tokens with an unknown `kid`', tally.unknown, 0, note),
      exactly('tokens refused', tally.failed.length, 0, tally.failed[0]),
      atLeast('rotations', tally.rotations, wanted),
      control(
        'a key set that is never asked for again',
        `${tally.unknownToStale} unknown`,
        '0',
        tally.unknownToStale > 0,
      ),
    ]
  },
}

/** Forces a rotation at each replica in turn. */
async function rotate({ replicas, place }: Cluster, number: number): Promise<void> {
  const { url = '' } = replicas[number % replicas.length] ?? {}
  const answer = await (await operatorAt(url, place))('/admin/api/keys/rotate', { emergency: true })
  if (answer.status !== 200) throw new Error(`no rotation: ${answer.status} ${answer.text}`)
}

interface Verifying {
  perSecond: number
  isOver: () => boolean
  tally: Tally
}

/** @returns how many tokens were asked for each second */
async function verify(
  context: Context,
  { replicas, app }: Cluster,
  { perSecond, isOver, tally }: Verifying,
): Promise<number> {
  const kidsAt = async (): Promise<Set<string>> => {
    const response = await fetch(`${context.random.pick(replicas.map(({ url }) => url))}/.well-known/jwks.json`)
    // RFC 7517 §5; the issuer under test made it.
    const { keys } = (await response.json()) as { keys: { kid: string }[] }
    return new Set(keys.map(({ kid }) => kid))
  }
  const first = await kidsAt()
  let cached = first
  const one = async (caller: Caller): Promise<void> => {
    const answer = await orNothing(caller.send('/token', { form: { grant_type: 'client_credentials' } }))
    if (answer?.status !== 200) return void tally.failed.push(`${answer?.status} ${answer?.text}`)
    const { kid } = headerOf(answer.body.access_token ?? '')
    tally.tokens++
    if (!cached.has(kid)) tally.unknown++
    if (!first.has(kid)) tally.unknownToStale++
  }
  const running: Promise<void>[] = []
  const began = performance.now()
  let asked = began
  for (let number = 0; !isOver(); number++) {
    await pause(Math.max(0, began + (number * 1000) / perSecond - performance.now()))
    if (performance.now() - asked > CACHED_MS) {
      // The five seconds count from the question, as a cache counts them.
      asked = performance.now()
      cached = await kidsAt()
    }
    running.push(one(app))
  }
  const pace = (running.length * 1000) / (performance.now() - began)
  await Promise.all(running)
  return pace
}
