/**
 * The master keys in memory. The database says which key is current and which are retired; the key file or the variable
 * holds the keys themselves. If the database names a key that this process lacks, the file is read again. Until the key
 * is there, what needs it is refused with 503, and `/readyz` and the log name it.
 */
import { Fault, Unavailable } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'
import { sealedUnder } from '../store/records/key.ts'
import { statusOfMasterKey, type MasterKeyState, type MasterKeyStatus } from '../store/records/master-key.ts'
import type { Store } from '../store/store.ts'
import type { MasterKey } from './master-key.ts'

interface Needs {
  store: Pick<Store, 'readMasterKeys'>
  log: Log
  /** Reads the place of the keys again. */
  readAgain: () => MasterKey[]
}

type Held = ReadonlyMap<string, MasterKey>

const LOOK_EVERY_MS = 1000

export class MasterKeys {
  /** Private keys are sealed anew in the write that changes the master key, so the news of both is one. */
  readonly noun = 'key'
  readonly #needs: Needs
  /** Every key that was found, the retired ones too. */
  #found: Held
  /** Those that may be used, by id. */
  #usable: Held = new Map()
  #state: MasterKeyState
  #current: MasterKey | undefined
  #first: MasterKey | undefined
  /** The number of the last reading that was begun, and of the newest reading that was taken over. */
  #readings = 0
  #taken = 0
  #lookedAt = -Infinity
  readonly #told = new Set<string>()

  constructor(found: MasterKey[], state: MasterKeyState, needs: Needs) {
    this.#needs = needs
    this.#found = byId(found)
    this.#state = state
    this.#take(state, this.#found)
  }

  /** Makes new seals, digests and families. @throws Unavailable while this process lacks it */
  get current(): MasterKey {
    return this.#current ?? this.#refuse(this.#state.current ?? '')
  }

  /** The id of the key that rows without a key belong to. */
  get firstId(): string {
    return this.#state.first ?? ''
  }

  /** The current key, where this process lacks it. */
  get missing(): string | undefined {
    return this.#current ? undefined : this.#state.current
  }

  /** @param id `null` for the first key */
  find(id: string | null): MasterKey | undefined {
    return id === null ? this.#first : this.#usable.get(id)
  }

  /** @throws Unavailable where this process lacks the key */
  get(id: string | null): MasterKey {
    return this.find(id) ?? this.#refuse(id ?? this.firstId)
  }

  /** The current key for a row that was made under another one; `undefined` where the row can stay. */
  successorOf(id: string | null): MasterKey | undefined {
    const current = this.#current
    return current && current.id !== (id ?? this.firstId) ? current : undefined
  }

  /** Ids of the keys that this process has and may use. */
  ids(): string[] {
    return [...this.#usable.keys()]
  }

  /** Found in their place, whatever the database says of them. */
  found(): MasterKey[] {
    return [...this.#found.values()]
  }

  /** Every key that is noted or was found, with its status. A key that the database does not know is `new`. */
  list(): { id: string; status: MasterKeyStatus; isHere: boolean }[] {
    const { keys, current } = this.#state
    const noted = new Set(keys.map(({ id }) => id))
    const unknown = this.found().filter(({ id }) => !noted.has(id))
    return [
      ...keys.map((key) => ({
        id: key.id,
        status: statusOfMasterKey(key, current),
        isHere: this.#found.has(key.id),
      })),
      ...unknown.map(({ id }) => ({ id, status: 'new' as const, isHere: true })),
    ]
  }

  seal(value: unknown): Promise<string> {
    return this.current.seal(value)
  }

  /**
   * The JSON value of a JWE; `undefined` where this process lacks the key that sealed it.
   * @throws Fault where no master key of this database sealed it
   */
  async unseal(jwe: string): Promise<unknown> {
    const id = sealedUnder(jwe)
    if (id !== undefined && !this.#found.has(id)) (await this.read())()
    const key = id === undefined ? undefined : this.#found.get(id)
    if (key) return key.unseal(jwe)
    if (this.#state.keys.some((known) => known.id === id)) return undefined
    throw new Fault(
      `a value of the database was sealed under ${JSON.stringify(id ?? '')}, which is no master key of it`,
      'the value was damaged, or comes from another database: restore a backup, see signet restore --help',
    )
  }

  /** Reads the state from the database. If two readings overlap, the one that began later is kept. */
  async read(): Promise<() => void> {
    const reading = (this.#readings += 1)
    const state = await this.#needs.store.readMasterKeys()
    const found = lacksSome(state, this.#found) ? this.#readPlace() : this.#found
    return () => {
      if (reading < this.#taken) return
      this.#taken = reading
      this.#take(state, found)
    }
  }

  /**
   * Looks for keys that are named and were not found, at most once a second.
   * @returns whether this process has the current key now, and lacked it before
   */
  lookAgain(): boolean {
    const now = performance.now()
    if (now < this.#lookedAt + LOOK_EVERY_MS || !lacksSome(this.#state, this.#found)) return false
    this.#lookedAt = now
    const lacked = this.missing !== undefined
    this.#take(this.#state, this.#readPlace())
    return lacked && this.missing === undefined
  }

  #take(state: MasterKeyState, found: Held): void {
    const retired = new Set(state.keys.filter(({ retiredAt }) => retiredAt !== null).map(({ id }) => id))
    this.#found = found
    this.#state = state
    this.#usable = new Map([...found].filter(([id]) => !retired.has(id)))
    this.#current = this.#usable.get(state.current ?? '')
    this.#first = this.#usable.get(state.first ?? '')
    if (this.missing === undefined) this.#told.clear()
    else this.#tell(`${this.missing} is current, and this process does not have it`)
  }

  /** Keys that were found before stay: a place that was emptied by mistake takes nothing from a running server. */
  #readPlace(): Held {
    try {
      const found = this.#needs.readAgain()
      return new Map([...this.#found, ...byId(found)])
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.#tell(error.message)
      return this.#found
    }
  }

  /** Each trouble is told once, until it is over. */
  #tell(trouble: string): void {
    if (!this.#told.has(trouble)) this.#needs.log.error('master key', { reason: trouble })
    this.#told.add(trouble)
  }

  #refuse(id: string): never {
    throw new Unavailable(`this server does not have master key ${id}`)
  }
}

const byId = (keys: MasterKey[]): Held => new Map(keys.map((key) => [key.id, key]))

/** Whether a key is named that may be needed and was not found. */
const lacksSome = ({ keys, current }: MasterKeyState, found: Held): boolean =>
  (current !== undefined && !found.has(current)) ||
  keys.some(({ id, retiredAt }) => retiredAt === null && !found.has(id))
