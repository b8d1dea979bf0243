/**
 * The blacklist in memory. It finds the entry that denies a token, and the entry that refuses a new one. Every issue and
 * every introspection ask it, so it never reads the disk. The replica tells it of every change.
 */
import { toSeconds, type Instant, type SteadyClock } from '../ground/clock.ts'
import {
  OWN_CAUSES,
  isStanding,
  type BlacklistCause,
  type BlacklistEntry,
  type BlacklistKind,
} from '../store/records/blacklist.ts'
import type { Change } from '../store/records/change.ts'
import type { Store } from '../store/store.ts'

/** The parts of a token that an entry can name. */
export interface DeniableToken {
  jti: string
  sub: string
  client_id: string
  iat: number
  sid?: string | undefined
  kid?: string | undefined
}

const KINDS: readonly BlacklistKind[] = ['jti', 'sid', 'sub', 'client_id', 'kid']
const NONE: readonly BlacklistEntry[] = []

/** The entries in memory that stand, or may stand again, found by their names and by the tokens that they deny. */
export class Blacklist {
  readonly noun = 'blacklist'
  readonly #store: Store
  readonly #clock: SteadyClock
  readonly #byId = new Map<string, BlacklistEntry>()
  /** The entries that are not removed, by what they name; nearly always one. A kind without entries costs no search. */
  readonly #byValue: Record<BlacklistKind, Map<string, BlacklistEntry[]>> = {
    jti: new Map(),
    sid: new Map(),
    sub: new Map(),
    client_id: new Map(),
    kid: new Map(),
  }
  /** How many entries of each owner and cause are known and not removed. Near a limit the database counts instead. */
  readonly #owned = new Map<string, number>()
  #revision = 0
  #replacements = 0
  readonly #followers = new Set<() => void>()

  private constructor(store: Store) {
    this.#store = store
    this.#clock = store.time
  }

  static async open(store: Store): Promise<Blacklist> {
    const blacklist = new Blacklist(store)
    const takeOver = await blacklist.read([])
    takeOver()
    return blacklist
  }

  /** The new entries are read before the old ones are forgotten, so there is no moment without denials. */
  async read(changes: Change[]): Promise<() => void> {
    const isAnew = changes.some(({ id }) => id === null)
    const entries = await this.#store.listBlacklistSince(isAnew ? 0 : this.#revision, this.#clock.earliest())
    return () => {
      const isWhole = isAnew || this.#revision === 0
      if (isAnew) this.#forgetAll()
      this.#take(entries)
      // The table keeps entries for a while after they have ended.
      if (isWhole) this.prune()
    }
  }

  #take(entries: BlacklistEntry[]): void {
    for (const entry of entries) {
      this.#revision = Math.max(this.#revision, entry.revision)
      this.#forget(entry.id)
      this.#byId.set(entry.id, entry)
      if (entry.removedAt === null) this.#index(entry)
    }
    this.#forgetReplaced(entries.filter(({ cause }) => cause === 'quota'))
    this.wakeFollowers()
  }

  /** Calls all followers, also without a change. */
  wakeFollowers(): void {
    for (const notify of this.#followers) notify()
  }

  /** Forgets the entries that these entries have replaced. The store tells no change for each of them. */
  #forgetReplaced(quotas: BlacklistEntry[]): void {
    if (quotas.length === 0) return
    const lines = new Map(quotas.map(({ owner, revision }) => [owner, revision]))
    for (const { id, cause, owner, revision } of this.#byId.values()) {
      const isOwn = cause === 'quota' || OWN_CAUSES.includes(cause)
      if (isOwn && revision < (lines.get(owner) ?? 0)) this.#forget(id)
    }
    this.#replacements += 1
  }

  /** How often entries were replaced by one entry. The feed packs its pages again by it. */
  get replacements(): number {
    return this.#replacements
  }

  #index(entry: BlacklistEntry): void {
    const { kind, value } = entry
    this.#byValue[kind].set(value, [...this.#named(kind, value), entry])
    this.#count(entry, 1)
  }

  #count({ owner, cause }: BlacklistEntry, by: 1 | -1): void {
    if (owner === null) return
    const name = `${cause}:${owner}`
    const count = (this.#owned.get(name) ?? 0) + by
    if (count > 0) this.#owned.set(name, count)
    else this.#owned.delete(name)
  }

  #forget(id: string): void {
    const entry = this.#byId.get(id)
    if (!entry) return
    this.#byId.delete(id)
    if (entry.removedAt !== null) return
    const { kind, value } = entry
    const rest = this.#named(kind, value).filter((each) => each !== entry)
    if (rest.length > 0) this.#byValue[kind].set(value, rest)
    else this.#byValue[kind].delete(value)
    this.#count(entry, -1)
  }

  #forgetAll(): void {
    this.#byId.clear()
    for (const kind of KINDS) this.#byValue[kind].clear()
    this.#owned.clear()
    this.#revision = 0
  }

  #standing(kind: BlacklistKind, value: string, now: Instant): BlacklistEntry[] {
    return this.#named(kind, value).filter((entry) => isStanding(entry, now))
  }

  #named(kind: BlacklistKind, value: string): readonly BlacklistEntry[] {
    return this.#byValue[kind].get(value) ?? NONE
  }

  /** The entry that denies a token, if one does. */
  findDenying(token: DeniableToken): BlacklistEntry | undefined {
    if (this.#byId.size === 0) return undefined
    const now = this.#clock.now()
    for (const kind of KINDS) {
      const value = token[kind]
      if (value === undefined) continue
      // A name that is refused new tokens has no valid token, whatever its date: the rule of time in entry.ts.
      const denying = this.#standing(kind, value, now).find(
        (entry) => entry.refusesNew || token.iat <= toSeconds(entry.issuedBefore),
      )
      if (denying) return denying
    }
    return undefined
  }

  /** The entry that refuses new tokens for a subject or client, if one does. */
  findRefusing(kind: 'sub' | 'client_id', value: string): BlacklistEntry | undefined {
    return this.#standing(kind, value, this.#clock.now()).find(({ refusesNew }) => refusesNew)
  }

  /** Every entry that refuses new tokens for it. Each is lifted by the act that undoes its cause. */
  listRefusing(kind: 'sub' | 'client_id', value: string): BlacklistEntry[] {
    return this.#standing(kind, value, this.#clock.now()).filter(({ refusesNew }) => refusesNew)
  }

  /** Whether an entry by this creator stands for this value. An entry by another creator may be lifted independently. */
  isListedBy(createdBy: string, kind: BlacklistKind, value: string): boolean {
    return this.#standing(kind, value, this.#clock.now()).some((entry) => entry.createdBy === createdBy)
  }

  /** How many entries of this cause a client has, by the state of memory. */
  countOwned(owner: string, cause: BlacklistCause): number {
    return this.#owned.get(`${cause}:${owner}`) ?? 0
  }

  /** Every known entry, including removed entries until they are forgotten. The feed is made from these. */
  entries(): Iterable<BlacklistEntry> {
    return this.#byId.values()
  }

  /** How many entries are known. */
  get size(): number {
    return this.#byId.size
  }

  /** Rises with every change. */
  get revision(): number {
    return this.#revision
  }

  /** Calls `notify` after every change, until the returned function is called. */
  follow(notify: () => void): () => void {
    this.#followers.add(notify)
    return () => this.#followers.delete(notify)
  }

  /** Forgets entries that have ended for good: no correction of the clock makes them stand again in this process. */
  prune(): void {
    const earliest = this.#clock.earliest()
    for (const entry of this.#byId.values()) {
      const over = entry.removedAt === null ? !isStanding(entry, earliest) : entry.deniesUntil < earliest
      if (over) this.#forget(entry.id)
    }
  }
}
