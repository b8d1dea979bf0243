/**
 * Who is ready for the next key. Verifiers introduce themselves when they fetch the key set or follow the
 * feed; what they fetched last tells which keys they have seen. Kept in bounded memory, written in the
 * background.
 */
import { withoutSecrets } from '../ground/looks-secret.ts'
import type { Clock, Instant } from '../ground/clock.ts'
import { SHARED_RING, type KeyReader, type SigningKeyRecord, type Store } from '../store/store.ts'

/** Beyond this, the reader not seen for the longest gives way. */
const MOST_READERS = 1000
const MOST_NAME_CHARACTERS = 120
const MOST_AGENT_CHARACTERS = 500

/** A reader that was here within this time counts as one that somebody relies on. Milliseconds. */
const RECENT_MS = 7 * 86_400_000

/** `signet-verifier/1.0 (orders-api)` is `orders-api`; others appear by their user agent, as far as it is printable. */
export function readerName(userAgent: string | undefined): string {
  const own = /^signet-verifier\/\S+ \(([^()]+)\)/.exec(userAgent ?? '')?.[1]
  const name = withoutSecrets(own ?? userAgent ?? '')
    .replace(/[^\x20-\x7E]/g, '?')
    .trim()
  return name.slice(0, MOST_NAME_CHARACTERS) || '(no user agent)'
}

/** What people look with: once, and then it is gone. Nobody should wait for it to fetch the next key. */
const TOOL_OF_PEOPLE = /^(?:signet-doctor$|(?:curl|Wget|HTTPie|xh|Mozilla|PostmanRuntime|insomnia)\/)/i

export interface Readiness {
  seenBy: KeyReader[]
  notSeenBy: KeyReader[]
}

export class KeyReaders {
  readonly #store: Store
  readonly #clock: Clock
  /** Noted since the last flush, by user agent as sent. */
  #noted = new Map<string, { lastSeenAt: Instant; knowsUntil: Instant }>()
  #flushing: Promise<void> = Promise.resolve()

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Somebody was here. @param knowsUntil when the newest key that it was given was published; 0 for none */
  note(userAgent: string | undefined, knowsUntil: Instant = 0): void {
    const agent = (userAgent ?? '').slice(0, MOST_AGENT_CHARACTERS)
    if (TOOL_OF_PEOPLE.test(agent)) return
    const known = this.#noted.get(agent)
    if (known) {
      known.lastSeenAt = this.#clock.now()
      known.knowsUntil = Math.max(known.knowsUntil, knowsUntil)
    } else if (this.#noted.size < MOST_READERS) {
      this.#noted.set(agent, { lastSeenAt: this.#clock.now(), knowsUntil })
    }
  }

  /** Somebody reads the feed. A verifier of ours is waited for; a passer-by with curl never fetches keys. */
  noteFollower(userAgent: string | undefined): void {
    if (userAgent?.startsWith('signet-verifier/')) this.note(userAgent)
  }

  /** Writes down who was here since the last time. */
  flush(): Promise<void> {
    // One after another: whoever asks for a flush finds everything that was noted before written.
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
    // Tools are not noted, but a version of before may have.
    const recent = (await this.#store.listReaders()).filter(
      ({ name, lastSeenAt }) => lastSeenAt > since && !TOOL_OF_PEOPLE.test(name),
    )
    // Who reads the key set of one resource is not noted: it says nothing about the shared one.
    if (key.ring !== SHARED_RING) return { seenBy: [], notSeenBy: [] }
    return {
      seenBy: recent.filter(({ knowsUntil }) => knowsUntil >= key.createdAt),
      notSeenBy: recent.filter(({ knowsUntil }) => knowsUntil < key.createdAt),
    }
  }
}
