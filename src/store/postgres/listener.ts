/**
 * A connection of its own that hears when another replica has changed something. A notification may be lost, by a pooler
 * or a fail-over, so nothing rests on it: it only makes the next look come at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import type { ChangeLog } from './changes.ts'
import { Connection } from './connection.ts'
import { CHANNEL } from './transaction.ts'

/** The pause before another connection is made. It is jittered, so that replicas do not come back together. */
const RETRY_MS = 500

export class Listener {
  readonly #config: ClientConfig
  readonly #changes: ChangeLog
  readonly #schema: string
  readonly #notifies: boolean
  #running: Promise<void> | undefined
  readonly #stopping = new AbortController()

  constructor(config: ClientConfig, changes: ChangeLog, { schema, notifies }: { schema: string; notifies: boolean }) {
    this.#config = config
    this.#changes = changes
    this.#schema = schema
    this.#notifies = notifies
  }

  /** Listens until the returned function is called. */
  start(): () => Promise<void> {
    if (this.#notifies) this.#running ??= this.#keepListening()
    return () => this.stop()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      // While there is no connection, polling finds every change, and its failures are logged.
      await this.#listen().catch(() => {})
      // Only the end of listening rejects the pause.
      await sleep(RETRY_MS * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => {})
    }
  }

  /** Resolves when the connection has ended. */
  async #listen(): Promise<void> {
    const client = new Connection(this.#config)
    const { signal } = this.#stopping
    const over = Promise.withResolvers<void>()
    const leave = () => over.resolve()
    client.once('end', leave)
    client.on('notification', ({ payload = '' }) => this.#hear(payload))
    signal.addEventListener('abort', leave)
    try {
      await client.connect()
      await client.query(`LISTEN ${CHANNEL}`)
      // Changes before the connection stood were not notified to it.
      this.#look()
      if (!signal.aborted) await over.promise
    } finally {
      signal.removeEventListener('abort', leave)
      // The connection is over in any case; the server may have ended it.
      client.end().catch(() => {})
    }
  }

  #hear(payload: string): void {
    const [schema, revision] = payload.split(' ')
    if (schema === this.#schema && Number(revision) > this.#changes.cursor) this.#look()
  }

  /** A look that fails is followed by the next poll. */
  #look(): void {
    this.#changes.look().catch(() => {})
  }
}
