/**
 * Several processes behind one port, over one database (`SIGNET_WORKERS`). The primary accepts connections and hands
 * them to the workers in turn, starts a new worker where one has died, and ends them all. It opens no database and
 * answers no request itself: what must hold between workers holds in the database.
 */
import cluster, { type Worker } from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import { passOn, WorkerColleagues } from './colleagues.ts'
import type { Colleagues } from './http/rooms.ts'
import type { Log } from './ground/log.ts'
import type { RunningIssuer } from './service/server.ts'

/** What a worker tells once it serves. */
export type Serving = Omit<RunningIssuer, 'stop'>

interface Started {
  serving: Serving
}

const STOP = 'stop'

/** A little more than a worker takes that waits for its slowest request. */
const STOP_WITHIN_MS = 12_000
/** The pause before a dead worker is replaced; twice as long each time that none had lived for a while. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
const LIVED_MS = 60_000

/**
 * Starts `count` workers: the first by itself, since it may have to make the database, the others when it serves.
 * @returns `undefined` where the first could not start; it has said why.
 */
export async function startWorkers(
  count: number,
  log: Log,
): Promise<{ serving: Serving; stop: () => Promise<void> } | undefined> {
  const first = cluster.fork()
  const serving = await firstWords(first, log)
  if (!serving) return undefined
  const workers = new Workers(serving, log)
  workers.keep(first)
  for (let more = 1; more < count; more++) workers.add()
  return { serving, stop: () => workers.stop() }
}

function firstWords(worker: Worker, log: Log): Promise<Serving | undefined> {
  return new Promise((resolve) => {
    let serves = false
    worker.once('message', ({ serving }: Started) => {
      serves = true
      resolve(serving)
    })
    worker.once('exit', (_code, signal) => {
      if (signal && !serves)
        log.error('the first worker was ended before it served', { worker: worker.id, reason: signal })
      resolve(undefined)
    })
  })
}

class Workers {
  readonly #serving: Serving
  readonly #log: Log
  /** Each with its place, a number from 1, and with what resolves when it has ended. */
  readonly #living = new Map<Worker, { place: number; ended: Promise<void> }>()
  readonly #stopping = new AbortController()
  /** Whether the port has to be asked for by its number. */
  #isPortLost = false
  #shortLives = 0

  constructor(serving: Serving, log: Log) {
    this.#serving = serving
    this.#log = log
  }

  /** Starts one more, under the name that the first was given or made up. */
  add(): void {
    const { issuer, port } = this.#serving
    // The declarative file was applied at the start; where it was edited since, that waits for the next one.
    const known = { SIGNET_ISSUER: issuer, SIGNET_ISSUER_FILE: '', SIGNET_CONFIG: '', SIGNET_CONFIG_FILE: '' }
    // Port 0 is one and the same port as long as a worker holds it; asked for later, it would be another.
    this.#isPortLost ||= this.#living.size === 0
    this.keep(cluster.fork(this.#isPortLost ? { ...known, SIGNET_PORT: String(port), SIGNET_PORT_FILE: '' } : known))
  }

  /** Watches a worker and replaces it when it ends. */
  keep(worker: Worker): void {
    const born = performance.now()
    const ended = new Promise<void>((resolve) =>
      worker.once('exit', (code, signal) => {
        this.#living.delete(worker)
        if (!this.#stopping.signal.aborted) {
          const reason = signal ?? `exit code ${code}`
          this.#log.error('a worker has ended and is replaced', { worker: worker.id, reason })
          void this.#replace(performance.now() - born)
        }
        resolve()
      }),
    )
    worker.on('message', ({ serving }: Partial<Started>) => serving && this.#requirePort(worker, serving.port))
    passOn(worker, this.#living)
    closeUnhanded(worker)
    this.#living.set(worker, { place: this.#freePlace(), ended })
  }

  #freePlace(): number {
    const taken = new Set([...this.#living.values()].map(({ place }) => place))
    for (let place = 1; ; place++) if (!taken.has(place)) return place
  }

  /** The last worker that held port 0 may have died just before this one asked for it. */
  #requirePort(worker: Worker, port: number): void {
    if (port === this.#serving.port) return
    this.#isPortLost = true
    tellToStop(worker)
  }

  async #replace(livedMs: number): Promise<void> {
    if (livedMs >= LIVED_MS) this.#shortLives = 0
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#shortLives, LONGEST_PAUSE_MS)
    this.#shortLives += 1
    // Ends early, by rejecting, where the stop comes first.
    await pause(pauseMs, undefined, { signal: this.#stopping.signal }).then(
      () => this.add(),
      () => {},
    )
  }

  /** Tells every worker to stop, and ends what has not done so in time. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const living = [...this.#living]
    for (const [worker] of living) tellToStop(worker)
    const patience = setTimeout(() => living.forEach(([worker]) => worker.process.kill('SIGKILL')), STOP_WITHIN_MS)
    await Promise.all(living.map(([, { ended }]) => ended))
    clearTimeout(patience)
  }
}

/**
 * The connection that a worker is just being handed when it dies is forgotten by Node, open: whoever is at its other
 * end would wait for ever. There is one at most, since the next is handed over when the last was taken.
 */
function closeUnhanded({ process: child }: Worker): void {
  const send = child.send.bind(child) as (...values: unknown[]) => boolean // the general form of its overloads
  let handing: unknown
  child.send = (...values: unknown[]) => {
    handing = values[1] ?? handing
    return send(...values)
  }
  child.once('exit', () => {
    // Closing again what was taken and closed does nothing.
    if (isClosable(handing)) handing.close()
  })
}

const isClosable = (value: unknown): value is { close(): void } =>
  typeof value === 'object' && value !== null && 'close' in value && typeof value.close === 'function'

/** One that is just ending hears nothing any more, which is no fault. */
function tellToStop(worker: Worker): void {
  if (worker.isConnected()) worker.send(STOP, () => {})
}

/** The channel of a worker to its primary; `undefined` in any other process. */
export interface Primary {
  /** The number of this worker, for its log. */
  worker: number
  /** Resolves when the primary says so, or has died. */
  stopped: Promise<void>
  colleagues: Colleagues
  tell(serving: Serving): void
  /** Lets this process end. */
  leave(): void
}

export function findPrimary(): Primary | undefined {
  const { worker } = cluster
  if (!worker) return undefined
  const stopped = new Promise<void>((resolve) => {
    worker.on('message', (message) => message === STOP && resolve())
    worker.once('disconnect', () => {
      // Else Node ends the process at once, and running requests with it.
      worker.exitedAfterDisconnect = true
      resolve()
    })
  })
  return {
    worker: worker.id,
    stopped,
    colleagues: new WorkerColleagues(worker),
    tell: ({ issuer, url, port, firstClient }) =>
      void worker.send({ serving: { issuer, url, port, firstClient } } satisfies Started, () => {}),
    leave: () => {
      if (worker.isConnected()) process.disconnect()
    },
  }
}
