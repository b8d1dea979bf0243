/** All resources in memory, as the database has them, and the issuer itself as one of them. */
import type { Change, ResourceRecord, Store } from '../store/store.ts'
import { issuerResource } from './resource.ts'

export class ResourceDirectory {
  /** The id of the built-in resource. */
  readonly issuer: string
  readonly #store: Store
  readonly #issuerResource: ResourceRecord
  #resources = new Map<string, ResourceRecord>()

  private constructor(store: Store, issuer: string) {
    this.#store = store
    this.issuer = issuer
    this.#issuerResource = issuerResource(issuer)
  }

  static async open(store: Store, issuer: string): Promise<ResourceDirectory> {
    const directory = new ResourceDirectory(store, issuer)
    await directory.#reload()
    return directory
  }

  /** Called with every change, of this process or another. */
  async onChange(changes: Change[]): Promise<void> {
    if (changes.some(({ noun }) => noun === 'resource')) await this.#reload()
  }

  async #reload(): Promise<void> {
    this.#resources = new Map((await this.#store.listResources()).map((resource) => [resource.id, resource]))
  }

  find(id: string): ResourceRecord | undefined {
    return id === this.issuer ? this.#issuerResource : this.#resources.get(id)
  }
}
