/**
 * Which verifiers are ready for the next key. Verifiers introduce themselves when they fetch the key set or follow the
 * feed, and their last fetch tells which keys they have seen. Names are what callers say of themselves: nobody verifies
 * them. They are kept in memory, with a bound for each network, and written in the background.
 */
import { withoutSecrets } from '../ground/looks-secret.ts'
import type { Clock, Instant } from '../ground/clock.ts'
import { SHARED_RING, type KeyReader, type SigningKeyRecord } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'

/** Beyond this, the reader not seen for the longest gives way. */
const MOST_READERS = 1000
/** Names that one network may bring in a week: nobody there can push out the verifiers of all others. */
const MOST_OF_NETWORK = 100
/** Networks whose names are counted; beyond this the oldest count is dropped. */
const MOST_NETWORKS = 4096
const MOST_NAME_CHARACTERS = 120
const MOST_AGENT_CHARACTERS = 500

/** A reader that was here within this time counts as one that somebody relies on. Milliseconds. */
const RECENT_MS = 7 * 86_400_000

/** `signet-verifier/1.0 (orders-api)` is `orders-api`; others appear by their user agent, as far as it is printable. */
function readerName(userAgent: string | undefined): string {
  const own = /^signet-verifier\/\S+ \(([^()]+)\)/.exec(userAgent ?? '')?.[1]
  const name = withoutSecrets(own ?? userAgent ?? '')
    .replace(/[^\x20-\x7E]/g, '?')
    .trim()
  return name.slice(0, MOST_NAME_CHARACTERS) || '(no user agent)'
}

/** Tools that people look with once. Nobody should wait for them to fetch the next key. */
const TOOL_OF_PEOPLE = /^(?:signet-doctor$|(?:curl|Wget|HTTPie|xh|Mozilla|PostmanRuntime|insomnia)\/)/i

/** The network that a request comes from, and the name that it gives itself. */
export interface Visitor {
  userAgent: string | undefined
  network: string
}

export interface Readiness {
  seenBy: KeyReader[]
  notSeenBy: KeyReader[]
}

export class KeyReaders {
  readonly #store: Store
  readonly #clock: Clock
  /** Noted since the last flush, by user agent as sent. */
  #noted = new Map<string, { lastSeenAt: Instant; knowsUntil: Instant }>()
  /** The user agents of each network since some time within the last week. */
  readonly #networks = new Map<string, { since: Instant; agents: Set<string> }>()
  #flushing: Promise<void> = Promise.resolve()

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Notes a visitor. @param knowsUntil when the newest key that it was given was published; 0 for none */
  note({ userAgent, network }: Visitor, knowsUntil: Instant = 0): void {
    const agent = (userAgent ?? '').slice(0, MOST_AGENT_CHARACTERS)
    const now = this.#clock.now()
    if (TOOL_OF_PEOPLE.test(agent) || !this.#hasRoom(network, agent, now)) return
    const known = this.#noted.get(agent)
    if (known) {
      known.lastSeenAt = now
      known.knowsUntil = Math.max(known.knowsUntil, knowsUntil)
    } else if (this.#noted.size < MOST_READERS) {
      this.#noted.set(agent, { lastSeenAt: now, knowsUntil })
    }
  }

  /** Whether a network may bring this name. A name that it brought before is always taken. */
  #hasRoom(network: string, agent: string, now: Instant): boolean {
    let names = this.#networks.get(network)
    if (!names || names.since <= now - RECENT_MS) {
      names = { since: now, agents: new Set() }
      this.#networks.set(network, names)
      const [oldest] = this.#networks.keys()
      if (this.#networks.size > MOST_NETWORKS && oldest !== undefined) this.#networks.delete(oldest)
    }
    if (names.agents.has(agent)) return true
    if (names.agents.size >= MOST_OF_NETWORK) return false
    names.agents.add(agent)
    return true
  }

  /** Notes a reader of the feed. A verifier of ours is waited for; a passer-by with curl never fetches keys. */
  noteFollower(visitor: Visitor): void {
    if (visitor.userAgent?.startsWith('signet-verifier/')) this.note(visitor)
  }

  /** Writes down the readers since the last time. */
  flush(): Promise<void> {
    // Flushes run one after another: once a flush has ended, everything that was noted before it is written. A flush that
    // fails rejects for its own caller.
    this.#flushing = this.#flushing.catch(() => {}).then(() => this.#write())
    return this.#flushing
  }

  async #write(): Promise<void> {
    if (this.#noted.size === 0) return
    const noted = this.#noted
    this.#noted = new Map()
    await this.#store.noteReaders([...noted].map(([agent, seen]) => ({ name: readerName(agent), ...seen })))
  }

  /** Which of the readers that were here lately have been given a shared key, and which have not. */
  async readinessFor(key: SigningKeyRecord): Promise<Readiness> {
    await this.flush()
    const since = this.#clock.now() - RECENT_MS
    // Tools are not noted, but an older version may have noted them.
    const recent = (await this.#store.listReaders()).filter(
      ({ name, lastSeenAt }) => lastSeenAt > since && !TOOL_OF_PEOPLE.test(name),
    )
    // Readers of one resource's own key set are not noted: they say nothing about the shared set.
    if (key.ring !== SHARED_RING) return { seenBy: [], notSeenBy: [] }
    return {
      seenBy: recent.filter(({ knowsUntil }) => knowsUntil >= key.createdAt),
      notSeenBy: recent.filter(({ knowsUntil }) => knowsUntil < key.createdAt),
    }
  }
}
