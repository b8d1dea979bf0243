/** The surroundings of every case: the options, the load, and the sides, each of which starts when a case first needs it. */
import { Load } from './load/load.ts'
import type { Round, Work } from './load/work.ts'
import type { Options } from './options.ts'
import { startBare } from './sides/bare.ts'
import { startOauth2Server } from './sides/oauth2-server.ts'
import { startOidcProvider } from './sides/oidc-provider.ts'
import type { Side } from './sides/side.ts'
import { copyOf, startSignet, type Place } from './sides/signet.ts'
import { basic, SCOPE } from './sides/terms.ts'

const DOCUMENTS = ['/.well-known/jwks.json', '/.well-known/openid-configuration']

const STARTS = {
  signet: ({ model }) => startSignet('Signet', copyOf(model, 'signet')),
  secondSignet: ({ model }) => startSignet('Signet again', copyOf(model, 'second')),
  normalSignet: ({ model }) =>
    startSignet('Signet, synchronous=NORMAL', copyOf(model, 'normal'), {
      preload: '../preload/normal-synchronous.ts',
    }),
  loggingSignet: ({ model }) =>
    startSignet('Signet, log level info to /dev/null', copyOf(model, 'logging'), {
      env: { SIGNET_LOG_LEVEL: 'info' },
      stderr: 'null',
    }),
  bare: async (bench) => startBare('bare Hono handler', bench.model.credentials, await documentsOf(bench)),
  secondBare: async (bench) => startBare('bare Hono handler again', bench.model.credentials, await documentsOf(bench)),
  oidcMap: ({ model }) => startOidcProvider('map', model.credentials),
  oidcSqlite: ({ model }) => startOidcProvider('sqlite', model.credentials),
  oauth2Server: ({ model }) => startOauth2Server(model.credentials),
} satisfies Record<string, (bench: Bench) => Promise<Side>>

export type SideName = keyof typeof STARTS

export class Bench {
  readonly options: Options
  readonly load = new Load()
  readonly model: Place
  /** Writes a line of progress. */
  readonly say: (line: string) => void
  /** Requests that got no 2xx response. A run with one failure has no valid figures. */
  readonly failures: { what: string; count: number; first: string | undefined }[] = []
  readonly #sides = new Map<SideName, Promise<Side>>()

  constructor(options: Options, model: Place, say: (line: string) => void) {
    this.options = options
    this.model = model
    this.say = say
  }

  side(name: SideName): Promise<Side> {
    const side = this.#sides.get(name) ?? STARTS[name](this)
    this.#sides.set(name, side)
    return side
  }

  /** The sides that were started so far. */
  started(): Promise<Side[]> {
    return Promise.all(this.#sides.values())
  }

  async stopSides(): Promise<void> {
    await Promise.all((await this.started()).map((side) => side.stop()))
    this.#sides.clear()
  }

  async stop(): Promise<void> {
    await this.stopSides()
    this.load.stop()
  }

  /** Loads a side for so many seconds, and notes failures. */
  async run(what: string, work: Work, seconds: number, load = this.load): Promise<Round> {
    return this.noteFailures(what, await load.run(work, seconds))
  }

  noteFailures(what: string, round: Round): Round {
    const { failures: count, firstFailure: first } = round
    if (count > 0) this.failures.push({ what, count, first })
    return round
  }

  /** A form that the client sends. */
  post(side: Side, path: string, form: Record<string, string> = {}): Work {
    const { port, otherPorts = [] } = side
    return { port, otherPorts, method: 'POST', path, headers: basic(side.credentials), form }
  }

  /** Puts the refresh tokens of so many new families into a pool. */
  async createFamilies(side: Side, pool: string, count: number): Promise<void> {
    const form = { grant_type: 'client_credentials', scope: `${SCOPE} offline_access` }
    const keeps = { pool, member: 'refresh_token' } as const
    const { requests } = await this.run(
      `families of ${side.name}`,
      { ...this.post(side, side.paths.family, form), keeps, requests: count },
      600,
    )
    if (requests < count) throw new Error(`${side.name}: ${requests} of ${count} families were made`)
  }
}

async function documentsOf(bench: Bench): Promise<Record<string, string>> {
  const { port } = await bench.side('signet')
  const bodies = DOCUMENTS.map(async (path) => [path, await (await fetch(`http://localhost:${port}${path}`)).text()])
  return Object.fromEntries(await Promise.all(bodies)) as Record<string, string> // pairs of path and text
}
