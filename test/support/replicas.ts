/**
 * `SIGNET_TEST_REPLICAS=2`: every issuer that a test starts in its own process is a pair of issuers with the same
 * database, keys and clock. Requests go to them in turn, on any connection, and the tests do not notice.
 */
import { subscribe } from 'node:diagnostics_channel'
import { Server, type IncomingMessage, type ServerResponse } from 'node:http'
import { startIssuer, type Clock, type Config, type Log, type RunningIssuer } from '../../src/index.ts'

/** How many issuers serve one address in this run of the tests. */
export const REPLICAS = Number(process.env.SIGNET_TEST_REPLICAS ?? '1')

/** Every HTTP server of this process, by port: an issuer does not expose its server. */
const servers = new Map<number, Server>()

if (REPLICAS > 1) {
  subscribe('tracing:net.server.listen:asyncEnd', (message) => {
    const { server } = message as { server: unknown } // as Node's tracing channel of `net` documents it
    const place = server instanceof Server ? server.address() : null
    if (server instanceof Server && place !== null && typeof place === 'object') servers.set(place.port, server)
  })
}

const serverAt = (port: number): Server => {
  const server = servers.get(port)
  if (!server) throw new Error(`no HTTP server of this process listens on ${port}`)
  return server
}

/** Starts two issuers on one database, the second behind the address of the first. */
export async function startPair(config: Config, surroundings: { clock?: Clock; log: Log }): Promise<RunningIssuer> {
  const first = await startIssuer(config, surroundings)
  const apart = { issuer: first.issuer, port: 0, configFile: undefined }
  const second = await startIssuer({ ...config, ...apart }, surroundings)
  const share = new Share(serverAt(first.port), serverAt(second.port))
  return {
    ...first,
    async stop() {
      share.end()
      // Requests at the second issuer hold connections of the first, so both stop together.
      await Promise.all([first.stop(), share.answered().then(() => second.stop())])
    },
  }
}

/** Gives every second request of one server to another, until it is ended. */
class Share {
  readonly #running = new Set<Promise<void>>()
  #turn = 0
  #isOver = false

  constructor(front: Server, back: Server) {
    const emit = front.emit.bind(front)
    front.emit = (event: string, ...values: unknown[]) => {
      if (event !== 'request' || this.#isOver || ++this.#turn % 2 === 1) return emit(event, ...values)
      // Node emits `request` with these two values.
      this.#watch(...(values as [IncomingMessage, ServerResponse]))
      return back.emit(event, ...values)
    }
  }

  /** A follower of the feed leaves when its issuer stops; all other responses are waited for. */
  #watch({ headers }: IncomingMessage, response: ServerResponse): void {
    if (headers.accept?.includes('text/event-stream')) return
    const closed = new Promise<void>((resolve) => response.once('close', resolve))
    this.#running.add(closed)
    void closed.then(() => this.#running.delete(closed))
  }

  end(): void {
    this.#isOver = true
  }

  async answered(): Promise<void> {
    await Promise.all(this.#running)
  }
}
