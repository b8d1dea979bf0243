/** The connections of this process to PostgreSQL, each of them. */
import { Socket } from 'node:net'
import { Client, type ClientConfig } from 'pg'

type Connected = Parameters<Client['connect']>[0]

/**
 * A connection whose socket is closed where no connection is made. The driver leaves it open where it is the driver that
 * refuses, e.g. without the password that the server asks for. A process would live until the server loses patience.
 */
export class Connection extends Client {
  readonly #socket: Socket

  constructor(config: ClientConfig) {
    const socket = new Socket()
    super({ ...config, stream: () => socket })
    this.#socket = socket
    // An end while nothing is asked is told to the next caller.
    this.on('error', () => {})
  }

  override connect(): Promise<Client>
  override connect(callback: Connected): void
  override connect(callback?: Connected): Promise<Client> | void {
    const connecting = super.connect().catch((error: unknown) => {
      this.#socket.destroy()
      throw error
    })
    if (!callback) return connecting
    // Sound: the pool's callback takes an error, or the connection.
    const told = callback as (error: unknown, client?: Client) => void
    connecting.then(
      (client) => told(null, client),
      (error: unknown) => told(error),
    )
  }
}
