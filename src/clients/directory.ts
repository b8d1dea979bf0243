/** All clients in memory, as the database has them: the hot path finds a client without a query. */
import type { Change, ClientRecord, Store } from '../store/store.ts'

export class ClientDirectory {
  readonly #store: Store
  #clients = new Map<string, ClientRecord>()
  /** Found out when first asked after a change. */
  #someSecretIsBrought: boolean | undefined

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(store: Store): Promise<ClientDirectory> {
    const directory = new ClientDirectory(store)
    await directory.#reload()
    return directory
  }

  /** Called with every change, of this process or another. */
  async onChange(changes: Change[]): Promise<void> {
    const own = changes.filter(({ noun }) => noun === 'client')
    if (own.length > 0) this.#someSecretIsBrought = undefined
    if (own.some(({ id }) => id === null)) return this.#reload()
    for (const { id } of own) {
      if (id === null) continue
      const client = await this.#store.findClient(id)
      if (client) this.#clients.set(id, client)
      else this.#clients.delete(id)
    }
  }

  async #reload(): Promise<void> {
    this.#clients = new Map((await this.#store.listClients()).map((client) => [client.clientId, client]))
  }

  find(clientId: string): ClientRecord | undefined {
    return this.#clients.get(clientId)
  }

  get size(): number {
    return this.#clients.size
  }

  /** Whether any client has a secret that an operator brought. */
  get someSecretIsBrought(): boolean {
    this.#someSecretIsBrought ??= [...this.#clients.values()].some(({ secrets }) =>
      secrets.some(({ kind }) => kind === 'brought'),
    )
    return this.#someSecretIsBrought
  }
}
