/**
 * `npm run bench`: the issuer beside bare handlers that do the same work, in one run, interleaved, so that
 * only ratios count. `-- --seconds 5 --rounds 5` for steadier figures. The bare refresh commits to disk as well, one row
 * and nothing else.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { CONNECTIONS, load, type Round, type Work } from './load.ts'
import { fileIn, startBare, startSignet, type Side } from './servers.ts'

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '3' } },
})
const seconds = Number(options.seconds)
const rounds = Number(options.rounds)

const credentials = { clientId: 'bench', secret: randomBytes(32).toString('base64url') }
const basic = {
  authorization: `Basic ${Buffer.from(`${credentials.clientId}:${credentials.secret}`).toString('base64')}`,
}

const config = fileIn('signet.json')
writeFileSync(
  config,
  JSON.stringify({
    resources: [
      { id: 'demo-api', scope: 'demo:read' },
      { id: 'rs256-api', alg: 'RS256', scope: 'demo:read' },
    ],
    clients: [
      {
        client_id: credentials.clientId,
        grant_types: ['client_credentials', 'refresh_token'],
        scope: 'demo:read',
        resources: ['demo-api', 'rs256-api'],
        client_secret: { env: 'BENCH_SECRET' },
      },
    ],
  }),
)

const signet = await startSignet(credentials, config)
const jwks = await (await fetch(`${signet.url}/.well-known/jwks.json`)).text()
const bare = await startBare(credentials, jwks)

const form = { grant_type: 'client_credentials', scope: 'demo:read' }
const post = { method: 'POST', headers: basic } as const

/** Refresh tokens for every connection of one round. */
async function families(side: Side): Promise<string[]> {
  const path = side === signet ? '/token' : '/grant'
  const body = new URLSearchParams({ ...form, scope: 'demo:read offline_access' })
  const ask = async () => {
    const answer = (await (await fetch(side.url + path, { ...post, body })).json()) as { refresh_token: string }
    return answer.refresh_token
  }
  return Promise.all(Array.from({ length: CONNECTIONS }, ask))
}

type WorkOn = (side: Side) => Promise<Work>
const CASES: [string, WorkOn][] = [
  ['/token ES256', async ({ url }) => ({ url, ...post, path: '/token', form })],
  [
    '/token RS256',
    async (side) =>
      side === signet
        ? { url: side.url, ...post, path: '/token', form: { ...form, resource: 'rs256-api' } }
        : { url: side.url, ...post, path: '/token-rs256', form },
  ],
  [
    '/refresh, durable',
    async (side) => ({
      url: side.url,
      ...post,
      path: '/refresh',
      form: { grant_type: 'refresh_token' },
      refreshTokens: await families(side),
    }),
  ],
  ['JWKS', async ({ url }) => ({ url, method: 'GET', path: '/.well-known/jwks.json' })],
]

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

interface Measured extends Round {
  /** Processor time of the server for a request, in microseconds: holds where others use the cores as well. */
  cpuMicros: number
}

async function loadMeasured(side: Side, work: Work, duration: number): Promise<Measured> {
  const before = side.cpuMs()
  const round = await load(work, duration)
  return { ...round, cpuMicros: ((side.cpuMs() - before) * 1000) / (round.requestsPerSecond * duration) }
}

async function measure(workOn: WorkOn): Promise<[Measured[], Measured[]]> {
  const results: [Measured[], Measured[]] = [[], []]
  for (let round = -1; round < rounds; round++) {
    // The order turns every round; the first, shorter one only warms up.
    for (const index of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const side = index === 0 ? signet : bare
      const result = await loadMeasured(side, await workOn(side), round < 0 ? 1 : seconds)
      if (round >= 0) results[index].push(result)
    }
  }
  return results
}

console.log(
  `${availableParallelism()} cores shared with the load, ${CONNECTIONS} connections, ${rounds} rounds of ${seconds} s, medians\n`,
)
console.log(
  '| work | Signet, requests/s | p99 ms | CPU µs | bare Hono handler | p99 ms | CPU µs | ratio | ratio by CPU | failures |',
)
console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|')
let failed = 0
for (const [name, workOn] of CASES) {
  const [ours, theirs] = await measure(workOn)
  const of = (list: Measured[], field: keyof Measured) => median(list.map((each) => each[field]))
  const failures = [...ours, ...theirs].reduce((sum, each) => sum + each.failures, 0)
  failed += failures
  const side = (list: Measured[]) =>
    [of(list, 'requestsPerSecond'), of(list, 'p99'), of(list, 'cpuMicros')].map((figure) => figure.toFixed(0))
  const ratio = of(ours, 'requestsPerSecond') / of(theirs, 'requestsPerSecond')
  const byCpu = of(theirs, 'cpuMicros') / of(ours, 'cpuMicros')
  console.log(`| ${[name, ...side(ours), ...side(theirs), ratio.toFixed(2), byCpu.toFixed(2), failures].join(' | ')} |`)
}
console.log(`\nmemory after the run: Signet ${signet.memory()} MiB, bare ${bare.memory()} MiB (resident)`)
signet.stop()
bare.stop()
if (failed > 0) {
  console.error(`${failed} requests failed: the figures count for nothing`)
  process.exitCode = 1
}
