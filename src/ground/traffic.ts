/** Counts of the requests that this process answered. They name no client, no subject and no token. */
import { PeopleTraffic } from './people-traffic.ts'
import { Counts, Histogram, type CacheCounts } from './counts.ts'

/** Seconds: from an answer out of memory to one that waited for the disk. */
const DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** A request that was answered. */
interface Answered {
  /** The route's pattern, or `(none)`. Never the path of the request. */
  endpoint: string
  method: string
  status: number
  seconds: number
  /** The registered error code, if the request was refused. */
  error: string | undefined
}

export class Traffic {
  readonly requests = new Counts('endpoint', 'method', 'status')
  readonly refusals = new Counts('endpoint', 'error')
  readonly durations = new Map<string, Histogram>()
  readonly tokensIssued = new Counts('grant_type', 'alg')
  /** `repeated`: the same successor again. `reused`: the family ended. `refused`: refused, and nothing was consumed. */
  readonly refreshes = { rotated: 0, repeated: 0, reused: 0, refused: 0 }
  readonly caches: Record<string, CacheCounts> = {}
  readonly people = new PeopleTraffic()
  /** Streams of the feed that are open now. */
  feedFollowers = 0

  note({ endpoint, method, status, seconds, error }: Answered): void {
    this.requests.add(endpoint, METHODS.has(method) ? method : '(other)', status)
    if (error !== undefined) this.refusals.add(endpoint, error)
    let durations = this.durations.get(endpoint)
    if (!durations) this.durations.set(endpoint, (durations = new Histogram(DURATIONS)))
    durations.observe(seconds)
  }

  /** The counts of one cache. */
  cache(name: string): CacheCounts {
    return (this.caches[name] ??= { hit: 0, miss: 0 })
  }
}
