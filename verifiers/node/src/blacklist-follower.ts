/**
 * Follows the issuer's blacklist feed, so that a revoked token is refused here within a second and no request waits for
 * a network. It uses events if the network lets them through, and polls otherwise. It knows how old its data is.
 */
import { earlier, momentOf, type Clock, type Moment } from './clock.ts'
import { TokenError } from './errors.ts'
import { serverEvents } from './event-stream.ts'
import { FollowedList, type Position, type Taken } from './followed-list.ts'
import { asFault, REQUEST_TIMEOUT_MS, RequestFault, timeLimit, type TimeLimit } from './get-document.ts'
import { parseEvent } from './feed-page.ts'
import { FeedRequests, isEventStream } from './feed-requests.ts'
import { backOffMs, pause } from './pause.ts'
import type { Denial, FeedDocument, RevocationKind } from './revocation-list.ts'
import type { TokenClaims } from './token.ts'

/** The behaviour when nothing was heard from the feed for too long. */
export interface StalenessPolicy {
  /** The longest silence of the issuer, in seconds. Default 300. */
  maxStalenessSeconds?: number
  /** After that, `closed` (the default) refuses with `revocations_stale` (503), `open` uses the present data. */
  whenStale?: 'open' | 'closed'
}

export interface RevocationStatus {
  /** `idle` before the first token; `connecting` while neither events nor polling work. */
  mode: 'idle' | 'connecting' | 'events' | 'polling' | 'closed'
  /** The cursor of the feed; `null` before the first load is complete. */
  cursor: string | null
  entries: number
  /** Seconds since the issuer was last heard; `Infinity` before. Normally at most 15, the feed's heartbeat. */
  staleSeconds: number
  /** Why the last attempt failed; `null` if it did not. */
  lastError: string | null
}

export interface FollowerOptions {
  feedUrl: string
  userAgent: string
  policy: StalenessPolicy
  lingerSeconds: number
  clock: Clock
}

/** The time between two polls, so that an entry is noticed within a second. */
const POLL_MS = 700
/** Heartbeats come every 15 s; a connection that is silent for longer is dead. */
const SILENCE_MS = 40_000
/** How long the follower polls before it tries events again. */
const POLLS_FOR_MS = 60_000
/** The same, if events are refused for the moment. */
const BUSY_MS = 10_000
const SHORTEST_STREAM_MS = 1_000
/** A single short stream is a restart of the issuer; several in a row are a proxy that ends streams. */
const MOST_SHORT_STREAMS = 3
/** The time between two failed questions on behalf of a token that may not be judged by old data. */
const ASK_AGAIN_MS = 1_000
/** An open event stream. */
interface Line {
  limit: TimeLimit
  at: Position
  /** Whether pages are still missing. Then a heartbeat does not mean that there is nothing new. */
  hasMore: boolean
  /** When the stream was asked for; `undefined` after its first pages, because later pages come by themselves. */
  askedAt: Moment | undefined
}

/** The kind of a response to a poll. */
type Answer = 'more' | 'last' | 'start over'

type Listener = (kinds: ReadonlySet<RevocationKind>) => void

export class BlacklistFollower {
  readonly #options: FollowerOptions
  readonly #requests: FeedRequests
  readonly #list: FollowedList
  readonly #closing = new AbortController()
  readonly #listeners: Listener[] = []
  #mode: RevocationStatus['mode'] = 'idle'
  #lastError: string | null = null
  /** The open event stream. */
  #line: Line | undefined
  /** Settles with the first load or the first failure, whichever comes first. */
  #firstLoad: Promise<void> | undefined
  #endFirstLoad = () => {}
  #asking: Promise<void> | undefined
  #askedInVainAt = -Infinity

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#requests = new FeedRequests(options.feedUrl, options.userAgent)
    this.#list = new FollowedList(options.lingerSeconds)
  }

  /** Called with the kinds of entries that came or went. */
  onChange(listener: Listener): void {
    this.#listeners.push(listener)
  }

  status(): RevocationStatus {
    return {
      mode: this.#mode,
      cursor: this.#list.cursor ?? null,
      entries: this.#list.size,
      staleSeconds: this.#list.staleMs(momentOf(this.#options.clock)) / 1000,
      lastError: this.#lastError,
    }
  }

  close(): void {
    this.#mode = 'closed'
    this.#endFirstLoad()
    this.#closing.abort()
  }

  /**
   * Returns `undefined` if the data is fresh enough for the caller, and otherwise a promise that waits for fresh data.
   * @throws TokenError `revocations_stale`, asynchronously
   */
  whenFresh(policy: StalenessPolicy | undefined): Promise<void> | undefined {
    const asked = momentOf(this.#options.clock)
    if (this.#list.watchClock(asked)) void this.#askNow()
    return this.#isFresh(asked, policy) ? undefined : this.#freshen(asked, policy)
  }

  /** Changes with every entry that comes. */
  get version(): number {
    return this.#list.version
  }

  /** The entry that denies a token. @param kid of the key that verified it */
  findDenying(claims: TokenClaims, kid: string | undefined, nowSeconds: number): Denial | undefined {
    return this.#list.findDenying(claims, kid, nowSeconds)
  }

  /** @param asked the arrival of the token; a response to a later question is fresh enough for every bound */
  async #freshen(asked: Moment, policy: StalenessPolicy | undefined): Promise<void> {
    await this.#start()
    if (this.#isFresh(asked, policy)) return
    if ((policy?.whenStale ?? this.#options.policy.whenStale) === 'open') return
    await this.#askNow()
    // The awaited question may have been asked before, and be older than the bound allows.
    if (!this.#isFresh(asked, policy)) await this.#askNow()
    if (this.#isFresh(asked, policy)) return
    const told = this.#lastError === null ? '' : `: ${this.#lastError}`
    throw new TokenError('revocations_stale', `it is not known which tokens were revoked lately${told}`)
  }

  /** The first token starts the follower. */
  #start(): Promise<void> {
    this.#firstLoad ??= new Promise((resolve) => {
      this.#endFirstLoad = resolve
      void this.#run()
    })
    return this.#firstLoad
  }

  async #run(): Promise<void> {
    let failures = 0
    let shortStreams = 0
    let pollsUntil = 0
    while (!this.#isClosed()) {
      const polls = this.#evenMs() < pollsUntil
      const outcome = polls ? await this.#poll() : await this.#stream()
      if (this.#isClosed()) return
      if (!polls || outcome === 'failed') this.#mode = 'connecting'
      if (outcome === 'failed') this.#endFirstLoad()
      failures = outcome === 'failed' ? failures + 1 : 0
      shortStreams = outcome === 'cut short' ? shortStreams + 1 : 0
      // If events are refused, a poll follows at once.
      if (outcome === 'unsupported') pollsUntil = this.#evenMs() + POLLS_FOR_MS
      else if (outcome === 'busy' || shortStreams === MOST_SHORT_STREAMS) pollsUntil = this.#evenMs() + BUSY_MS
      else await pause(outcome === 'ok' ? POLL_MS : backOffMs(failures), this.#closing.signal)
    }
  }

  /**
   * Follows events until the connection ends. `failed`: there was no connection. `unsupported`: there are no events.
   * `busy`: the server takes no more followers now. `cut short`: the connection ended within a second.
   */
  async #stream(): Promise<'failed' | 'unsupported' | 'busy' | 'cut short' | 'ended'> {
    const limit = timeLimit(this.#closing.signal, REQUEST_TIMEOUT_MS)
    const line: Line = { limit, at: this.#list.position, hasMore: true, askedAt: momentOf(this.#options.clock) }
    const progress = { answered: false, heardAt: 0 }
    this.#line = line
    try {
      const response = await this.#requests.openStream(line.at, limit.ended)
      progress.answered = true
      if (response.status >= 429) return 'busy'
      if (!isEventStream(response)) return 'unsupported'
      for await (const event of serverEvents(response.body)) {
        if (event?.event === 'blacklist') {
          if (!this.#takeEvent(line, event.data)) return 'ended'
          progress.heardAt ||= performance.now()
          this.#mode = 'events'
        } else if (!line.hasMore && !this.#hear(line.at, undefined)) return 'ended'
        if (progress.heardAt) limit.extend(SILENCE_MS)
      }
    } catch (cause) {
      if (line.at.life !== this.#list.position.life) return 'ended'
      this.#lastError = asFault(this.#options.feedUrl, cause, limit.ended).message
      if (!progress.answered) return 'failed'
    } finally {
      limit.done()
      this.#line = undefined
    }
    // Some proxies hold a stream back. Polling gets through them.
    if (limit.ended.aborted && !progress.heardAt) return 'unsupported'
    return !progress.heardAt || performance.now() - progress.heardAt < SHORTEST_STREAM_MS ? 'cut short' : 'ended'
  }

  /** @returns whether the stream can go on; otherwise the follower has to connect again */
  #takeEvent(line: Line, data: string): boolean {
    const page = parseEvent(this.#options.feedUrl, data, line.at)
    const taken = this.#take(line.at, page, line.askedAt)
    if (typeof taken === 'string') return false
    line.at = taken.at
    line.hasMore = page.hasMore
    // The first pages are as old as the request. Later pages are sent when something changes.
    if (!page.hasMore) line.askedAt = undefined
    return true
  }

  /** Asks for one page after another until the list is complete. */
  async #poll(): Promise<'ok' | 'failed'> {
    let startsOver = 0
    let answer: Answer | undefined
    try {
      do {
        answer = await this.#askPage(answer)
        if (answer === 'start over' && ++startsOver > 1)
          throw new RequestFault(this.#options.feedUrl, 'starts over at each answer')
      } while (answer !== 'last')
    } catch (cause) {
      this.#lastError = asFault(this.#options.feedUrl, cause, this.#closing.signal).message
      return 'failed'
    }
    // An event stream of the former list has no more use.
    if (this.#line && this.#line.at.life !== this.#list.position.life)
      this.#line.limit.end('follows a list that started over')
    if (this.#mode !== 'events') this.#mode = 'polling'
    return 'ok'
  }

  /** @param before the kind of the response before this one */
  async #askPage(before: Answer | undefined): Promise<Answer> {
    const asked = this.#list.position
    const askedAt = momentOf(this.#options.clock)
    // Only an issuer with pages leaves a list in the middle.
    const isInPages = before === 'more' || !this.#list.isWhole
    const answer = await this.#requests.askPage(asked, { isInPages, signal: this.#closing.signal })
    const saidAt = earlier(askedAt, answer.secondsInCaches)
    if (!answer.page) {
      this.#hear(asked, saidAt)
      return this.#list.isWhole ? 'last' : 'more'
    }
    const { page } = answer
    const taken = this.#take(asked, page, saidAt)
    if (taken === 'start over') return taken
    answer.remember()
    // Another connection may have completed the list, or made it start over.
    return this.#list.isWhole && (taken === 'outdated' || !page.hasMore) ? 'last' : 'more'
  }

  /** Asks once for all tokens that may not be judged by old data. */
  async #askNow(): Promise<void> {
    if (this.#isClosed() || this.#evenMs() - this.#askedInVainAt < ASK_AGAIN_MS) return
    this.#asking ??= this.#poll()
      .then((outcome) => void (this.#askedInVainAt = outcome === 'failed' ? this.#evenMs() : -Infinity))
      .finally(() => (this.#asking = undefined))
    await this.#asking
  }

  /** @returns `outdated` also if the response belongs to another list than the current one */
  #take(asked: Position, page: FeedDocument, askedAt: Moment | undefined): Taken {
    const taken = this.#list.take(asked, page)
    if (typeof taken === 'string') return taken
    if (taken.kinds.size > 0) for (const listener of this.#listeners) listener(taken.kinds)
    if (page.hasMore || !this.#list.isWhole) return taken
    const isHeard = this.#hear(taken.at, askedAt)
    this.#endFirstLoad()
    return isHeard ? taken : 'outdated'
  }

  /** @param askedAt `undefined` for an event. @returns whether the message belongs to the current list */
  #hear(at: Position, askedAt: Moment | undefined): boolean {
    const moment = askedAt ?? momentOf(this.#options.clock)
    const isHeard = this.#list.hear(at, moment, { isAnswer: askedAt !== undefined })
    if (isHeard) this.#lastError = null
    return isHeard
  }

  #isFresh(asked: Moment, policy: StalenessPolicy | undefined): boolean {
    // Before the first whole list nothing is fresh, whatever the bound.
    const staleMs = this.#list.staleMs(asked)
    return Number.isFinite(staleMs) && staleMs <= this.#boundMs(policy)
  }

  #boundMs(policy: StalenessPolicy | undefined): number {
    return (policy?.maxStalenessSeconds ?? this.#options.policy.maxStalenessSeconds ?? 300) * 1000
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #evenMs(): number {
    return this.#options.clock.elapsed()
  }
}
