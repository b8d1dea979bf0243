/**
 * The keys of the issuer, fetched over HTTP: when to fetch, how long a set may be used, and what happens if the issuer
 * cannot be reached. At most one request is running, and all tokens wait for the same one. A response is as old as its
 * request: it says nothing about later changes of the set.
 */
import type { CryptoKey } from 'jose'
import type { Clock } from './clock.ts'
import { TokenError, shown } from './errors.ts'
import { getJson, RequestFault, secondsInCaches } from './get-document.ts'
import { addressIn, findMetadata } from './issuer-metadata.ts'
import { KeySet, type KeyChoice } from './key-set.ts'

/** A source of keys for tokens. */
export interface KeySource {
  /** @throws TokenError `unknown_key`, `unsupported_algorithm`, `issuer_unavailable` */
  keyFor(alg: string, kid: string | undefined): FoundKey | Promise<FoundKey>
  /** Makes the next token fetch the set again, for example because a key was revoked. */
  suspectChange(): void
  /** Whether the present set has a key of this name, fresh or not. */
  holds(kid: string | undefined): boolean
  close(): void
}

export interface FoundKey {
  key: CryptoKey | Uint8Array
  kid: string | undefined
}

export interface RemoteKeysOptions {
  issuer: string
  /** `undefined`: found by discovery. */
  jwksUri: string | undefined
  userAgent: string
  maxStaleSeconds: number
  clock: Clock
}

/** Bounds of the time for which the issuer lets its keys be cached; Signet says five minutes. */
const FRESH_MS = { least: 30_000, most: 600_000, unsaid: 300_000 }
/** A set that expired less than this ago is used while the next one is fetched. */
const SERVES_MEANWHILE_MS = 60_000
/** The time between two fetches for unknown keys. An unplanned rotation is noticed at once, or after this time. */
const COOLDOWN_MS = 5_000
/** The time between two attempts while the issuer does not answer. */
const RETRY_MS = 5_000
const DISCOVERED_FOR_MS = 3_600_000
const MOST_BYTES = 524_288

interface Held {
  set: KeySet
  text: string
  etag: string | undefined
  freshUntil: number
}

export class RemoteKeys implements KeySource {
  readonly #options: RemoteKeysOptions
  readonly #closing = new AbortController()
  #held: Held | undefined
  #fetching: Promise<void> | undefined
  #lastFault: { at: number; error: unknown } | undefined
  #lastUnknownAt = -Infinity
  /** A response to a request from before this moment may lack a change of the set. */
  #suspectedAt = -Infinity
  #discovered: { jwksUri: string; at: number } | undefined

  constructor(options: RemoteKeysOptions) {
    this.#options = options
  }

  suspectChange(): void {
    this.#suspectedAt = this.#evenMs()
    if (this.#held) this.#held.freshUntil = Math.min(this.#held.freshUntil, this.#suspectedAt)
    this.#fetchSoon()
  }

  holds(kid: string | undefined): boolean {
    return this.#held?.set.holds(kid) ?? false
  }

  close(): void {
    this.#closing.abort()
  }

  keyFor(alg: string, kid: string | undefined): FoundKey | Promise<FoundKey> {
    const held = this.#held
    const choice = held && this.#evenMs() < held.freshUntil ? held.set.findImported(alg, kid) : undefined
    return choice?.outcome === 'found' ? choice : this.#look(alg, kid)
  }

  async #look(alg: string, kid: string | undefined): Promise<FoundKey> {
    const before = this.#held
    const held = await this.#usable()
    let choice = await held.set.choose(alg, kid)
    if (choice.outcome === 'unknown' && held === before && this.#fetching) {
      // The running request may be older than the key. If it does not bring the key, another request follows.
      await this.#fetching
      choice = await (this.#held ?? held).set.choose(alg, kid)
    }
    if (choice.outcome === 'unknown' && held === before) {
      await this.#refetchForUnknown()
      choice = await (this.#held ?? held).set.choose(alg, kid)
    }
    return this.#require(choice, alg, kid)
  }

  /** A set that may be used now, fetched if necessary. */
  async #usable(): Promise<Held> {
    const held = this.#held
    const age = held ? this.#evenMs() - held.freshUntil : Infinity
    if (held && age < 0) return held
    this.#fetchSoon()
    // Tokens do not wait for an issuer that has just failed, or for a set that has just expired.
    const serves = held && (age < SERVES_MEANWHILE_MS || this.#lastFault) && age < this.#options.maxStaleSeconds * 1000
    if (!serves) await this.#fetching
    const usable = this.#held
    if (usable && this.#evenMs() - usable.freshUntil < this.#options.maxStaleSeconds * 1000) return usable
    throw this.#unavailable()
  }

  async #refetchForUnknown(): Promise<void> {
    const isCooling = this.#evenMs() - this.#lastUnknownAt < COOLDOWN_MS
    if (!isCooling) {
      this.#lastUnknownAt = this.#evenMs()
      this.#fetchSoon()
    }
    await this.#fetching
    // The key may exist, but the issuer cannot be asked.
    if (this.#lastFault) throw this.#unavailable()
  }

  #require(choice: KeyChoice, alg: string, kid: string | undefined): FoundKey {
    switch (choice.outcome) {
      case 'found':
        return choice
      case 'ambiguous':
        throw new TokenError('unknown_key', 'the token names no key (kid), and the issuer has several')
      case 'other-algorithm':
        throw new TokenError(
          'unsupported_algorithm',
          `the token says ${alg}, but key ${shown(kid)} is for ${choice.alg}`,
        )
      case 'unknown':
        throw new TokenError(
          'unknown_key',
          `the issuer ${this.#options.issuer} has no key ${shown(kid)}: rotated out, or of another issuer`,
        )
    }
  }

  #unavailable(): TokenError {
    const fault = this.#lastFault?.error
    const told = fault instanceof RequestFault ? `: ${fault.message}` : ''
    return new TokenError('issuer_unavailable', `the issuer's keys cannot be read${told}`, { cause: fault })
  }

  #fetchSoon(): void {
    if (this.#fetching || this.#closing.signal.aborted) return
    if (this.#lastFault && this.#evenMs() - this.#lastFault.at < RETRY_MS) return
    this.#fetching = this.#fetch()
      .then(() => void (this.#lastFault = undefined))
      .catch((error: unknown) => {
        this.#lastFault = { at: this.#evenMs(), error }
        // The set may have moved: its address is looked up again.
        this.#discovered = undefined
      })
      .finally(() => (this.#fetching = undefined))
  }

  async #fetch(): Promise<void> {
    const url = this.#options.jwksUri ?? (await this.#discover())
    const held = this.#held
    const askedAt = this.#evenMs()
    const answer = await this.#get(url, held?.etag)
    const freshUntil = this.#suspectedAt > askedAt ? this.#suspectedAt : this.#evenMs() + freshMs(answer.headers)
    if (held && (!answer.changed || answer.text === held.text)) {
      this.#held = { ...held, freshUntil }
      return
    }
    if (!answer.changed) throw new RequestFault(url, 'answered 304 without being asked to')
    const set = new KeySet(answer.json)
    if (set.size === 0) throw new RequestFault(url, 'holds no public signature key')
    this.#held = { set, text: answer.text, etag: answer.headers.get('etag') ?? undefined, freshUntil }
  }

  async #discover(): Promise<string> {
    const known = this.#discovered
    if (known && this.#evenMs() - known.at < DISCOVERED_FOR_MS) return known.jwksUri
    const metadata = await findMetadata(this.#options.issuer, (url) => this.#getFresh(url))
    const jwksUri = addressIn(metadata, 'jwks_uri')
    this.#discovered = { jwksUri, at: this.#evenMs() }
    return jwksUri
  }

  async #getFresh(url: string): Promise<{ url: string; json: unknown }> {
    const answer = await this.#get(url)
    return { url, json: answer.changed ? answer.json : undefined }
  }

  #get(url: string, etag?: string) {
    const { userAgent } = this.#options
    return getJson(url, { userAgent, maxBytes: MOST_BYTES, signal: this.#closing.signal, etag })
  }

  /** No time in this file is compared with the wall clock, which may be set forward and back. */
  #evenMs(): number {
    return this.#options.clock.elapsed()
  }
}

/** The rest of `max-age`, within bounds: a set is neither fetched all the time nor kept for days. */
function freshMs(headers: Headers): number {
  const control = headers.get('cache-control') ?? ''
  if (/\bno-(store|cache)\b/i.test(control)) return FRESH_MS.least
  const said = /\bmax-age="?(\d{1,9})/i.exec(control)?.[1]
  if (said === undefined) return FRESH_MS.unsaid
  const left = Number(said) - secondsInCaches(headers)
  return Math.min(Math.max(left * 1000, FRESH_MS.least), FRESH_MS.most)
}
