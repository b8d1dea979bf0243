/**
 * Which running servers have which master keys. Each server notes it in the database when it starts, when its keys change
 * and a few times a minute. A key is made current only when every running server has it. A server that stops forgets its
 * note. A server that was killed counts as running for `ALIVE_MS`, unless it ran on this machine and its process is gone.
 */
import type { Instant } from '../ground/clock.ts'
import { isGone } from '../ground/process-name.ts'
import type { KeyHolder } from '../store/records/master-key.ts'
import type { Store } from '../store/store.ts'
import type { MasterKeys } from './master-keys.ts'

export const ALIVE_MS = 60_000
const NOTE_EVERY_MS = 20_000

export class KeyHolderNote {
  readonly #store: Store
  readonly #masterKeys: Pick<MasterKeys, 'ids'>
  readonly #server: string
  #noted = ''
  #notedAt = -Infinity

  /** Writes the first note. @param server its name */
  static async begin(store: Store, masterKeys: Pick<MasterKeys, 'ids'>, server: string): Promise<KeyHolderNote> {
    const note = new KeyHolderNote(store, masterKeys, server)
    await note.tend()
    return note
  }

  private constructor(store: Store, masterKeys: Pick<MasterKeys, 'ids'>, server: string) {
    this.#store = store
    this.#masterKeys = masterKeys
    this.#server = server
  }

  /** Writes the note, if it is due or the keys have changed. */
  async tend(): Promise<void> {
    const keys = this.#masterKeys.ids().toSorted()
    const isDue = performance.now() >= this.#notedAt + NOTE_EVERY_MS
    if (!isDue && keys.join() === this.#noted) return
    await this.#store.noteKeyHolder({ server: this.#server, keys, lastSeenAt: this.#store.now() })
    this.#noted = keys.join()
    this.#notedAt = performance.now()
  }

  async forget(): Promise<void> {
    await this.#store.forgetKeyHolder(this.#server)
  }
}

/** The running servers that are not known to have a key. */
export const serversWithout = (id: string, holders: KeyHolder[], now: Instant): KeyHolder[] =>
  holders.filter((holder) => !holder.keys.includes(id) && holder.lastSeenAt > now - ALIVE_MS && !isGone(holder.server))
