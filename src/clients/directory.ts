/** All clients in memory, so that requests find a client without a query. */
import type { Change } from '../store/records/change.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { Store } from '../store/store.ts'

export class ClientDirectory {
  readonly noun = 'client'
  readonly #store: Store
  #clients = new Map<string, ClientRecord>()
  /** Computed at the first question after a change. */
  #someSecretIsBrought: boolean | undefined
  #someKeysAreFetched: boolean | undefined

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(store: Store): Promise<ClientDirectory> {
    const directory = new ClientDirectory(store)
    const takeOver = await directory.#readAll()
    takeOver()
    return directory
  }

  async read(changes: Change[], onUnreadable?: (row: string) => void): Promise<() => void> {
    const ids = changes.map(({ id }) => id)
    const named = ids.filter((id) => id !== null)
    if (named.length < ids.length) return this.#readAll(onUnreadable)
    const found = await Promise.all(named.map(async (id) => ({ id, client: await this.#find(id, onUnreadable) })))
    return () => {
      this.#forget()
      for (const { id, client } of found) {
        if (client) this.#clients.set(id, client)
        else this.#clients.delete(id)
      }
    }
  }

  async #find(id: string, onUnreadable: ((row: string) => void) | undefined): Promise<ClientRecord | undefined> {
    try {
      return await this.#store.findClient(id)
    } catch (error) {
      if (!(error instanceof SyntaxError) || !onUnreadable) throw error
      onUnreadable(`clients ${id}`)
      return undefined
    }
  }

  async #readAll(onUnreadable?: (row: string) => void): Promise<() => void> {
    const clients = new Map((await this.#store.listClients(onUnreadable)).map((client) => [client.clientId, client]))
    return () => {
      this.#forget()
      this.#clients = clients
    }
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

  /** Whether any client publishes its keys. */
  get someKeysAreFetched(): boolean {
    this.#someKeysAreFetched ??= [...this.#clients.values()].some(({ jwksUri }) => jwksUri !== null)
    return this.#someKeysAreFetched
  }

  #forget(): void {
    this.#someSecretIsBrought = undefined
    this.#someKeysAreFetched = undefined
  }
}
