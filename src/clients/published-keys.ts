/**
 * The keys that clients publish at their `jwks_uri` (RFC 7591 §2). They are fetched when an assertion needs them, kept in
 * memory, and fetched again when they are old or lack the key that an assertion names.
 *
 * Anybody can send an assertion in a client's name. So fetches are at least some seconds apart, all requests share one,
 * and the places of those that wait are counted. An assertion in the name of no such client waits as long.
 */
import { hash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { fromSeconds, type Clock } from '../ground/clock.ts'
import type { Log } from '../ground/log.ts'
import type { ClientJwk, ClientRecord } from '../store/records/client.ts'
import type { KeyFetch } from './key-fetch.ts'
import { WaitingRoom } from './waiting-room.ts'

/** From a fetch to the next of the same client, at least. Milliseconds. */
const APART_MS = 5000
/** How long keys are used while their host is away. Milliseconds. */
const KEPT_MS = fromSeconds(3600)
/** Clients whose keys are kept. Above this number, the keys that were not used for longest are forgotten. */
const MOST_CLIENTS = 1000
/** Names that are remembered although no client with published keys has them. */
const MOST_NAMES = 1000
/** Durations of fetches that are remembered, and the one that is taken for the first. Milliseconds. */
const MOST_DURATIONS = 16
const FIRST_DURATION_MS = 100

export interface PublishedKeySet {
  keys: readonly ClientJwk[]
  /** Why the latest fetch brought no keys, if it did not. For the operator alone. */
  fault: string | undefined
}

/** An assertion that is not verified yet. */
export interface Asking {
  kid: string | undefined
  /** The caller's. */
  network: string
}

interface Known {
  keys: readonly ClientJwk[]
  freshUntil: number
  keptUntil: number
}

/** The state of one key set. Times are those of `Clock.elapsed`. */
interface Slot {
  /** `undefined`: there is none, and fetching it is waiting. */
  uri: string | undefined
  known: Known | undefined
  fault: string | undefined
  isAway: boolean
  nextAt: number
  fetching: Promise<void> | undefined
}

export class PublishedKeys {
  readonly #clock: Clock
  readonly #log: Log
  /** SIGNET_OUTBOUND_ALLOW */
  readonly #allowed: readonly string[]
  /** By the registration, which another one of the same id does not share; least recently used first. */
  readonly #clients = new Map<number, Slot>()
  readonly #names = new Map<string, Slot>()
  readonly #durations: number[] = []
  readonly #waiting = new WaitingRoom()

  constructor(needs: { clock: Clock; log: Log; allowed: readonly string[] }) {
    this.#clock = needs.clock
    this.#log = needs.log
    this.#allowed = needs.allowed
  }

  /**
   * The keys of a client, fetched where it has to be. It may wait for seconds, so its caller judges the client again.
   * @throws Unavailable when too many requests wait already
   */
  async find({ key, clientId }: ClientRecord, uri: string, asking: Asking): Promise<PublishedKeySet> {
    const former = this.#clients.get(key)
    const slot = former?.uri === uri ? former : emptySlot(uri)
    putLast(this.#clients, key, slot)
    this.#shrink(slot)
    await this.#refresh(slot, asking, async () => {
      const { fetchKeySet } = await import('./key-fetch.ts')
      const fetched = await fetchKeySet(uri, this.#allowed)
      this.#tell(slot, clientId, fetched)
      return fetched
    })
    const { known, fault } = slot
    return { keys: known && this.#clock.elapsed() < known.keptUntil ? known.keys : [], fault }
  }

  /**
   * Waits as long as `find` does for a client whose keys can be fetched. Otherwise the time of a refusal would tell which
   * clients exist.
   * @throws Unavailable as `find` does
   */
  async findInVain(clientId: string, asking: Asking): Promise<void> {
    const name = hash('sha256', clientId, 'base64url')
    const slot = this.#names.get(name) ?? emptySlot(undefined)
    putLast(this.#names, name, slot)
    const [oldest] = this.#names.keys()
    if (this.#names.size > MOST_NAMES && oldest !== undefined) this.#names.delete(oldest)
    const duration = this.#someDuration()
    await this.#refresh(slot, asking, () => pause(duration, NO_KEYS, { ref: false }))
  }

  async #refresh(slot: Slot, { kid, network }: Asking, fetch: () => Promise<KeyFetch>): Promise<void> {
    const now = this.#clock.elapsed()
    const isKnown = knows(slot, kid, now)
    if (isKnown && now < (slot.known?.freshUntil ?? 0)) return
    if (!slot.fetching && now >= slot.nextAt) slot.fetching = this.#fetch(slot, fetch)
    // A host that was away the last time is not waited for, as long as its former keys may serve.
    if (slot.fetching && !(isKnown && slot.isAway)) await this.#waiting.run(network, slot.fetching)
  }

  /** Never rejects, because nobody may be waiting for it. */
  async #fetch(slot: Slot, fetch: () => Promise<KeyFetch>): Promise<void> {
    slot.nextAt = this.#clock.elapsed() + APART_MS
    const began = performance.now()
    const fetched = await fetch().catch((error: unknown): KeyFetch => ({ outcome: 'away', fault: String(error) }))
    const now = this.#clock.elapsed()
    if (slot.uri !== undefined) this.#noteDuration(performance.now() - began)
    slot.fetching = undefined
    slot.nextAt = now + APART_MS
    slot.isAway = fetched.outcome === 'away'
    slot.fault = fetched.outcome === 'keys' ? undefined : fetched.fault
    if (fetched.outcome === 'refused') slot.known = undefined
    if (fetched.outcome === 'keys')
      slot.known = { keys: fetched.keys, freshUntil: now + fromSeconds(fetched.freshSeconds), keptUntil: now + KEPT_MS }
  }

  /** Logs a line where the state changes, not for each fetch. */
  #tell(slot: Slot, clientId: string, fetched: KeyFetch): void {
    const fault = fetched.outcome === 'keys' ? undefined : fetched.fault
    if (fault === slot.fault) return
    if (fault === undefined) this.#log.info('the keys of a client can be fetched again', { client_id: clientId })
    else this.#log.warn('the keys of a client cannot be fetched', { client_id: clientId, reason: fault })
  }

  /** Another slot that was used just now stays as well, because it keeps the next fetch away. */
  #shrink(newest: Slot): void {
    if (this.#clients.size <= MOST_CLIENTS) return
    const now = this.#clock.elapsed()
    for (const [key, slot] of this.#clients) {
      if (this.#clients.size <= MOST_CLIENTS) return
      if (slot !== newest && !slot.fetching && slot.nextAt <= now) this.#clients.delete(key)
    }
  }

  #noteDuration(ms: number): void {
    this.#durations.push(ms)
    if (this.#durations.length > MOST_DURATIONS) this.#durations.shift()
  }

  #someDuration(): number {
    return this.#durations[Math.floor(Math.random() * this.#durations.length)] ?? FIRST_DURATION_MS
  }
}

/** A healthy host answers so, and no assertion verifies by it. */
const NO_KEYS: KeyFetch = { outcome: 'keys', keys: [], freshSeconds: 300 }

const emptySlot = (uri: string | undefined): Slot => ({
  uri,
  known: undefined,
  fault: undefined,
  isAway: false,
  nextAt: -Infinity,
  fetching: undefined,
})

/** Whether the keys may serve an assertion. An assertion that names no key is content with any. */
const knows = ({ known }: Slot, kid: string | undefined, now: number): boolean =>
  known !== undefined && now < known.keptUntil && (kid === undefined || known.keys.some((key) => key.kid === kid))

/** Maps keep insertion order. */
function putLast<Key>(slots: Map<Key, Slot>, key: Key, slot: Slot): void {
  slots.delete(key)
  slots.set(key, slot)
}
