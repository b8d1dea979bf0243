/** All resources in memory, as the database has them, and the issuer itself as one of them. */
import type { Change } from '../store/records/change.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Store } from '../store/store.ts'
import { issuerResource } from './resource.ts'

export class ResourceDirectory {
  readonly noun = 'resource'
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
    const takeOver = await directory.read()
    takeOver()
    return directory
  }

  /** Reads all resources after any change, because there are few. */
  async read(_changes: Change[] = [], onUnreadable?: (row: string) => void): Promise<() => void> {
    const resources = new Map(
      (await this.#store.listResources(onUnreadable)).map((resource) => [resource.id, resource]),
    )
    return () => {
      this.#resources = resources
    }
  }

  /** Without the issuer. */
  ids(): string[] {
    return [...this.#resources.keys()]
  }

  withOwnKeys(): ResourceRecord[] {
    return [...this.#resources.values()].filter(({ ownKeys }) => ownKeys)
  }

  find(id: string): ResourceRecord | undefined {
    return id === this.issuer ? this.#issuerResource : this.#resources.get(id)
  }
}
